"""What every scheduler driver does to keep jobs off hosts, and to hold the jobs that were there."""

import asyncio

import pytest

from fleet import ids
from fleet.errors import InvalidInput, Refused, StaleAttempt
from fleet.models.scheduler import JobState, NodeBase
from fleet.ports.fence import open_fence
from tests.drivers.contract.case import ContractCase
from tests.drivers.contract.looking import OURS, THEIRS, closed_fence, fresh, node, until

NAME = "pin_cuda"
HOUR = 3600.0
SHOWN = (ids.reservation(NAME), True)


async def close(case: ContractCase, *hosts: str, name: str = NAME) -> None:
    await case.scheduler.close_to_jobs(hosts, name, HOUR, open_fence)


async def closed(case: ContractCase) -> list[str]:
    """Hosts that show as closed by us."""
    shown = (await fresh(case)).nodes
    return [h for h in case.hosts if (shown[h].reservation, shown[h].maintenance) == SHOWN]


class ClosingContract:
    """Part of `SchedulerContract`."""

    async def test_no_job_starts_on_a_closed_host_until_it_is_opened(self, case: ContractCase):
        a, b, *_ = case.hosts
        await close(case, a, b)

        job = await case.queue_job((a,))

        await asyncio.sleep(min(2.0, case.patience / 4))
        assert JobState.OTHER == (await fresh(case)).jobs[job].state
        await case.scheduler.open_to_jobs(NAME, open_fence)
        await until(case, lambda v: v.jobs[job].state is JobState.RUNNING)

    async def test_a_job_that_runs_on_a_closed_host_goes_on(self, case: ContractCase):
        a, b, *_ = case.hosts
        job = await case.start_job((a,))

        await close(case, a, b)

        view = await fresh(case)
        assert [job] == [j.id for j in view.jobs_on(a)]
        assert [NodeBase.IDLE, False, False] != [view.nodes[a].base, view.nodes[a].draining, view.nodes[a].maintenance]

    async def test_a_closed_host_shows_by_which_reservation_and_others_do_not(self, case: ContractCase):
        a, b, c, *_ = case.hosts

        await close(case, a, b)

        assert [a, b] == await closed(case)
        assert (None, False) == ((await node(case, c)).reservation, (await node(case, c)).maintenance)

    async def test_closing_again_is_harmless_and_adds_hosts(self, case: ContractCase):
        a, b, c, *_ = case.hosts
        await close(case, a, b)

        await close(case, a, b)
        await close(case, c)

        assert [a, b, c] == await closed(case)

    async def test_drained_and_down_hosts_are_closed_as_well(self, case: ContractCase):
        a, b, c, *_ = case.hosts
        await case.drain_by_other(a, THEIRS)
        await case.scheduler.drain(b, OURS, open_fence)
        await case.kill_daemon(c)

        await close(case, a, b, c)

        assert [a, b, c] == await closed(case)
        assert [THEIRS, OURS] == [(await node(case, h)).reason for h in (a, b)]

    async def test_a_closed_host_is_drained_and_undrained_and_stays_closed(self, case: ContractCase):
        host = case.hosts[0]
        await close(case, host)

        await case.scheduler.drain(host, OURS, open_fence)
        await case.scheduler.undrain(host, OURS, open_fence, rebooted=False)

        assert not (await node(case, host)).draining
        assert [host] == await closed(case)

    async def test_a_closed_host_is_not_lent(self, case: ContractCase):
        host = case.hosts[0]
        await close(case, host)

        assert await case.scheduler.borrow(host, "repair/c/h/1", 60.0, open_fence) is None

    async def test_opening_takes_away_only_its_own_reservation_and_may_be_repeated(self, case: ContractCase):
        a, b, *_ = case.hosts
        await close(case, a)
        await close(case, b, name="pin_nccl")

        await case.scheduler.open_to_jobs(NAME, open_fence)
        await case.scheduler.open_to_jobs(NAME, open_fence)

        shown = (await fresh(case)).nodes
        assert [None, ids.reservation("pin_nccl")] == [shown[h].reservation for h in (a, b)]

    async def test_a_host_that_nobody_knows_closes_nothing(self, case: ContractCase):
        with pytest.raises(Refused):
            await close(case, case.hosts[0], "nobody")

        assert [] == await closed(case)

    async def test_a_name_that_no_reservation_may_have_is_refused(self, case: ContractCase):
        with pytest.raises(InvalidInput):
            await close(case, case.hosts[0], name="x nodes=ALL")

    async def test_a_closed_fence_keeps_hosts_from_being_closed_and_opened(self, case: ContractCase):
        a, b, *_ = case.hosts
        await close(case, a)

        with pytest.raises(StaleAttempt):
            await case.scheduler.close_to_jobs((b,), NAME, HOUR, closed_fence)
        with pytest.raises(StaleAttempt):
            await case.scheduler.open_to_jobs(NAME, closed_fence)

        assert [a] == await closed(case)

    async def test_a_job_requeued_held_leaves_its_hosts_and_waits_until_it_is_released(self, case: ContractCase):
        a, b, *_ = case.hosts
        job = await case.start_job((a, b))

        await case.scheduler.requeue_held((job,), open_fence)

        await until(case, lambda v: not v.jobs_on(a) and not v.jobs_on(b) and v.nodes[a].base is NodeBase.IDLE)
        await asyncio.sleep(min(2.0, case.patience / 4))
        assert JobState.OTHER == (await fresh(case)).jobs[job].state
        await case.scheduler.requeue_held((job,), open_fence)
        await case.scheduler.release_held((job,), open_fence)
        await until(case, lambda v: v.jobs[job].state is not JobState.OTHER)

    async def test_a_job_that_its_user_holds_is_not_released_and_others_are(self, case: ContractCase):
        a, b, *_ = case.hosts
        theirs, ours = await case.start_job((a,)), await case.start_job((b,))
        await close(case, a, b)
        await case.scheduler.requeue_held((theirs, ours), open_fence)
        await until(case, lambda v: not v.jobs_on(a) and not v.jobs_on(b))
        await case.hold_by_user(theirs)

        with pytest.raises(Refused, match=f"job {theirs} "):
            await case.scheduler.release_held((theirs, ours), open_fence)

        await case.scheduler.open_to_jobs(NAME, open_fence)
        await until(case, lambda v: v.jobs[ours].state is JobState.RUNNING)
        assert JobState.OTHER is (await fresh(case)).jobs[theirs].state

    async def test_a_job_that_cannot_be_requeued_held_is_refused_and_runs_on(self, case: ContractCase):
        host = case.hosts[0]
        job = await case.start_job((host,), requeueable=False)

        with pytest.raises(Refused):
            await case.scheduler.requeue_held((job,), open_fence)

        assert [job] == [j.id for j in (await fresh(case)).jobs_on(host)]

    async def test_jobs_that_ended_or_are_not_held_are_no_error_to_hold_or_release(self, case: ContractCase):
        a, b, *_ = case.hosts
        ended, runs = await case.start_job((a,)), await case.start_job((b,))
        await case.end_job(ended)

        await case.scheduler.requeue_held((ended,), open_fence)
        await case.scheduler.release_held((ended, runs), open_fence)

        assert [[], [runs]] == [[j.id for j in (await fresh(case)).jobs_on(h)] for h in (a, b)]
