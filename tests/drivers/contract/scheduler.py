"""What every scheduler driver does, word for word of `fleet.ports.scheduler`."""

import asyncio
import time
from collections.abc import Callable

import pytest

from fleet.errors import BadAnswer, ForeignHold, Refused, StaleAttempt, Unreachable
from fleet.models.scheduler import ClusterView, JobState, Node, NodeBase
from fleet.ports.fence import open_fence
from tests.drivers.contract.case import ContractCase

OURS = "maintrain:planned:visit/c/p/1/d/1#h"
NEXT = "maintrain:repair:repair/c/h/1"
THEIRS = "admin: disk check"


async def closed_fence() -> None:
    raise StaleAttempt("a newer attempt owns this step")


async def fresh(case: ContractCase) -> ClusterView:
    return await case.scheduler.view(time.monotonic())


async def node(case: ContractCase, host: str) -> Node:
    return (await fresh(case)).nodes[host]


async def until(case: ContractCase, holds: Callable[[ClusterView], bool]) -> ClusterView:
    """The first fresh view for which `holds`; fails after the case's patience."""
    deadline = time.monotonic() + case.patience
    while not holds(view := await fresh(case)):
        assert time.monotonic() < deadline, f"not within {case.patience}s: {view}"
        await asyncio.sleep(0.05)
    return view


async def _signals(case: ContractCase, job: str) -> tuple[str, ...]:
    """What the job was sent, once there is something, or nothing when the case's patience is over."""
    deadline = time.monotonic() + case.patience
    sent: tuple[str, ...] = ()
    while not sent and time.monotonic() < deadline:
        sent = await case.signals(job)
        await asyncio.sleep(0.05)
    return sent


