"""Jobs that fail on hosts on which an upgrade soaks are noted by the dispatcher's looks, and blame is told."""

from datetime import UTC, datetime

import pytest
from temporalio.testing import ActivityEnvironment

from activities.dispatcher import Dispatching
from fleet.models.messages import ClusterInput
from fleet.models.scheduler import JobKind
from tests.scenarios.site import CLUSTER
from tests.steps.reviews import CANARY, FIRST

ONE = JobKind.NOT_REQUEUEABLE


@pytest.fixture
async def looks(reviews):
    """The dispatcher's looks at a canary of three hosts that have returned."""
    canary = {**CANARY, "cohort": {"hosts": {"names": "gpu[001-003]"}}}
    await reviews.start(phases=[canary, {"name": "everywhere"}])
    await reviews.look()
    await reviews.passed(*FIRST)
    dispatching, order = Dispatching(reviews.deps), ClusterInput(cluster=CLUSTER)

    async def look():
        await ActivityEnvironment().run(dispatching.observe, order)

    return look


async def failures(reviews):
    trials = await reviews.store.trials([CLUSTER], datetime(2020, 1, 1, tzinfo=UTC))
    return [(t.host, t.category) for t in trials if t.in_production]


def run(reviews, host, *, passes):
    job = reviews.site.world.submit_job(hosts=[host], kind=ONE)
    (reviews.site.world.end_job if passes else reviews.site.world.fail_job)(job)


async def test_a_host_that_failed_under_a_job_between_two_looks_counts_though_it_is_back(reviews, looks):
    await looks()
    reviews.site.world.submit_job(hosts=["gpu002"], kind=ONE)
    reviews.site.world.kill_daemon("gpu002")
    reviews.site.world.repair_host("gpu002")

    await looks()
    await looks()

    assert [("gpu002", "")] == await failures(reviews)


async def test_a_host_that_somebody_took_from_its_job_has_not_failed(reviews, looks):
    await looks()
    reviews.site.world.submit_job(hosts=["gpu002"], kind=ONE)
    reviews.site.world.kill_daemon("gpu002")
    reviews.site.world.repair_host("gpu002")
    reviews.site.world.drain_by_other("gpu002", "admin: disk check")

    await looks()

    assert [] == await failures(reviews)


async def test_a_work_that_passes_elsewhere_speaks_once_however_often_it_fails(reviews, looks):
    await looks()
    for host in ("gpu004", "gpu005", "gpu006"):
        run(reviews, host, passes=True)
    run(reviews, "gpu001", passes=False)
    await looks()
    run(reviews, "gpu003", passes=False)

    await looks()

    assert [("gpu001", "job")] == await failures(reviews)
    seen = await reviews.look()
    assert seen.reason.startswith("canary: 3 of 2 successes")


async def test_what_ended_before_the_first_look_may_be_older_than_the_return_and_is_not_told(reviews, looks):
    reviews.site.world.submit_job(hosts=["gpu002"], kind=ONE)
    reviews.site.world.kill_daemon("gpu002")
    reviews.site.world.repair_host("gpu002")

    await looks()
    await looks()

    assert [] == await failures(reviews)


async def test_a_host_that_goes_down_after_a_job_failed_on_it_is_told_as_well(reviews, looks):
    await looks()
    for host in ("gpu004", "gpu005"):
        run(reviews, host, passes=True)
    run(reviews, "gpu001", passes=False)
    await looks()
    reviews.site.world.kill_daemon("gpu001")
    await reviews.observe()

    await reviews.look()

    assert [("gpu001", "job"), ("gpu001", "")] == await failures(reviews)
