"""A drain's deadline, and what happens to jobs at it, are those of the fleet file in force when it comes."""

import asyncio
from datetime import UTC, datetime, timedelta

from activities.drain import Draining
from fleet.models.work import StepAction, StepKind
from tests.scenarios.site import CLUSTER
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
