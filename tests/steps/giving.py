"""A host in repair that is given to an outsider: asked for, taken, and who has it."""

from datetime import timedelta

from temporalio.testing import ActivityEnvironment

from activities.hand_over import HandingOver
from activities.handovers import GivingAway
from fleet import ids
from fleet.models.handover import Handover, HandoverWay
from fleet.models.messages import Command, HandOver
from fleet.models.work import HostWork
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.site import VISIT

HOST, REPAIR = "gpu001", "repair/sim/gpu001/1"
OURS, THEIRS = ids.drain_reason(ids.REPAIR, REPAIR), "vendor: RMA 4711"
ANN = Command(actor="ann", reason="RMA 4711")


async def asked(losses, way=HandoverWay.GIVE, host=HOST, within=timedelta(hours=4), **changes) -> Handover:
    now = await losses.site.store.clock()
    values = {"id": "", "cluster": CLUSTER, "pool": POOL, "host": host, "way": way, "outsider": "vendor"}
    values |= {"actor": "ann", "reason": "RMA 4711", "operation": REPAIR, "theirs": THEIRS}
    made = Handover(**{**values, "asked_at": now, "deadline": now + within, **changes})
    store = losses.site.store
    return await (store.take_over(made, now) if way is HandoverWay.TAKE else store.ask_handover(made))


async def in_repair(losses) -> HostWork:
    await losses.site.drain(HOST)
    work = HostWork(cluster=CLUSTER, pool=POOL, host=HOST, operation=ids.operation(VISIT, HOST), visit=VISIT)
    losses.engine.runs.add(f"host/{CLUSTER}/{HOST}")
    return await ActivityEnvironment().run(
        HandingOver(losses.site.deps).hand_over, HandOver(work=work, reason="the flash failed")
    )


async def give_away(losses, work) -> bool:
    return await ActivityEnvironment().run(GivingAway(losses.site.deps).give_away, work)
