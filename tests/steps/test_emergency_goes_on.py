"""An emergency between its stops: what people's words change, what is lost on the way, and how it ends."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.drain import Draining
from activities.giving_way import yield_of_grant, yields
from activities.verify import Verifying
from fleet import ids
from fleet.models.emergency import (
    EmergencyChange,
    EmergencyState,
)
from fleet.models.ledger import Autostop
from fleet.models.messages import VisitEnd
from fleet.models.verification import VerificationTask
from fleet.models.work import EndCause, StepAction, StepKind
from fleet.policy.verifying import holds_emergency
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.operations import OP, OWN, Outsider, share
from tests.steps.site import order
from tests.steps.urgent import ASK, EMERGENCY, STOP, asks_for, outcome


async def test_a_stopped_emergency_asks_for_nothing_begins_nothing_and_lets_trains_go_on(urgent):
    await urgent.begin()
    asked = await urgent.granted()
    assert {POOL: EMERGENCY} == await urgent.store.urgent_pools(CLUSTER)

    assert "stopped by ann: it hangs" == await urgent.order("stop")

    boarded = await urgent.board(asked)
    assert (f"{EMERGENCY} is stopped", ()) == (boarded.reason, boarded.works)
    assert () == await urgent.store.leases(STOP)
    halted = await urgent.plan()
    assert (("emergency/sim/hole/1",), False) == (halted.halts, halted.over)
    await ActivityEnvironment().run(urgent.visiting.end_visit, VisitEnd(input=ASK.input, request=STOP))
    assert {"pending"} == set((await urgent.states()).values())
    assert {} == await urgent.store.urgent_pools(CLUSTER)

    await urgent.order("resume")
    assert [ids.emergency_stop(EMERGENCY, 2)] == [s.stop for s in (await urgent.plan()).stops]


async def test_a_stops_drain_reads_a_persons_stop_by_itself_with_nobody_to_tell_it(urgent):
    await urgent.begin()
    await urgent.board(await urgent.granted())
    await urgent.order("stop")
    operation = ids.operation(STOP, "gpu004")
    its = order(StepKind.DRAIN, visit=STOP).model_copy(update={"host": "gpu004", "operation": operation})

    result = await urgent.site.run(Draining(urgent.deps).drain, its)

    assert (StepAction.GIVE_BACK, EndCause.YIELD, 0) == (result.action, result.cause, urgent.site.drains("gpu004"))


async def test_a_waiting_stop_of_a_stopped_emergency_withdraws_its_request(urgent):
    await urgent.begin()
    await urgent.plan()
    await urgent.ask()
    await urgent.order("stop")

    asked = await urgent.ask()

    assert (False, (), f"{EMERGENCY} is stopped") == (asked.granted, asked.hosts, asked.reason)
    assert () == (await urgent.store.facts(CLUSTER, datetime.now(UTC))).requests


async def test_a_stop_whose_visit_is_gone_is_closed_and_its_hosts_wait_for_another(urgent):
    await urgent.begin()
    await urgent.plan()
    await urgent.ask()
    urgent.engine.gone.add(STOP)

    planned = await urgent.plan()

    assert [ids.emergency_stop(EMERGENCY, 2)] == [s.stop for s in planned.stops]
    assert () == (await urgent.store.facts(CLUSTER, datetime.now(UTC))).requests


async def test_it_is_done_when_every_host_was_seen_to(urgent):
    await urgent.begin()
    await urgent.granted()
    for host in ("gpu004", "gpu005", "gpu006"):
        await outcome(urgent, host)
    await ActivityEnvironment().run(urgent.visiting.end_visit, VisitEnd(input=ASK.input, request=STOP))
    assert {"done"} == {s for h, s in (await urgent.states()).items() if h > "gpu003"}


async def test_an_operation_that_waits_in_its_drain_gives_way_and_drains_what_it_is_granted_later(urgent):
    outsider = Outsider(urgent.site)
    await outsider.begin()
    await urgent.begin()
    before = await yields(urgent.deps, share(StepKind.DRAIN))
    await urgent.store.change_emergency(EMERGENCY, asks_for(OWN))
    planned = await urgent.plan()

    result = await urgent.site.run(Draining(urgent.deps).drain, share(StepKind.DRAIN))

    assert (False, True) == (before, OP in planned.yields)
    assert (StepAction.GIVE_BACK, EndCause.YIELD) == (result.action, result.cause)
    again = (await urgent.store.lease(CLUSTER, OWN)).model_copy(update={"since": datetime.now(UTC)})
    assert not await urgent.store.claimed(yield_of_grant(again))


async def test_verifications_that_come_to_nothing_hold_it_though_the_pool_was_paused_before_it_began(urgent):
    before = Autostop(stopped=True, since=datetime.now(UTC), reason="paused: gpu009: as ever")
    await urgent.store.set_autostop(CLUSTER, POOL, before, "maintrain", before.reason, datetime.now(UTC))
    await urgent.begin()
    count = Verifying(urgent.deps)._count_inconclusive
    assert (await urgent.granted()).granted

    for host in ("gpu004", "gpu005"):
        its = order(StepKind.VERIFY, host, VerificationTask.HEALTH, visit=STOP)
        await urgent.site.acting(its, count)

    autostop = (await urgent.store.facts(CLUSTER, datetime.now(UTC))).autostops[POOL]
    assert "paused: gpu005: 2 hosts of gpu have inconclusive verifications (2 pause the train)" == autostop.reason
    assert holds_emergency(autostop, (await urgent.store.emergency(EMERGENCY)).started_at)


async def test_a_host_that_another_workflow_has_in_its_hands_still_waits_for_the_next_stop(urgent):
    await urgent.begin()
    [work] = (await urgent.board(await urgent.granted())).works

    await ActivityEnvironment().run(urgent.visiting.leave_out, work, "its repair ends just now")
    await ActivityEnvironment().run(urgent.visiting.end_visit, VisitEnd(input=ASK.input, request=STOP))

    assert "pending" == (await urgent.states())[work.host]


async def test_boarding_that_is_repeated_forgets_nothing_of_what_it_settled_before(urgent):
    """The matrix refused the host and its lease ended; then the worker died before the visit heard of it."""
    await urgent.begin()
    row = await urgent.store.emergency(EMERGENCY)
    bad = row.model_copy(update={"targets": {"gpu-driver": "999.1"}})
    await urgent.store.change_emergency(EMERGENCY, lambda before, _: EmergencyChange(emergency=bad))
    asked = await urgent.granted()

    for _ in range(2):
        await urgent.board(asked)
    await ActivityEnvironment().run(urgent.visiting.end_visit, VisitEnd(input=ASK.input, request=STOP))

    assert "left_out" == (await urgent.states())["gpu004"]


async def test_an_order_whose_answer_was_lost_lifts_no_order_that_was_said_since(urgent):
    """A resume is in force, its worker dies before it says so, and a person says stop: the engine tries it again."""
    await urgent.begin()
    await urgent.order("stop")
    await urgent.order("resume", key="once")
    await urgent.order("stop")

    await urgent.order("resume", key="once")
    held = await urgent.store.emergency(EMERGENCY)
    await urgent.order("resume")

    assert EmergencyState.STOPPED is held.state
    assert EmergencyState.RUNNING is (await urgent.store.emergency(EMERGENCY)).state


async def test_a_resume_that_came_while_no_worker_ran_lifts_no_stop_that_was_said_after_it(urgent):
    await urgent.begin()
    await urgent.order("stop")
    came_in = datetime.now(UTC)
    await urgent.order("resume")
    await urgent.order("stop")

    urgent.engine.heard_at = came_in
    with pytest.raises(ApplicationError, match="was stopped after this resume was said: stopped by ann"):
        await urgent.order("resume")

    assert EmergencyState.STOPPED is (await urgent.store.emergency(EMERGENCY)).state


async def test_a_stop_and_its_resume_that_came_while_no_worker_ran_leave_it_running(urgent):
    await urgent.begin()

    for verb, minutes in (("stop", 2), ("resume", 1)):
        urgent.engine.heard_at = datetime.now(UTC) - timedelta(minutes=minutes)
        await urgent.order(verb)

    assert EmergencyState.RUNNING is (await urgent.store.emergency(EMERGENCY)).state


async def test_an_order_that_was_refused_stays_refused_when_it_is_tried_again(urgent):
    await urgent.begin()
    with pytest.raises(ApplicationError, match="is running, not stopped"):
        await urgent.order("resume", key="once")
    await urgent.order("stop")

    await urgent.order("resume", key="once")

    assert EmergencyState.STOPPED is (await urgent.store.emergency(EMERGENCY)).state
