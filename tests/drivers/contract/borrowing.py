"""What every scheduler driver does to hold an idle host in production for a moment."""

import pytest

from fleet.errors import Refused, StaleAttempt
from fleet.ids import BORROW_JOB
from fleet.models.scheduler import JobKind, NodeBase
from fleet.ports.fence import open_fence
from tests.drivers.contract.case import ContractCase
from tests.drivers.contract.looking import OURS, THEIRS, closed_fence, fresh, node, until

WHY = "repair/c/h/1"
MINUTE = 60.0


class BorrowingContract:
    """Part of `SchedulerContract`."""

    async def test_a_borrowed_host_is_held_by_one_job_of_ours(self, case: ContractCase):
        host = case.hosts[1]

        job = await case.scheduler.borrow(host, WHY, MINUTE, open_fence)

        (held,) = (await fresh(case)).jobs_on(host)
        assert (job, BORROW_JOB, True, (host,)) == (held.id, held.name, held.ours, held.hosts)
        assert JobKind.NOT_REQUEUEABLE == held.kind
        await case.scheduler.give_back(held.id)

    async def test_a_job_of_another_is_not_taken_for_ours(self, case: ContractCase):
        job = await case.start_job(case.hosts[:1])

        assert not (await fresh(case)).jobs[job].ours

    async def test_a_host_given_back_is_idle_and_takes_jobs(self, case: ContractCase):
        host = case.hosts[1]
        job = await case.scheduler.borrow(host, WHY, MINUTE, open_fence)
        assert job is not None

        await case.scheduler.give_back(job)
        await case.scheduler.give_back(job)

        await until(case, lambda v: not v.jobs_on(host) and v.nodes[host].base is NodeBase.IDLE)
        assert not (await node(case, host)).draining
        await case.start_job((host,))

    async def test_a_host_with_a_job_is_not_lent(self, case: ContractCase):
        host = case.hosts[0]
        job = await case.start_job((host,))

        assert await case.scheduler.borrow(host, WHY, MINUTE, open_fence) is None

        assert [job] == [j.id for j in (await fresh(case)).jobs_on(host)]

    async def test_a_host_that_is_borrowed_is_not_lent_again(self, case: ContractCase):
        host = case.hosts[1]
        job = await case.scheduler.borrow(host, WHY, MINUTE, open_fence)
        assert job is not None

        assert await case.scheduler.borrow(host, WHY, MINUTE, open_fence) is None

        await case.scheduler.give_back(job)

    @pytest.mark.parametrize("reason", [OURS, THEIRS])
    async def test_a_drained_host_is_not_lent(self, case: ContractCase, reason):
        host = case.hosts[0]
        await case.drain_by_other(host, reason)

        assert await case.scheduler.borrow(host, WHY, MINUTE, open_fence) is None

        assert not (await fresh(case)).jobs_on(host)

    async def test_a_host_that_is_down_is_not_lent(self, case: ContractCase):
        host = case.hosts[0]
        await case.kill_daemon(host)

        assert await case.scheduler.borrow(host, WHY, MINUTE, open_fence) is None

    async def test_a_host_that_nobody_knows_is_not_lent(self, case: ContractCase):
        with pytest.raises(Refused):
            await case.scheduler.borrow("nobody", WHY, MINUTE, open_fence)

    async def test_a_closed_fence_keeps_a_host_from_being_borrowed(self, case: ContractCase):
        with pytest.raises(StaleAttempt):
            await case.scheduler.borrow(case.hosts[0], WHY, MINUTE, closed_fence)

        assert not (await fresh(case)).jobs_on(case.hosts[0])

    async def test_a_drain_of_a_borrowed_host_waits_for_our_job_and_no_longer(self, case: ContractCase):
        host = case.hosts[1]
        job = await case.scheduler.borrow(host, WHY, MINUTE, open_fence)
        assert job is not None

        await case.scheduler.drain(host, OURS, open_fence)

        assert (NodeBase.IDLE, True) != ((await node(case, host)).base, (await node(case, host)).draining)
        await case.scheduler.give_back(job)
        await until(case, lambda v: not v.jobs_on(host) and v.nodes[host].base is NodeBase.IDLE)
        assert OURS == (await node(case, host)).reason
