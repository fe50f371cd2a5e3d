"""A drain's deadline, and what happens to jobs at it, are those of the fleet file in force when it comes."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.drain import Draining
from drivers.registry import OpenDrivers
from fleet.models.work import StepAction, StepKind
from tests.scenarios.site import CLUSTER
from tests.steps.other import Other
from tests.steps.site import StepSite, order


async def load(site, **changes):
    record = await site.store.fleet()
    cluster = record.fleet.clusters[0]
    pool = cluster.pools[0].model_copy(update={"drain": cluster.pools[0].drain.model_copy(update=changes)})
    fleet = record.fleet.model_copy(update={"clusters": (cluster.model_copy(update={"pools": (pool,)}),)})
    await site.store.load_fleet(fleet, "the file, again", "ann", "a run must not end", datetime.now(UTC))


async def test_a_job_is_let_run_by_a_file_that_is_loaded_while_its_host_drains(tmp_path):
    site = await StepSite.open(tmp_path, drain={"deadline": "2s", "requeueable": "requeue"})
    job = site.world.submit_job(hosts=("gpu001",))
    waiting = asyncio.create_task(site.run(Draining(site.deps).drain, order(StepKind.DRAIN)))
    async with asyncio.timeout(10):
        while not site.drains():  # noqa: ASYNC110 - the cluster tells nobody
            await asyncio.sleep(0.02)

    await load(site, deadline=timedelta(hours=1))
    await asyncio.sleep(3)
    site.world.end_job(job)

    assert StepAction.GO_ON is (await asyncio.wait_for(waiting, 10)).action
    now = datetime.now(UTC)
    told = await site.store.report_facts(CLUSTER, now - timedelta(hours=1), now + timedelta(hours=1), {})
    assert () == tuple(told.interruptions)
    await site.close()


async def test_an_attempt_that_wakes_beside_its_successor_requeues_nothing(tmp_path):
    site = await StepSite.open(tmp_path, drain={"deadline": "0s", "requeueable": "requeue"})
    site.world.submit_job(hosts=("gpu001",))
    later = ActivityEnvironment()
    later.info = replace(later.info, attempt=2)
    successors = []

    async def late(jobs, fence):
        """The attempt stands still just before it sends, until its successor is at work."""
        successors.append(asyncio.create_task(later.run(Draining(site.deps).drain, order(StepKind.DRAIN))))
        await asyncio.sleep(0.5)
        await site.hands.scheduler.requeue(jobs, fence)

    hands = OpenDrivers(Other(site.hands.scheduler, requeue=late), site.hands.hardware, site.hands.verifier)
    deps = replace(site.deps, hands={CLUSTER: hands})

    with pytest.raises(ApplicationError, match="taken over by a newer attempt"):
        await site.run(Draining(deps).drain, order(StepKind.DRAIN))

    later.cancel()
    await asyncio.wait(successors)
    await site.close()
