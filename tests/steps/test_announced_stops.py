"""The dispatcher's look tells the scheduler of the next stop, and takes it back when the visit has its hosts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.dispatcher import Dispatching
from fleet import ids
from fleet.errors import Refused
from fleet.models.announcement import Announcement
from fleet.models.fleetfile import Announce
from fleet.models.ledger import Autostop
from fleet.models.messages import ClusterInput
from fleet.models.train import Domain, Visit, VisitState
from fleet.ports.fence import open_fence
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.test_told_and_noted import Running

NAME = f"{ids.NEXT_RESERVATION}{POOL}"


async def planned(site, announce=Announce.RESERVATION) -> None:
    """The second domain's jobs were told of its visit."""
    now = datetime.now(UTC)
    record = await site.store.fleet()
    assert record is not None
    cluster = record.fleet.clusters[0].model_copy(update={"announce": announce})
    fleet = record.fleet.model_copy(update={"clusters": (cluster,)})
    await site.store.load_fleet(fleet, "the file, again", "ann", "tell the scheduler", now)
    domain = Domain(name="d002", hosts=("gpu004", "gpu005"))
    await site.store.open_cycle(CLUSTER, POOL, 1, (domain,), now, now + timedelta(days=1))
    await site.store.noticed(CLUSTER, POOL, 1, "d002", now)


async def look(site, deps=None) -> None:
    deps = replace(deps or site.deps, engine=Running())
    await ActivityEnvironment().run(Dispatching(deps).observe, ClusterInput(cluster=CLUSTER))


def announced(site):
    return [(r.detail["reservation"], r.detail["hosts"]) for r in site.world.journal() if r.kind == "announced"]


async def test_the_next_stop_is_announced_until_its_visit_has_its_hosts(site):
    await planned(site)
    for _ in range(2):
        await look(site)
    assert [(NAME, ["gpu004", "gpu005"])] == announced(site)

    visit, now = ids.visit(CLUSTER, POOL, 1, "d002", 1), datetime.now(UTC)
    place = {"cluster": CLUSTER, "pool": POOL, "cycle": 1, "domain": "d002", "attempt": 1}
    await site.store.open_visit(Visit(id=visit, **place, state=VisitState.WAITING, opened_at=now))
    await look(site)
    assert 1 == len(announced(site))
    await site.lease(visit, "gpu004", "gpu005")
    await look(site)
    assert (NAME, []) == announced(site)[-1]


async def test_nothing_is_announced_unless_the_cluster_asks_for_it(site):
    await planned(site, Announce.NONE)
    await look(site)

    assert [] == announced(site)


async def test_an_autostop_takes_it_back_and_so_is_what_a_dead_train_left(site):
    await planned(site)
    left = Announcement(hosts=("gpu006",), begins_in=60, lasts=600)
    await site.hands.scheduler.announce({"a_pool_that_was": left}, open_fence)
    await look(site)
    assert (f"{ids.NEXT_RESERVATION}a_pool_that_was", []) in announced(site)

    now = datetime.now(UTC)
    stopped = Autostop(stopped=True, since=now, reason="2 hosts failed")
    await site.store.set_autostop(CLUSTER, POOL, stopped, "ann", "a test", now)
    await look(site)
    assert (NAME, []) == announced(site)[-1]


class Deaf:
    """A scheduler that takes no announcement."""

    def __init__(self, inner) -> None:
        self._inner = inner

    def __getattr__(self, name):
        return getattr(self._inner, name)

    async def announce(self, plans, fence):
        raise Refused("not allowed to make reservations")


async def test_a_scheduler_that_takes_none_holds_up_no_look(site):
    await planned(site)
    hands = replace(site.hands, scheduler=Deaf(site.hands.scheduler))
    await look(site, replace(site.deps, hands={CLUSTER: hands}))

    assert (await site.store.facts(CLUSTER, datetime.now(UTC))).observation is not None
