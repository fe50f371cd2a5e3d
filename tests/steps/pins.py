"""A pin switch in the middle of its life, on the site of the steps."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.pin_closing import PinClosing
from fleet import ids
from fleet.models.ledger import Grant, Request, RequestClass, Settlement
from fleet.models.matrix import MatrixEntry
from fleet.models.override import Override
from fleet.models.pin import PinChange, PinHost, PinHostState, PinSpec, PinState
from fleet.models.pin_messages import PinBatchInput, PinInput
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.other import Other
from tests.steps.site import no_fence

SWITCH = ids.pin_switch(CLUSTER, "nccl", 1)
INPUT = PinInput(switch=SWITCH, cluster=CLUSTER)
MINE = ("gpu003", "gpu004", "gpu005")
LATE = "gpu006"


def now():
    return datetime.now(UTC)


class Switch:
    """A switch that holds three hosts; one is in another's hands, and two are in repair."""

    def __init__(self, site, number=1):
        self.site, self.deps, self.number = site, site.deps, number
        self.id = ids.pin_switch(CLUSTER, "nccl", number)
        self.input = PinInput(switch=self.id, cluster=CLUSTER)

    async def begin(self, state=PinState.CLOSING, **changes):
        site = self.site
        values = {"cluster": CLUSTER, "component": "nccl", "version": "2.22", "window": timedelta(minutes=5), **changes}
        await site.store.start_pin_switch(PinSpec(**values), "2.21", "ann", "it is out", now())
        for host in ("gpu001", "gpu002"):
            await site.hand_over(host)
        site.world.drain_by_other(LATE, "admin: disk check")
        return await self._holds(state)

    async def followed_by(self, version, prior, state=PinState.CLOSING):
        """A later switch, begun while this one is late, that holds the same hosts."""
        await self.site.store.withdraw(self.id, "its hosts returned", now())
        values = {"cluster": CLUSTER, "component": "nccl", "version": version, "window": timedelta(minutes=5)}
        await self.site.store.start_pin_switch(PinSpec(**values), prior, "ann", "go on", now())
        return await Switch(self.site, self.number + 1)._holds(state)

    async def _holds(self, state):
        await self.holds(self.id, *MINE)
        await self.become(state=state)
        await self.put(*(PinHost(host=h, pool=POOL, state=PinHostState.TO_MOVE, batch=0) for h in MINE))
        return self

    async def holds(self, request, *hosts):
        """It was granted these by that request."""
        asked = Request(
            id=request,
            cluster=CLUSTER,
            kind=RequestClass.PIN_SWITCH,
            holder=self.id,
            hosts=hosts,
            asked_at=now(),
            override=Override(actor="ann", reason="it is out", lasts=900.0),
        )
        await self.site.store.request(asked)
        granted = Settlement(reason="granted", grants=(Grant(request=request, reason="free", hosts=hosts),))
        await self.site.store.settle(CLUSTER, now(), lambda _: granted)

    async def become(self, **changes):
        await self.site.store.change_pin_switch(
            self.id, lambda before: PinChange(switch=before.model_copy(update=changes))
        )

    async def put(self, *hosts):
        await self.site.store.change_pin_switch(self.id, lambda before: PinChange(switch=before, hosts=hosts))

    async def note(self, state, *hosts):
        await self.site.store.note_pin_hosts(self.id, dict.fromkeys(hosts, (state, "")), now())

    async def tested(self):
        """The new pin was tested with every driver."""
        entry = MatrixEntry(components={"gpu-driver": "550.*"}, pins={"nccl": "2.22"})
        await self.site.store.add_matrix(CLUSTER, (entry,), "ann", "qualified", now())

    async def row(self):
        return await self.site.store.pin_switch(self.id)

    async def hosts(self):
        return {h.host: h.state for h in await self.site.store.pin_hosts(self.id)}

    async def close(self):
        await run(PinClosing(self.deps, settle_for=0.0).close_pin, self.input)

    async def closed(self):
        view = await self.site.hands.scheduler.view(not_before=time.monotonic())
        return {name: node.reservation for name, node in view.nodes.items() if node.maintenance}


def with_scheduler(switch, **calls):
    """The switch's worker, with another scheduler for these calls."""
    hands = replace(switch.site.hands, scheduler=Other(switch.site.hands.scheduler, **calls))
    return replace(switch.deps, hands={CLUSTER: hands})


async def run(body, *arguments):
    return await ActivityEnvironment().run(body, *arguments)


async def moving(switch, **changes):
    await switch.begin(**changes)
    await switch.tested()
    for host in MINE:
        await switch.site.store.record_versions(CLUSTER, host, {"gpu-driver": "550.1", "nccl": "2.22"}, now())
    await switch.close()
    await switch.become(state=PinState.MOVING)
    await switch.note(PinHostState.CHECKED, *MINE)
    for host in MINE:
        reason = ids.drain_reason(ids.PLANNED, ids.operation(SWITCH, host))
        await switch.site.hands.scheduler.drain(host, reason, no_fence)


def batch(phase):
    return PinBatchInput(switch=SWITCH, cluster=CLUSTER, phase=phase, batch=0)
