"""A domain that became larger than what may ever be out: people are told once, and not while its visit has it."""

from datetime import UTC, datetime

from activities.train import Planning
from fleet.models.train import Visit, VisitState
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.site import VISIT
from tests.steps.test_avoidance_between_looks import TRAIN

TITLE = f"{CLUSTER}/{POOL} can't be visited: d001 is too large"


async def lower(site, buffer: int) -> None:
    """A load lowers the pool's promise in the middle of its cycle."""
    record = await site.store.fleet()
    cluster = record.fleet.clusters[0]
    pool = cluster.pools[0].model_copy(update={"planned_buffer": buffer})
    fleet = record.fleet.model_copy(update={"clusters": (cluster.model_copy(update={"pools": (pool,)}),)})
    await site.store.load_fleet(fleet, f"with {buffer}", "ann", "a promise to users", datetime.now(UTC))


async def test_it_is_paged_once_for_each_promise_that_is_too_low(looks):
    await looks.site.store.withdraw(VISIT, "its hosts returned", datetime.now(UTC))
    plan = Planning(looks.deps).plan_stop
    await looks.run(plan, TRAIN)
    assert [] == looks.site.pages.titles

    await lower(looks.site, 1)
    for _ in range(2):
        await looks.run(plan, TRAIN)
    assert [TITLE] == looks.site.pages.titles

    await lower(looks.site, 2)
    await looks.run(plan, TRAIN)
    assert [TITLE] == looks.site.pages.titles


async def test_a_domain_that_its_visit_has_already_is_not_told_of(looks):
    visit = Visit(
        id=VISIT,
        cluster=CLUSTER,
        pool=POOL,
        cycle=1,
        domain="d001",
        attempt=0,
        state=VisitState.WAITING,
        opened_at=datetime.now(UTC),
    )
    assert await looks.site.store.open_visit(visit)
    await lower(looks.site, 1)
    await looks.run(Planning(looks.deps).plan_stop, TRAIN)
    assert [TITLE.replace("d001", "d002")] == looks.site.pages.titles
