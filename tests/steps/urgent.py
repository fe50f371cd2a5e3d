"""An emergency on the site of the steps, without an engine."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from temporalio.testing import ActivityEnvironment

from activities.deps import Deps
from activities.emergency import EmergencyPlanning
from activities.looking import look
from activities.visit import Visiting
from fleet import ids
from fleet.errors import Unreachable
from fleet.models.emergency import (
    Emergency,
    EmergencyChange,
    EmergencyHost,
    EmergencyHostState,
    EmergencySpec,
    EmergencyState,
)
from fleet.models.emergency_messages import EmergencyInput, EmergencyOrder
from fleet.models.messages import VisitAsk, VisitInput
from fleet.models.work import HostOutcome, Outcome
from fleet.policy.grants import settle
from tests.scenarios.site import CLUSTER, POOL

EMERGENCY = ids.emergency(CLUSTER, "hole")
INPUT = EmergencyInput(emergency=EMERGENCY, cluster=CLUSTER)
STOP = ids.emergency_stop(EMERGENCY, 1)
ASK = VisitAsk(input=VisitInput(cluster=CLUSTER, pool=POOL, visit=STOP, domain="d002"))


class Engine:
    """Every workflow runs but those named; what was woken."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        self.woken: list[str] = []
        self.heard_at: datetime | None = None
        self.silent = False

    async def running(self, workflow_id: str) -> bool:
        return workflow_id not in self.gone

    async def wake(self, workflow_id: str) -> bool:
        self.woken.append(workflow_id)
        return True

    async def signalled(self, workflow_id: str, run_id: str, signal: str) -> datetime | None:
        if self.silent:
            raise Unreachable("the engine does not tell")
        return self.heard_at


def said(key: str | None) -> ActivityEnvironment:
    """An order that was given once; under the same key it is one that is tried again."""
    found = ActivityEnvironment()
    found.info = replace(found.info, activity_id=key or uuid4().hex)
    return found


class Urgent:
    """The site of the steps under an emergency: gpu001 and gpu002 are a train's, whose buffer is three."""

    def __init__(self, site) -> None:
        self.site, self.store, self.engine = site, site.store, Engine()
        self.deps = Deps(store=site.store, hands=site.deps.hands, pager=site.pages, engine=self.engine)
        self.visiting, self.planning = Visiting(self.deps), EmergencyPlanning(self.deps)

    async def begin(self, state=EmergencyState.RUNNING, **spec: Any) -> "Urgent":
        now = datetime.now(UTC)
        upgrade = {"component": "gpu-driver", "version": "550.3"}
        found = Emergency(
            id=EMERGENCY,
            spec=EmergencySpec.model_validate({"name": "hole", "cluster": CLUSTER, "upgrades": [upgrade], **spec}),
            targets={"gpu-driver": "550.3"},
            state=state,
            started_at=now,
            started_by="ann",
            why="a hole",
            changed_at=now,
        )
        hosts = [
            EmergencyHost(host=h, pool=POOL, domain="d001" if h < "gpu004" else "d002") for h in self.site.world.hosts()
        ]
        await self.store.start_emergency(found, hosts)
        await look(self.deps, CLUSTER)
        return self

    async def plan(self):
        return await ActivityEnvironment().run(self.planning.plan_emergency, INPUT)

    async def ask(self):
        return await ActivityEnvironment().run(self.visiting.ask_for_hosts, ASK)

    async def settle(self):
        await self.store.settle(CLUSTER, await self.store.clock(), settle)

    async def board(self, asked):
        return await ActivityEnvironment().run(self.visiting.board_hosts, asked, ASK.input)

    async def granted(self):
        await self.plan()
        await self.ask()
        await self.settle()
        return await self.ask()

    async def order(self, verb, key=None):
        order = EmergencyOrder(actor="ann", reason="it hangs", emergency=EMERGENCY, verb=verb)
        return await said(key).run(self.planning.order_emergency, order)

    async def states(self):
        return {h.host: h.state for h in await self.store.emergency_hosts(EMERGENCY)}


async def outcome(urgent, host, *applied):
    """It carries what it was to get; `applied` by this stop."""
    operation = ids.operation(STOP, host)
    row = HostOutcome(
        cluster=CLUSTER,
        pool=POOL,
        host=host,
        operation=operation,
        visit=STOP,
        outcome=Outcome.UPGRADED,
        applied=applied,
        reason="carries it",
        at=datetime.now(UTC),
    )
    await urgent.store.release(CLUSTER, host, operation, row, datetime.now(UTC))


async def signals(urgent, **pool: Any):
    fleet = (await urgent.store.fleet()).fleet
    document = fleet.model_dump(mode="json")
    document["clusters"][0]["pools"][0]["drain"]["signal"] = "USR1"
    document["clusters"][0]["pools"][0] |= pool
    await urgent.store.load_fleet(type(fleet).model_validate(document), "it", "ann", "signals", datetime.now(UTC))


def asks_for(host):
    def change(before, hosts):
        asked = {"state": EmergencyHostState.ASKED, "stop": STOP}
        return EmergencyChange(emergency=before, hosts=[h.model_copy(update=asked) for h in hosts if h.host == host])

    return change
