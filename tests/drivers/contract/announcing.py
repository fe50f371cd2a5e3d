"""What every scheduler driver does with stops to come."""

import asyncio

import pytest

from fleet.errors import InvalidInput, Refused, StaleAttempt
from fleet.models.announcement import Announcement
from fleet.models.scheduler import JobState, NodeBase
from fleet.ports.fence import open_fence
from tests.drivers.contract.case import ContractCase
from tests.drivers.contract.looking import OURS, closed_fence, fresh, until

SOON = 120.0
"""Before a job of the suite would be over."""


def plan(*hosts: str, begins_in: float = SOON) -> Announcement:
    return Announcement(hosts=hosts, begins_in=begins_in, lasts=600.0)


async def waits(case: ContractCase, job: str) -> bool:
    """Whether a job is still in line after a while."""
    await asyncio.sleep(min(2.0, case.patience / 4))
    return (await fresh(case)).jobs[job].state is JobState.OTHER


class AnnouncingContract:
    """Part of `SchedulerContract`."""

    async def test_a_job_that_would_not_be_over_waits_until_the_announcement_is_taken_back(self, case: ContractCase):
        a, b, c, *_ = case.hosts
        await case.scheduler.announce({"gpu": plan(a, b)}, open_fence)
        waiting, elsewhere = await case.queue_job((a,)), await case.queue_job((c,))

        await until(case, lambda v: v.jobs[elsewhere].state is JobState.RUNNING)
        assert await waits(case, waiting)
        await case.scheduler.announce({}, open_fence)
        await until(case, lambda v: v.jobs[waiting].state is JobState.RUNNING)

    async def test_a_job_that_runs_goes_on_and_its_host_shows_as_in_production(self, case: ContractCase):
        a, b, *_ = case.hosts
        job = await case.start_job((a,))
        await case.scheduler.announce({"gpu": plan(a, b)}, open_fence)

        view = await fresh(case)
        assert [job] == [j.id for j in view.jobs_on(a)]
        assert [(False, False)] * 2 == [(view.nodes[h].draining, view.nodes[h].maintenance) for h in (a, b)]

    async def test_one_that_has_begun_keeps_jobs_off_and_is_nobodys_hold(self, case: ContractCase):
        a, *_ = case.hosts
        await case.scheduler.announce({"gpu": plan(a, begins_in=0)}, open_fence)
        job = await case.queue_job((a,))

        assert await waits(case, job)
        node = (await fresh(case)).nodes[a]
        assert (NodeBase.IDLE, False, False) == (node.base, node.draining, node.maintenance)
        await case.scheduler.drain(a, OURS, open_fence)
        await case.scheduler.announce({"gpu": plan(a)}, open_fence)
        await case.scheduler.announce({}, open_fence)
        await case.scheduler.undrain(a, OURS, open_fence, rebooted=False)
        await until(case, lambda v: v.jobs[job].state is JobState.RUNNING)

    async def test_announcements_are_exactly_those_that_were_made_last(self, case: ContractCase):
        a, b, c, *_ = case.hosts
        await case.scheduler.close_to_jobs((c,), "pin_cuda", 3600.0, open_fence)
        await case.scheduler.announce({"gpu": plan(a), "cpu": plan(b)}, open_fence)
        for _ in range(2):
            await case.scheduler.announce({"cpu": plan(a, begins_in=SOON + 90)}, open_fence)
        on_a, on_b, on_c = [await case.queue_job((h,)) for h in (a, b, c)]

        await until(case, lambda v: v.jobs[on_b].state is JobState.RUNNING)
        assert [True, True] == [await waits(case, job) for job in (on_a, on_c)]
        await case.scheduler.announce({}, open_fence)
        assert await waits(case, on_c)

    async def test_what_can_not_be_announced_changes_nothing(self, case: ContractCase):
        a, *_ = case.hosts
        with pytest.raises(Refused):
            await case.scheduler.announce({"gpu": plan(a, "nobody")}, open_fence)
        with pytest.raises(InvalidInput):
            await case.scheduler.announce({"x nodes=ALL": plan(a)}, open_fence)
        with pytest.raises(StaleAttempt):
            await case.scheduler.announce({"gpu": plan(a)}, closed_fence)

        job = await case.queue_job((a,))
        await until(case, lambda v: v.jobs[job].state is JobState.RUNNING)
