"""A load puts a host into another pool while work on it is under way: from then on both pools' words are for it."""

from datetime import UTC, datetime

from activities.drain import Draining
from fleet.models.stop import Stop, StopKind
from fleet.models.work import StepAction, StepKind
from tests.scenarios.site import CLUSTER
from tests.steps.site import order

OTHER = "another"


async def moved(site, host: str = "gpu001") -> None:
    """The fleet file in force has one more pool, and the host is in it."""
    fleet = (await site.store.fleet()).fleet
    document = fleet.model_dump(mode="json")
    [pool] = document["clusters"][0]["pools"]
    document["clusters"][0]["pools"].append({**pool, "name": OTHER, "verify": ["health"]})
    now = datetime.now(UTC)
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
