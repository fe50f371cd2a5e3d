"""A scheduler that refuses to requeue one job of several has requeued the others: those are counted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.drain import Draining
from activities.pin_closing import PinClosing
from fleet.errors import Refused
from fleet.models.pin import JobsFate
from fleet.models.scheduler import Job, JobKind, JobState
from fleet.models.work import StepAction, StepKind
from tests.scenarios.site import CLUSTER
from tests.steps.other import Other
from tests.steps.pins import MINE, Switch, run, with_scheduler
from tests.steps.site import StepSite, order

RUNS = {"state": JobState.RUNNING, "kind": JobKind.REQUEUEABLE}


async def counted(site):
    now = datetime.now(UTC)
    told = await site.store.report_facts(CLUSTER, now - timedelta(hours=1), now + timedelta(hours=1), {})
    return [(each.job, each.verb) for each in told.interruptions]


def one_by_one(inner, refused):
    """As a scheduler does that takes a list of jobs: it goes on to the next one, and says no in the end."""

    async def deed(jobs, fence):
        for job in jobs:
            if job != refused:
                await inner((job,), fence)
        raise Refused(f"Requested operation is presently disabled for job {refused}")

    return deed


async def test_what_a_drain_requeued_beside_a_refused_job_is_counted(tmp_path):
    site = await StepSite.open(tmp_path, drain={"deadline": "0s", "requeueable": "requeue"})
    job, beside = site.world.submit_job(hosts=("gpu001",)), Job(id="7", hosts=("gpu001",), **RUNS)
    scheduler = site.hands.scheduler

    async def view(not_before):
        """Two jobs share the host."""
        seen = await scheduler.view(not_before)
        return seen.model_copy(update={"jobs": {**seen.jobs, beside.id: beside}})

    sharing = Other(scheduler, view=view, requeue=one_by_one(scheduler.requeue, beside.id))
    hands = replace(site.hands, scheduler=sharing)
    ended = await site.run(Draining(replace(site.deps, hands={CLUSTER: hands})).drain, order(StepKind.DRAIN))

    assert StepAction.GIVE_BACK is ended.action
    assert [(job, "requeued")] == await counted(site)
    await site.close()


async def test_what_a_pin_switch_held_beside_a_refused_job_is_counted(tmp_path):
    site = await StepSite.open(tmp_path, drain={"deadline": "0s"})
    switch = await Switch(site).begin(jobs=JobsFate.REQUEUE)
    first, second = (site.world.submit_job(hosts=[host]) for host in MINE[:2])
    await switch.close()
    refusing = one_by_one(site.hands.scheduler.requeue_held, first)
    with pytest.raises(ApplicationError, match="presently disabled"):
        await run(PinClosing(with_scheduler(switch, requeue_held=refusing)).clear_pin, switch.input)

    assert [(second, "requeued and held")] == await counted(site)
    await site.close()
