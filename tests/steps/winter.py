"""A large-scale maintenance on the site of the steps: six hosts in two domains of three, and what happens to it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.deps import Deps
from activities.emergency import EmergencyPlanning
from activities.held_back import held_back
from activities.looking import look
from activities.visit import Visiting
from fleet import ids
from fleet.models.emergency import Emergency, EmergencyHost, EmergencySpec
from fleet.models.emergency_messages import EmergencyInput, EmergencyOrder
from fleet.models.ledger import Request, RequestClass
from fleet.models.messages import VisitAsk, VisitAsked, VisitEnd, VisitInput
from fleet.models.override import Override
from fleet.models.work import HostOutcome, Outcome, StepKind
from fleet.policy.emergency_orders import gate_of
from fleet.policy.grants import settle
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.site import StepSite, order
from tests.steps.urgent import Engine, said

LARGE = ids.large(CLUSTER, "winter")
INPUT = EmergencyInput(emergency=LARGE, cluster=CLUSTER)
D1, D2 = ("gpu001", "gpu002", "gpu003"), ("gpu004", "gpu005", "gpu006")
STEPS = [{"domains": 1}]
RAMP = {"domains": 1}


class Winter:
    """Six hosts in two domains of three; a maintenance of a domain a round, whose date has come."""

    def __init__(self, site: StepSite) -> None:
        self.site, self.store, self.engine = site, site.store, Engine()
        self.deps = Deps(store=site.store, hands=site.deps.hands, pager=site.pages, engine=self.engine)
        self.visiting, self.planning = Visiting(self.deps), EmergencyPlanning(self.deps)

    async def begin(
        self, override: Override | None = None, begins_in: float = -1, alone: bool = False, **plan: Any
    ) -> "Winter":
        """`alone`: each host is a domain of its own."""
        now = datetime.now(UTC)
        event = {"at": now + timedelta(seconds=begins_in), "steps": STEPS, **plan}
        upgrades = [] if plan.get("work") else [{"component": "gpu-driver", "version": "550.3"}]
        spec = {"name": "winter", "cluster": CLUSTER, "upgrades": upgrades, "plan": event, "verify": ["health"]}
        found = Emergency(
            id=LARGE,
            spec=EmergencySpec.model_validate(spec),
            targets={u["component"]: u["version"] for u in upgrades},
            override=override,
            started_at=now,
            started_by="ann",
            why="winter",
            changed_at=now,
        )
        domains = {h: h if alone else "d001" if h in D1 else "d002" for h in (*D1, *D2)}
        hosts = [EmergencyHost(host=h, pool=POOL, domain=domain) for h, domain in domains.items()]
        await self.store.start_emergency(found, hosts)
        await look(self.deps, CLUSTER)
        return self

    async def plan(self):
        return await ActivityEnvironment().run(self.planning.plan_emergency, INPUT)

    async def ask(self, stop=1, domain="d001"):
        visit = VisitInput(cluster=CLUSTER, pool=POOL, visit=ids.emergency_stop(LARGE, stop), domain=domain)
        return await ActivityEnvironment().run(self.visiting.ask_for_hosts, VisitAsk(input=visit))

    async def settle(self):
        await look(self.deps, CLUSTER)
        await self.store.settle(CLUSTER, await self.store.clock(), settle)

    async def board(self, stop=1, domain="d001"):
        """Ask, settle and board; the work."""
        await self.ask(stop, domain)
        await self.settle()
        asked = await self.ask(stop, domain)
        visit = VisitInput(cluster=CLUSTER, pool=POOL, visit=ids.emergency_stop(LARGE, stop), domain=domain)
        return (await ActivityEnvironment().run(self.visiting.board_hosts, asked, visit)).works

    async def grant_and_board(self, stop, *hosts, domain="d002"):
        """A stop is granted these hosts, whatever its request would have found by then, and boards."""
        visit = VisitInput(cluster=CLUSTER, pool=POOL, visit=ids.emergency_stop(LARGE, stop), domain=domain)
        values = {"cluster": CLUSTER, "holder": visit.visit, "hosts": hosts, "asked_at": datetime.now(UTC)}
        request = Request(id=visit.visit, kind=RequestClass.LARGE, partial=True, **values)
        await self.store.request(request)
        await self.settle()
        asked = VisitAsked(ask=0, request=request.id, granted=True, hosts=hosts)
        return await ActivityEnvironment().run(self.visiting.board_hosts, asked, visit)

    async def came_back(self, stop, *hosts, outcome=Outcome.UPGRADED):
        """The stop's hosts end so, and its visit with them."""
        visit = ids.emergency_stop(LARGE, stop)
        for host in hosts:
            operation = ids.operation(visit, host)
            known = {"cluster": CLUSTER, "pool": POOL, "host": host, "operation": operation, "visit": visit}
            row = HostOutcome(**known, outcome=outcome, reason="so", at=datetime.now(UTC))
            await self.store.release(CLUSTER, host, operation, row, datetime.now(UTC))
        end = VisitEnd(input=VisitInput(cluster=CLUSTER, pool=POOL, visit=visit, domain=""), request=visit)
        await ActivityEnvironment().run(self.visiting.end_visit, end)
        await look(self.deps, CLUSTER)

    async def say(self, verb, key=None, **gate):
        """A person's word; a go is for the gate that it is at, unless told otherwise."""
        at = gate_of(await self.store.emergency(LARGE))._replace(**gate)
        order = EmergencyOrder(
            actor="ann", reason="it hangs", emergency=LARGE, verb=verb, round=at.round, again=at.again
        )
        return await said(key).run(self.planning.order_emergency, order)

    async def states(self, *hosts):
        found = {h.host: h.state for h in await self.store.emergency_hosts(LARGE)}
        return [found[h] for h in hosts]

    def gate_order(self, host, stop=1):
        visit = ids.emergency_stop(LARGE, stop)
        at_gate = order(StepKind.GATE, host, visit=visit)
        return at_gate.model_copy(update={"operation": ids.operation(visit, host)})

    async def waits_at_gate(self, host, stop=1):
        """Why a host's gate waits; empty when it does not."""
        found = await ActivityEnvironment().run(held_back, self.deps, self.gate_order(host, stop))
        return "" if found is None else found.reason
