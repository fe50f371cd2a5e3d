"""What every scheduler driver does with drains, and whose they are."""

import pytest

from fleet.errors import BadAnswer, ForeignHold, Refused, StaleAttempt
from fleet.models.scheduler import NodeBase
from fleet.ports.fence import open_fence
from tests.drivers.contract.case import ContractCase
from tests.drivers.contract.looking import NEXT, OURS, THEIRS, closed_fence, fresh, node


class DrainsContract:
    """Part of `SchedulerContract`."""

    async def test_a_drain_shows_with_our_reason_in_the_next_view(self, case: ContractCase):
        host = case.hosts[0]

        await case.scheduler.drain(host, OURS, open_fence)

        shown = await node(case, host)
        assert (shown.draining, shown.reason, shown.base) == (True, OURS, NodeBase.IDLE)

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

        await case.scheduler.rewrite_reason(host, OURS, NEXT, open_fence)

        shown = await node(case, host)
        assert (shown.draining, shown.reason) == (True, NEXT)

    async def test_rewriting_the_reason_again_changes_nothing(self, case: ContractCase):
        host = case.hosts[0]
        await case.scheduler.drain(host, OURS, open_fence)
        await case.scheduler.rewrite_reason(host, OURS, NEXT, open_fence)

        await case.scheduler.rewrite_reason(host, OURS, NEXT, open_fence)

        assert (await node(case, host)).reason == NEXT

    async def test_the_reason_of_another_is_not_rewritten(self, case: ContractCase):
        host = case.hosts[0]
        await case.drain_by_other(host, THEIRS)

        with pytest.raises(ForeignHold):
            await case.scheduler.rewrite_reason(host, OURS, NEXT, open_fence)

        assert (await node(case, host)).reason == THEIRS

    async def test_rewriting_the_reason_of_a_host_undrained_meanwhile_drains_it_again(self, case: ContractCase):
        host = case.hosts[0]
        await case.scheduler.drain(host, OURS, open_fence)
        await case.undrain_by_other(host)

        await case.scheduler.rewrite_reason(host, OURS, NEXT, open_fence)

        shown = await node(case, host)
        assert (shown.draining, shown.reason) == (True, NEXT)

    async def test_the_hold_of_another_passes_to_us_while_the_host_stays_drained(self, case: ContractCase):
        host = case.hosts[0]
        await case.drain_by_other(host, THEIRS)

        await case.scheduler.replace_hold(host, THEIRS, OURS, open_fence)

        shown = await node(case, host)
        assert (shown.draining, shown.reason) == (True, OURS)

    async def test_our_hold_passes_to_another_and_passing_it_again_changes_nothing(self, case: ContractCase):
        host = case.hosts[0]
        await case.scheduler.drain(host, OURS, open_fence)
        for _ in range(2):
            await case.scheduler.replace_hold(host, OURS, THEIRS, open_fence)

        shown = await node(case, host)
        assert (shown.draining, shown.reason) == (True, THEIRS)

    async def test_a_hold_that_is_a_third_ones_by_now_passes_to_nobody(self, case: ContractCase):
        host = case.hosts[0]
        await case.drain_by_other(host, "root: fans")

        with pytest.raises(ForeignHold):
            await case.scheduler.replace_hold(host, THEIRS, OURS, open_fence)

        assert (await node(case, host)).reason == "root: fans"

    async def test_a_node_that_is_down_is_drained_by_us_under_the_reason_that_it_is_down_for(self, case: ContractCase):
        host = case.hosts[0]
        await case.kill_daemon(host)
        found = (await node(case, host)).reason or ""

        await case.scheduler.replace_hold(host, found, OURS, open_fence)

        shown = await node(case, host)
        assert (shown.draining, shown.reason) == (True, OURS)

    async def test_a_hold_on_a_host_that_nobody_holds_passes_to_nobody(self, case: ContractCase):
        host = case.hosts[0]

        with pytest.raises(Refused):
            await case.scheduler.replace_hold(host, THEIRS, OURS, open_fence)

        assert not (await node(case, host)).draining

    async def test_an_unknown_host_is_refused(self, case: ContractCase):
        with pytest.raises(Refused):
            await case.scheduler.drain("no-such-host", OURS, open_fence)
        with pytest.raises(Refused):
            await case.scheduler.undrain("no-such-host", OURS, open_fence, rebooted=False)
        with pytest.raises(Refused):
            await case.scheduler.rewrite_reason("no-such-host", OURS, NEXT, open_fence)