class SchedulerContract:
    """Subclass it and give it a fixture `case`."""

    async def test_an_idle_cluster_shows_every_host_idle_and_no_job_on_any(self, case: ContractCase):
        view = await fresh(case)

        assert set(case.hosts) <= set(view.nodes)
        assert {NodeBase.IDLE} == {view.nodes[h].base for h in case.hosts}
        assert [h for h in case.hosts if view.nodes[h].draining or view.jobs_on(h)] == []

    async def test_a_view_began_at_or_after_the_instant_asked_for(self, case: ContractCase):
        await case.scheduler.view()
        asked = time.monotonic()

        view = await case.scheduler.view(asked)

        assert asked <= view.began <= time.monotonic()

    async def test_many_callers_at_once_cost_few_readings(self, case: ContractCase):
        before = await case.readings()
        asked = time.monotonic()

        views = await asyncio.gather(*(case.scheduler.view(asked) for _ in range(200)))

        assert all(v.began >= asked for v in views)
        assert await case.readings() - before <= 2

    async def test_a_gang_job_shows_on_every_one_of_its_hosts(self, case: ContractCase):
        a, b, c, *_ = case.hosts
        job = await case.start_job((a, b))

        view = await fresh(case)

        assert [(job,), (job,), ()] == [tuple(j.id for j in view.jobs_on(h)) for h in (a, b, c)]
        assert view.jobs[job].state == JobState.RUNNING
        assert (a, b) == tuple(sorted(view.jobs[job].hosts))

    async def test_a_drain_shows_with_our_reason_in_the_next_view(self, case: ContractCase):
        host = case.hosts[0]

        await case.scheduler.drain(host, OURS, open_fence)

        shown = await node(case, host)
        assert (shown.draining, shown.reason, shown.base) == (True, OURS, NodeBase.IDLE)

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

    async def test_draining_again_with_the_same_reason_changes_nothing(self, case: ContractCase):
        host = case.hosts[0]
        await case.scheduler.drain(host, OURS, open_fence)

        await case.scheduler.drain(host, OURS, open_fence)

        shown = await node(case, host)
        assert (shown.draining, shown.reason) == (True, OURS)

    async def test_a_drain_set_by_another_is_refused_and_left_as_it_is(self, case: ContractCase):
        host = case.hosts[0]
        await case.drain_by_other(host, THEIRS)

        with pytest.raises(ForeignHold) as held:
            await case.scheduler.drain(host, OURS, open_fence)

        shown = await node(case, host)
        assert (held.value.holder, shown.draining, shown.reason) == (THEIRS, True, THEIRS)

    async def test_a_drain_of_another_operation_of_ours_is_not_replaced(self, case: ContractCase):
        host = case.hosts[0]
        await case.scheduler.drain(host, NEXT, open_fence)

        with pytest.raises(ForeignHold):
            await case.scheduler.drain(host, OURS, open_fence)

        assert (await node(case, host)).reason == NEXT

    async def test_a_host_that_is_down_is_not_drained(self, case: ContractCase):
        host = case.hosts[0]
        await case.kill_daemon(host)

        with pytest.raises(ForeignHold):
            await case.scheduler.drain(host, OURS, open_fence)

        assert (await node(case, host)).reason != OURS

    async def test_a_closed_fence_keeps_a_drain_from_being_sent(self, case: ContractCase):
        host = case.hosts[0]

        with pytest.raises(StaleAttempt):
            await case.scheduler.drain(host, OURS, closed_fence)

        assert not (await node(case, host)).draining

    async def test_a_closed_fence_keeps_an_undrain_from_being_sent(self, case: ContractCase):
        host = case.hosts[0]
        await case.scheduler.drain(host, OURS, open_fence)

        with pytest.raises(StaleAttempt):
            await case.scheduler.undrain(host, OURS, closed_fence, rebooted=False)

        assert (await node(case, host)).draining

    async def test_an_undrained_host_takes_jobs_again(self, case: ContractCase):
        host = case.hosts[0]
        await case.scheduler.drain(host, OURS, open_fence)

        await case.scheduler.undrain(host, OURS, open_fence, rebooted=False)

        assert not (await node(case, host)).draining
        job = await case.start_job((host,))
        assert [job] == [j.id for j in (await fresh(case)).jobs_on(host)]

    async def test_undrain_restores_the_comment_that_was_there_before_the_drain(self, case: ContractCase):
        host = case.hosts[0]
        await case.set_comment(host, "ask ops before use")
        await case.scheduler.drain(host, OURS, open_fence)

        await case.scheduler.undrain(host, OURS, open_fence, rebooted=False)

        assert (await node(case, host)).comment == "ask ops before use"

    async def test_undraining_an_undrained_host_does_nothing(self, case: ContractCase):
        host = case.hosts[0]

        await case.scheduler.undrain(host, OURS, open_fence, rebooted=False)

        assert not (await node(case, host)).draining

    async def test_a_drain_of_another_is_never_lifted(self, case: ContractCase):
        host = case.hosts[0]
        await case.scheduler.drain(host, OURS, open_fence)
        await case.drain_by_other(host, THEIRS)

        with pytest.raises(ForeignHold) as held:
            await case.scheduler.undrain(host, OURS, open_fence, rebooted=False)

        shown = await node(case, host)
        assert (held.value.holder, shown.draining, shown.reason) == (THEIRS, True, THEIRS)

    async def test_a_node_left_down_by_our_reboot_is_resumed(self, case: ContractCase):
        host = case.hosts[0]
        await case.scheduler.drain(host, OURS, open_fence)
        await case.leave_down(host)

        await case.scheduler.undrain(host, OURS, open_fence, rebooted=True)

        shown = await node(case, host)
        assert (shown.base, shown.draining) == (NodeBase.IDLE, False)

    async def test_an_undrain_that_leaves_the_node_down_is_a_bad_answer(self, case: ContractCase):
        host = case.hosts[0]
        await case.scheduler.drain(host, OURS, open_fence)
        await case.leave_down(host)

        with pytest.raises(BadAnswer):
            await case.scheduler.undrain(host, OURS, open_fence, rebooted=False)

    async def test_our_reason_is_rewritten_while_the_host_stays_drained(self, case: ContractCase):
        host = case.hosts[0]
        await case.scheduler.drain(host, OURS, open_fence)

        await case.scheduler.rewrite_reason(host, OURS, NEXT)

        shown = await node(case, host)
        assert (shown.draining, shown.reason) == (True, NEXT)

    async def test_rewriting_the_reason_again_changes_nothing(self, case: ContractCase):
        host = case.hosts[0]
        await case.scheduler.drain(host, OURS, open_fence)
        await case.scheduler.rewrite_reason(host, OURS, NEXT)

        await case.scheduler.rewrite_reason(host, OURS, NEXT)

        assert (await node(case, host)).reason == NEXT

    async def test_the_reason_of_another_is_not_rewritten(self, case: ContractCase):
        host = case.hosts[0]
        await case.drain_by_other(host, THEIRS)

        with pytest.raises(ForeignHold):
            await case.scheduler.rewrite_reason(host, OURS, NEXT)

        assert (await node(case, host)).reason == THEIRS

    async def test_rewriting_the_reason_of_a_host_undrained_meanwhile_drains_it_again(self, case: ContractCase):
        host = case.hosts[0]
        await case.scheduler.drain(host, OURS, open_fence)
        await case.undrain_by_other(host)

        await case.scheduler.rewrite_reason(host, OURS, NEXT)

        shown = await node(case, host)
        assert (shown.draining, shown.reason) == (True, NEXT)

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

        await case.scheduler.requeue((job,))

        await until(case, lambda v: not v.jobs_on(a) and v.nodes[a].base is NodeBase.IDLE)

    async def test_a_job_that_cannot_be_requeued_is_refused_and_runs_on(self, case: ContractCase):
        host = case.hosts[0]
        job = await case.start_job((host,), requeueable=False)

        with pytest.raises(Refused):
            await case.scheduler.requeue((job,))

        assert [job] == [j.id for j in (await fresh(case)).jobs_on(host)]

    async def test_cancel_frees_every_host_of_the_gang(self, case: ContractCase):
        a, b, *_ = case.hosts
        job = await case.start_job((a, b), requeueable=False)

        await case.scheduler.cancel((job,))

        await until(case, lambda v: not v.jobs_on(a) and not v.jobs_on(b))

    async def test_a_signal_reaches_the_job_and_leaves_it_running(self, case: ContractCase):
        host = case.hosts[0]
        job = await case.start_job((host,))

        await case.scheduler.signal_jobs((job,), "USR1")

        sent = await _signals(case, job)
        assert sent == ("USR1",)
        assert [job] == [j.id for j in (await fresh(case)).jobs_on(host)]

    async def test_jobs_that_have_ended_are_no_error(self, case: ContractCase):
        host = case.hosts[0]
        job = await case.start_job((host,))
        await case.end_job(job)

        await case.scheduler.signal_jobs((job,), "USR1")
        await case.scheduler.requeue((job,))
        await case.scheduler.cancel((job,))

        await until(case, lambda v: not v.jobs_on(host))

    async def test_an_unknown_host_is_refused(self, case: ContractCase):
        with pytest.raises(Refused):
            await case.scheduler.drain("no-such-host", OURS, open_fence)
        with pytest.raises(Refused):
            await case.scheduler.undrain("no-such-host", OURS, open_fence, rebooted=False)
        with pytest.raises(Refused):
            await case.scheduler.rewrite_reason("no-such-host", OURS, NEXT)

    @pytest.mark.parametrize("kind", ["garbage", "partial", "stale"])
    async def test_an_answer_that_cannot_be_believed_is_an_error(self, case: ContractCase, kind):
        await case.trouble(kind)

        with pytest.raises(BadAnswer):
            await fresh(case)

        await case.trouble(None)
        assert set(case.hosts) <= set((await fresh(case)).nodes)

    async def test_a_scheduler_that_does_not_answer_is_unreachable(self, case: ContractCase):
        await case.trouble("unreachable")

        with pytest.raises(Unreachable):
            await fresh(case)

        await case.trouble(None)
        assert set(case.hosts) <= set((await fresh(case)).nodes)
