"""What the results of a host's steps make of its work."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError

from fleet import ids
from fleet.errors import HostState
from fleet.models.messages import HostEnd
from fleet.models.work import EndCause, Outcome, StepAction, StepResult
from tests.workflows.conftest import Bench
from tests.workflows.fakes import GO_ON, NOTHING_FORESAW_IT, Gate
from tests.workflows.make import step
from workflows.domain_visit import DomainVisit
from workflows.host_maintenance import HostMaintenance


def result(
    action: StepAction, reason: str, state: HostState = HostState.UNTOUCHED, cause: EndCause | None = None
) -> StepResult:
    return StepResult(action=action, reason=reason, host_state=state, cause=cause)


async def finished(bench: Bench, **work: object) -> HostEnd:
    handle = await bench.start(HostMaintenance.run, bench.work(**work), bench.host().id)
    return await handle.result()


async def test_a_normal_host_takes_every_step_in_order_and_is_undrained(bench):
    end = await finished(bench)

    assert HostEnd(host="gpu001", outcome=Outcome.UPGRADED, reason="done") == end
    assert [
        "drain",
        "apply:nic",
        "apply:driver",
        "reboot",
        "verify:health",
        "gate",
        "return",
    ] == bench.fakes.steps
    last = bench.fakes.asked("return")[0]
    assert (Outcome.UPGRADED, True) == (last.outcome, last.undrain)
    assert ["nic", "driver"] == [u.component for u in last.applied]


async def test_an_untouched_host_that_is_to_be_given_back_is_undrained_and_nothing_else_happens(bench):
    bench.fakes.on("drain", result(StepAction.GIVE_BACK, "a job may not be requeued"))

    end = await finished(bench)

    assert Outcome.GIVEN_BACK == end.outcome
    assert ["drain", "return"] == bench.fakes.steps
    last = bench.fakes.asked("return")[0]
    assert (Outcome.GIVEN_BACK, True, "a job may not be requeued") == (last.outcome, last.undrain, last.reason)
    assert EndCause.JOBS == last.cause


async def test_a_host_under_anothers_hold_is_left_drained(bench):
    bench.fakes.on("drain", result(StepAction.LEAVE, "drained by another: disk check"))

    end = await finished(bench)

    assert Outcome.LEFT_OUT == end.outcome
    assert ["drain", "return"] == bench.fakes.steps
    last = bench.fakes.asked("return")[0]
    assert (Outcome.LEFT_OUT, False) == (last.outcome, last.undrain)


async def test_a_verified_host_under_anothers_hold_ends_upgraded_and_stays_drained(bench):
    bench.fakes.on("gate", result(StepAction.LEAVE, "its drain was replaced by another's"))

    end = await finished(bench)

    assert Outcome.UPGRADED == end.outcome
    last = bench.fakes.asked("return")[0]
    assert (False, "its drain was replaced by another's") == (last.undrain, last.reason)


@pytest.mark.parametrize(("step", "action"), [("gate", StepAction.GO_ON), ("drain", StepAction.GIVE_BACK)])
async def test_a_host_that_its_scheduler_lost_before_it_returned_goes_to_repair(bench, step, action):
    bench.fakes.on(step, result(action, "well so far"))
    bench.fakes.on("return", result(StepAction.HAND_OVER, "its scheduler has lost it", HostState.UNKNOWN))
    await bench.start(HostMaintenance.run, bench.work(), bench.host().id)
    handed = (await bench.until(lambda: bench.fakes.asked("hand_over"), "it is handed over"))[0]

    assert ("its scheduler has lost it", HostState.UNKNOWN) == (handed.reason, handed.host_state)


async def test_a_stop_at_a_safe_point_skips_to_verification_and_the_gate_knows_it(bench):
    bench.fakes.on("apply:driver", result(StepAction.SKIP_TO_VERIFY, "stop by ann", cause=EndCause.STOP))

    end = await finished(bench)

    assert Outcome.PARTLY_UPGRADED == end.outcome
    assert ["drain", "apply:nic", "apply:driver", "verify:health", "gate", "return"] == bench.fakes.steps
    assert [True] == [order.stopped_early for order in bench.fakes.asked("gate")]
    assert ["nic"] == [u.component for u in bench.fakes.asked("gate")[0].applied]
    last = bench.fakes.asked("return")[0]
    assert (Outcome.PARTLY_UPGRADED, EndCause.STOP) == (last.outcome, last.cause)


async def test_a_frozen_step_is_asked_again_by_the_engine_and_the_workflow_never_sees_it(bench):
    frozen = ApplicationError("freeze by ann", type="Frozen", next_retry_delay=timedelta(milliseconds=10))
    bench.fakes.on("apply:nic", frozen, frozen, GO_ON)

    end = await finished(bench)

    assert Outcome.UPGRADED == end.outcome
    assert 3 == bench.fakes.steps.count("apply:nic")
    history = await bench.host().fetch_history()
    assert 7 == sum(e.HasField("activity_task_scheduled_event_attributes") for e in history.events)


async def test_a_failed_step_hands_the_host_over_tells_the_visit_and_goes_on_as_its_repair(bench):
    bench.fakes.on("apply:nic", result(StepAction.HAND_OVER, "the flash failed", HostState.PARTLY_APPLIED))
    visit = ids.visit(bench.cluster, "gpu", 1, "rack1", 1)
    told = Gate(None)
    bench.fakes.on("ask_for_hosts", told)  # a visit that stands still, to be told
    listener = await bench.start(DomainVisit.run, bench.visit, visit)

    handle = await bench.start(HostMaintenance.run, bench.work(visit=visit), bench.host().id)
    await bench.until(lambda: _is_repair(bench), "it goes on as its repair")

    assert ["drain", "apply:nic", "hand_over"] == [s for s in bench.fakes.steps if s != "ask_for_hosts"]
    order = bench.fakes.asked("hand_over")[0]
    assert ("the flash failed", HostState.PARTLY_APPLIED) == (order.reason, order.host_state)
    first = await bench.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id).describe()
    assert WorkflowExecutionStatus.CONTINUED_AS_NEW == first.status
    history = await listener.fetch_history()
    signals = [e.workflow_execution_signaled_event_attributes for e in history.events]
    assert ["handed_over"] == [s.signal_name for s in signals if s.signal_name]
    told.opened.set()


async def test_an_error_that_nobody_foresaw_hands_the_host_over_in_a_state_unknown(bench):
    bench.fakes.on("reboot", NOTHING_FORESAW_IT)

    await bench.start(HostMaintenance.run, bench.work(), bench.host().id)
    await bench.until(lambda: _is_repair(bench), "it goes on as its repair")

    order = bench.fakes.asked("hand_over")[0]
    assert HostState.UNKNOWN == order.host_state
    assert "a step broke off: OSError: the disk is full" == order.reason


@pytest.mark.parametrize(
    ("during", "steps", "outcome"),
    [
        ("drain", ["drain", "return"], Outcome.GIVEN_BACK),
        ("apply:nic", ["drain", "apply:nic", "verify:health", "gate", "return"], Outcome.PARTLY_UPGRADED),
        (
            "apply:driver",
            ["drain", "apply:nic", "apply:driver", "reboot", "verify:health", "gate", "return"],
            Outcome.UPGRADED,
        ),
    ],
)
async def test_a_host_yields_at_its_next_safe_point_and_nowhere_else(bench, during, steps, outcome):
    gate = Gate(GO_ON)
    bench.fakes.on(during, gate)
    handle = await bench.start(HostMaintenance.run, bench.work(), bench.host().id)
    await gate.waits()

    await handle.signal("yield", "an emergency")
    gate.opened.set()
    end = await handle.result()

    assert outcome == end.outcome
    assert steps == bench.fakes.steps
    assert ("yielded: an emergency" in bench.fakes.asked("return")[0].reason) is (outcome is not Outcome.UPGRADED)


async def test_a_host_that_yields_before_its_drain_is_never_drained(bench):
    handle = await bench.client.start_workflow(
        HostMaintenance.run,
        bench.work(),
        id=bench.host().id,
        task_queue=ids.WORKFLOW_QUEUE,
        start_signal="yield",
    )

    end = await handle.result()

    assert Outcome.GIVEN_BACK == end.outcome
    assert ["return"] == bench.fakes.steps


async def test_a_safe_point_that_is_none_does_not_let_a_yielding_host_go(bench):
    gate = Gate(GO_ON)
    bench.fakes.on("apply:nic", gate)
    steps = (step("drain"), step("apply:nic"), step("apply:driver", safe=False), step("gate"), step("return"))
    handle = await bench.start(HostMaintenance.run, bench.work(steps=steps), bench.host().id)
    await gate.waits()

    await handle.signal("yield")
    gate.opened.set()
    end = await asyncio.wait_for(handle.result(), 30)

    assert Outcome.UPGRADED == end.outcome
    assert ["drain", "apply:nic", "apply:driver", "gate", "return"] == bench.fakes.steps


async def _is_repair(bench: Bench) -> bool:
    return await bench.kind(bench.host()) == "HostRepair"
