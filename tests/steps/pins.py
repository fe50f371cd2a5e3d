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

    def __init__(self, site):
        self.site, self.deps = site, site.deps

    async def begin(self, state=PinState.CLOSING, **changes):
        site = self.site
        values = {"cluster": CLUSTER, "component": "nccl", "version": "2.22", "window": timedelta(minutes=5), **changes}
        await site.store.start_pin_switch(PinSpec(**values), "2.21", "ann", "it is out", now())
        for host in ("gpu001", "gpu002"):
            await site.hand_over(host)
        site.world.drain_by_other(LATE, "admin: disk check")
        request = Request(
            id=SWITCH,
            cluster=CLUSTER,
            kind=RequestClass.PIN_SWITCH,
            holder=SWITCH,
            hosts=MINE,
            asked_at=now(),
            override=Override(actor="ann", reason="it is out", lasts=900.0),
        )
        await site.store.request(request)
        granted = Settlement(reason="granted", grants=(Grant(request=SWITCH, reason="free", hosts=MINE),))
        await site.store.settle(CLUSTER, now(), lambda _: granted)
        await self.become(state=state)
        await self.put(*(PinHost(host=h, pool=POOL, state=PinHostState.TO_MOVE, batch=0) for h in MINE))
        return self

    async def become(self, **changes):
        await self.site.store.change_pin_switch(
            SWITCH, lambda before: PinChange(switch=before.model_copy(update=changes))
        )

    async def put(self, *hosts):
        await self.site.store.change_pin_switch(SWITCH, lambda before: PinChange(switch=before, hosts=hosts))

    async def note(self, state, *hosts):
        await self.site.store.note_pin_hosts(SWITCH, dict.fromkeys(hosts, (state, "")), now())

    async def tested(self):
        """The new pin was tested with every driver."""
        entry = MatrixEntry(components={"gpu-driver": "550.*"}, pins={"nccl": "2.22"})
        await self.site.store.add_matrix(CLUSTER, (entry,), "ann", "qualified", now())

    async def row(self):
        return await self.site.store.pin_switch(SWITCH)

    async def hosts(self):
        return {h.host: h.state for h in await self.site.store.pin_hosts(SWITCH)}

    async def close(self):
        await run(PinClosing(self.deps, settle_for=0.0).close_pin, INPUT)

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
