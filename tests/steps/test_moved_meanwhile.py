"""A load puts a host into another pool while work on it is under way: from then on both pools' words are for it."""

from datetime import UTC, datetime

from temporalio.testing import ActivityEnvironment

from activities.drain import Draining
from activities.hand_over import HandingOver
from fleet import ids
from fleet.models.messages import Command, HandOver
from fleet.models.stop import Stop, StopKind
from fleet.models.work import HostWork, StepAction, StepKind
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.site import VISIT, order

OTHER = "another"


async def moved(site, host: str = "gpu001", *, dropped: bool = False) -> None:
    """The fleet file in force has one more pool, and the host is in it; or it has that pool alone."""
    fleet = (await site.store.fleet()).fleet
    document = fleet.model_dump(mode="json")
    [pool] = document["clusters"][0]["pools"]
    document["clusters"][0]["pools"].append({**pool, "name": OTHER, "verify": ["health"]})
    now = datetime.now(UTC)
    if dropped:
        document["clusters"][0]["pools"].pop(0)
    await site.store.load_fleet(type(fleet).model_validate(document), "another file", "ann", "moved", now)
    members = [h.model_copy(update={"pool": OTHER} if h.name == host else {}) for h in await site.store.hosts(CLUSTER)]
    await site.store.sync_hosts(CLUSTER, tuple(members), now)


async def test_no_drain_begins_on_a_host_whose_new_pool_is_stopped(site):
    await moved(site)
    said = {"actor": "ann", "reason": "not here", "at": datetime.now(UTC)}
    await site.store.set_stop(Stop(kind=StopKind.FREEZE, cluster=CLUSTER, pool=OTHER, **said))

    here, there = [await site.run(Draining(site.deps).drain, order(StepKind.DRAIN, h)) for h in ("gpu001", "gpu002")]

    assert (StepAction.GIVE_BACK, StepAction.GO_ON) == (here.action, there.action)
    assert "not here" in here.reason
    assert not await site.drained("gpu001")


async def test_a_host_in_repair_is_verified_as_its_new_pool_wants_though_the_old_one_is_gone(site):
    await site.drain()
    work = HostWork(cluster=CLUSTER, pool=POOL, host="gpu001", operation=ids.operation(VISIT, "gpu001"), visit=VISIT)
    run, handing = ActivityEnvironment().run, HandingOver(site.deps)
    repair = await run(handing.hand_over, HandOver(work=work, reason="the flash failed"))
    await moved(site, dropped=True)

    boarding = await run(handing.plan_repair, repair, Command(actor="ann", reason="mended"))

    assert (POOL, OTHER) == (repair.pool, boarding.pool)
    assert ["verify:health"] == [s.key for s in boarding.steps if s.key.startswith("verify")]
    taken_up = await run(handing.hand_over, HandOver(work=repair, reason="its workflow is gone"))
    assert OTHER == taken_up.pool
