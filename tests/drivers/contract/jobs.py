"""What every scheduler driver does with jobs."""

import pytest

from fleet.errors import Refused
from fleet.models.scheduler import JobState, NodeBase
from fleet.ports.fence import open_fence
from tests.drivers.contract.case import ContractCase
from tests.drivers.contract.looking import OURS, fresh, node, signals, until


class JobsContract:
    """Part of `SchedulerContract`."""

    async def test_a_gang_job_shows_on_every_one_of_its_hosts(self, case: ContractCase):
        a, b, c, *_ = case.hosts
        job = await case.start_job((a, b))

        view = await fresh(case)

        assert [(job,), (job,), ()] == [tuple(j.id for j in view.jobs_on(h)) for h in (a, b, c)]
        assert view.jobs[job].state == JobState.RUNNING
        assert (a, b) == tuple(sorted(view.jobs[job].hosts))

    async def test_a_job_that_did_not_change_is_the_very_same_object_in_the_next_view(self, case: ContractCase):
        a, b, *_ = case.hosts
        job = await case.start_job((a, b))
        before = await fresh(case)

        await case.scheduler.drain(a, OURS, open_fence)

        after = await fresh(case)
        assert before.nodes[a] != after.nodes[a]
        assert before.jobs[job] is after.jobs[job]

    async def test_a_drained_host_with_a_job_is_draining_and_still_holds_the_job(self, case: ContractCase):
        a, b, *_ = case.hosts
        job = await case.start_job((a, b))

        await case.scheduler.drain(a, OURS, open_fence)

        view = await fresh(case)
        assert view.nodes[a].draining
        assert view.nodes[a].base != NodeBase.IDLE
        assert [job] == [j.id for j in view.jobs_on(a)]

    async def test_a_host_is_idle_once_its_job_ended(self, case: ContractCase):
        a, b, *_ = case.hosts
        job = await case.start_job((a, b))
        await case.scheduler.drain(a, OURS, open_fence)

        await case.end_job(job)

        view = await until(case, lambda v: v.nodes[a].base is NodeBase.IDLE and not v.nodes[a].completing)
        assert (view.jobs_on(a), view.nodes[a].draining) == ((), True)

    async def test_a_daemon_that_dies_under_a_job_never_looks_idle(self, case: ContractCase):
        a, b, *_ = case.hosts
        await case.start_job((a, b), requeueable=False)
        await case.scheduler.drain(a, OURS, open_fence)

        await case.kill_daemon(a)

        shown = await node(case, a)
        assert (shown.base, shown.not_responding) == (NodeBase.DOWN, True)

    async def test_requeue_frees_every_host_of_the_gang(self, case: ContractCase):
        a, b, *_ = case.hosts
        job = await case.start_job((a, b))
        await case.scheduler.drain(a, OURS, open_fence)

        await case.scheduler.requeue((job,), open_fence)

        await until(case, lambda v: not v.jobs_on(a) and v.nodes[a].base is NodeBase.IDLE)

    async def test_a_job_that_cannot_be_requeued_is_refused_and_runs_on(self, case: ContractCase):
        host = case.hosts[0]
        job = await case.start_job((host,), requeueable=False)

        with pytest.raises(Refused):
            await case.scheduler.requeue((job,), open_fence)

        assert [job] == [j.id for j in (await fresh(case)).jobs_on(host)]

    async def test_cancel_frees_every_host_of_the_gang(self, case: ContractCase):
        a, b, *_ = case.hosts
        job = await case.start_job((a, b), requeueable=False)

        await case.scheduler.cancel((job,), open_fence)

        await until(case, lambda v: not v.jobs_on(a) and not v.jobs_on(b))

    async def test_a_signal_reaches_the_job_and_leaves_it_running(self, case: ContractCase):
        host = case.hosts[0]
        job = await case.start_job((host,))

        await case.scheduler.signal_jobs((job,), "USR1")

        sent = await signals(case, job)
        assert sent == ("USR1",)
        assert [job] == [j.id for j in (await fresh(case)).jobs_on(host)]

    async def test_a_note_shows_on_the_job_in_the_next_view_and_replaces_the_one_before(self, case: ContractCase):
        host = case.hosts[0]
        job = await case.start_job((host,))

        for note in ("maintrain: granted until 2026-03-01T14:00:00Z", "maintrain: withdrawn by ann: it's over"):
            await case.scheduler.note_on_job(job, note.replace("'", " "))

        shown = (await fresh(case)).jobs[job]
        assert ("maintrain: withdrawn by ann: it s over", "") == (shown.note, shown.comment)

    async def test_jobs_that_have_ended_are_no_error(self, case: ContractCase):
        host = case.hosts[0]
        job = await case.start_job((host,))
        await case.end_job(job)

        await case.scheduler.signal_jobs((job,), "USR1")
        await case.scheduler.note_on_job(job, "maintrain: never mind")
        await case.scheduler.requeue((job,), open_fence)
        await case.scheduler.cancel((job,), open_fence)

        await until(case, lambda v: not v.jobs_on(host))
