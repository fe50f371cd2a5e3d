"""Jobs that a pin switch requeued and holds: none is forgotten."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.pin import PinSwitching
from activities.pin_closing import PinClosing
from fleet.errors import Unreachable
from fleet.models.matrix import MatrixEntry
from fleet.models.pin import JobsFate, PinHostState, PinState
from tests.scenarios.site import CLUSTER
from tests.steps.pins import INPUT, LATE, MINE, Switch, moving, now, run, with_scheduler
from tests.steps.site import StepSite, no_fence


async def test_a_switch_does_not_end_before_its_held_jobs_were_asked_to_go_on(switch):
    """The scheduler is away for the last look, after which nobody looks any more."""
    await moving(switch)
    job = switch.site.world.submit_job(hosts=["gpu003"])
    await switch.site.hands.scheduler.requeue_held((job,), no_fence)
    await switch.become(state=PinState.RELEASING, committed_at=now(), opened_at=now(), held_jobs=(job,))
    await switch.note(PinHostState.RETURNED, *MINE)
    await switch.note(PinHostState.CAUGHT_UP, LATE)

    async def release_held(jobs, fence):
        raise Unreachable("slurmctld does not answer")

    away = PinSwitching(with_scheduler(switch, release_held=release_held))
    for _ in range(2):
        with pytest.raises(ApplicationError, match="slurmctld does not answer") as told:
            await run(away.review_pin, INPUT)
        assert not told.value.non_retryable
    assert "done" == (await run(PinSwitching(switch.deps).review_pin, INPUT)).state
    assert () == (await switch.row()).held_jobs


async def test_an_attempt_that_stood_still_forgets_no_job_that_its_successor_holds(switch):
    """It read the switch before its successor held a job, and the jobs after it."""
    await switch.begin(jobs=JobsFate.REQUEUE)
    first, second = (switch.site.world.submit_job(hosts=[host]) for host in ("gpu003", "gpu004"))
    await switch.close()
    await switch.become(closed_at=now() - timedelta(seconds=10))
    scheduler, stood = switch.site.hands.scheduler, []

    async def view(**asked):
        if not stood:
            stood.append(True)
            await switch.become(held_jobs=(first,))
            await scheduler.requeue_held((first,), no_fence)
        return await scheduler.view(**asked)

    await run(PinClosing(with_scheduler(switch, view=view)).clear_pin, INPUT)
    assert {first, second} == set((await switch.row()).held_jobs)


async def test_jobs_are_told_again_when_a_switch_comes_after_all(tmp_path):
    """They saved what they had when it was to come; it checked anew for days, and then it closes."""
    site = await StepSite.open(tmp_path, drain={"deadline": "1s", "signal": "USR1"})
    switch = await Switch(site).begin(PinState.REQUESTING)
    await switch.tested()
    job = site.world.submit_job(hosts=["gpu003"])

    def told():
        return [str(row.job) for row in site.world.journal() if row.kind == "job_signalled"]

    for _ in range(2):
        await switch.become(state=PinState.REQUESTING, approved_by="bob")
        await run(PinSwitching(switch.deps).review_pin, INPUT)
    assert [job] == told()
    entry = MatrixEntry(verdict="broken", components={"gpu-driver": "550.*"}, pins={"nccl": "2.22"})
    await site.store.add_matrix(CLUSTER, (entry,), "ann", "jobs hang", now())
    await switch.become(state=PinState.REQUESTING)
    assert "checking" == (await run(PinSwitching(switch.deps).review_pin, INPUT)).state
    assert [job] == told(), "the look that finds that it does not come tells nobody that it does"

    await switch.become(state=PinState.CLOSING)
    await switch.close()
    clearing = asyncio.create_task(run(PinClosing(switch.deps).clear_pin, INPUT))
    await asyncio.sleep(0.5)
    assert [job, job] == told()
    site.world.end_job(job)
    await clearing
    await site.close()
