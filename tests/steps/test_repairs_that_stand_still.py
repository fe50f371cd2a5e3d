"""Whom the dispatcher tells of a repair: nobody while its ladder climbs, and people when it comes no further."""

import asyncio
from datetime import UTC, datetime

import pytest
from temporalio.testing import ActivityEnvironment

from activities.hand_over import HandingOver
from activities.ladder import ask_again
from fleet.models.rungs import NextRung
from fleet.models.work import Climb, StepAction
from tests.scenarios.site import CLUSTER
from tests.steps.ladder import ANN, HOST, NEEDED, in_force, record

STANDS = f"{CLUSTER}/{HOST} is in repair, and a try of it stands still"


async def test_the_dispatcher_pages_for_no_host_that_climbs_and_makes_up_for_a_lost_page_at_the_end(ladder):
    deps, store = ladder.site.deps, ladder.site.store

    async def looks() -> None:
        await ActivityEnvironment().run(ask_again, deps, await store.lease(CLUSTER, HOST))

    await looks()
    await ladder.climb()
    await looks()
    assert [] == ladder.site.pages.titles

    asked = ladder.work.model_copy(update={"tries": 1, "climb": Climb.BARRED})
    await store.climb(asked, datetime.now(UTC), lambda _: NextRung(rung=None, reason="no rung left"))
    await looks()
    await looks()
    assert [NEEDED] == ladder.site.pages.titles


async def test_a_ladder_that_stands_still_is_told_once_a_rung(ladder):
    deps, store = ladder.site.deps, ladder.site.store
    await in_force(ladder.site, told_after="1s", performance=["retry", "gpu_reset"])
    told = f"{CLUSTER}/{HOST} is in repair, and its ladder stands still"

    async def looks() -> None:
        await ActivityEnvironment().run(ask_again, deps, await store.lease(CLUSTER, HOST))

    for number in (1, 2):
        await ladder.climb()
        await looks()
        await asyncio.sleep(1.1)
        await looks()
        await looks()
        assert [told] * number == ladder.site.pages.titles
        await ladder.tried(record())
    assert "the rung gpu_reset has been under way for more than 1s" in ladder.site.pages.bodies[1]


@pytest.fixture
async def tried(ladder):
    """A person said that the host is repaired: its try, of which the third second without a step is too long."""
    await in_force(ladder.site, told_after="1s", performance=["retry"])
    ladder.work = ladder.work.model_copy(update={"tries": 1})
    await ActivityEnvironment().run(HandingOver(ladder.site.deps).plan_repair, ladder.work, ANN)
    return ladder


async def looks(ladder) -> None:
    """The dispatcher's, twice, with more time between than a step may take."""
    for _ in range(2):
        lease = await ladder.site.store.lease(CLUSTER, HOST)
        await ActivityEnvironment().run(ask_again, ladder.site.deps, lease)
        await asyncio.sleep(1.1)


async def test_a_persons_own_try_that_stands_still_is_told_once_for_each_of_its_steps(tried):
    await looks(tried)
    await looks(tried)
    assert [STANDS] == tried.site.pages.titles
    assert "come no further for more than 1s: none of its steps has ended" in tried.site.pages.bodies[0]

    of_try = record(StepAction.GO_ON, operation=f"{tried.work.operation}.1", step="verify:health")
    await tried.site.store.record_step(of_try)
    await looks(tried)
    assert [STANDS, STANDS] == tried.site.pages.titles
    assert "its last step that ended is verify:health" in tried.site.pages.bodies[1]


async def test_a_persons_try_that_was_told_to_have_failed_does_not_stand_still(tried):
    await ActivityEnvironment().run(HandingOver(tried.site.deps).report_repair, tried.work)
    await looks(tried)
    assert STANDS not in tried.site.pages.titles


async def test_a_persons_try_that_handed_the_host_over_does_not_stand_still(tried):
    await tried.site.store.record_step(record(operation=f"{tried.work.operation}.1"))
    await looks(tried)
    assert [] == tried.site.pages.titles
