"""A host in repair waits for a person, and what it makes of the person's word."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError

from fleet.errors import HostState
from fleet.models.messages import Command, HostEnd
from fleet.models.work import BoardAction, Boarding, Outcome, StepAction, StepResult
from tests.workflows.conftest import SUGGESTED_AT, Bench
from tests.workflows.fakes import GO_ON, NOTHING_FORESAW_IT, Gate
from tests.workflows.make import ORDER
from workflows.host_repair import HostRepair

FAILED = StepResult(action=StepAction.HAND_OVER, reason="a GPU is missing", host_state=HostState.PARTLY_APPLIED)


async def in_repair(bench: Bench) -> WorkflowHandle:
    work = bench.work(steps=()).model_copy(update={"operation": "repair/1", "trouble": "the flash failed"})
    return await bench.start(HostRepair.run, work, bench.host().id)


async def refused(handle: WorkflowHandle, update: str, order: Command) -> str:
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update(update, order)
    return str(caught.value.cause).removeprefix("ValueError: ")


async def test_a_repaired_host_is_verified_gated_and_returned(bench):
    handle = await in_repair(bench)

    told = await handle.execute_update("repaired", ORDER)
    end = await handle.result()

    assert "gpu001: apply, verify and gate begin" == told
    assert HostEnd(host="gpu001", outcome=Outcome.REPAIRED, reason="done") == HostEnd.model_validate(end)
    assert ["plan_repair", "verify:health", "gate", "return"] == bench.fakes.steps
    assert {(True, 1)} == {(o.repair, o.attempt) for o in bench.fakes.asked("verify")}


async def test_a_host_that_fails_again_stays_in_repair_people_are_told_and_a_retry_is_a_new_try(bench):
    bench.fakes.on("verify:health", FAILED, GO_ON)
    handle = await in_repair(bench)

    await handle.execute_update("repaired", ORDER)
    await bench.until(lambda: bench.fakes.asked("report_repair"), "people are told")
    await handle.execute_update("retry", ORDER)
    end = HostEnd.model_validate(await handle.result())

    assert Outcome.REPAIRED == end.outcome
    told = bench.fakes.asked("report_repair")[0]
    assert ("a GPU is missing", HostState.PARTLY_APPLIED, 1) == (told.trouble, told.host_state, told.tries)
    assert [1, 2] == [o.attempt for o in bench.fakes.asked("verify")]


async def test_an_error_that_nobody_foresaw_in_a_try_leaves_the_host_in_repair_in_a_state_unknown(bench):
    bench.fakes.on("gate", NOTHING_FORESAW_IT)
    handle = await in_repair(bench)

    await handle.execute_update("repaired", ORDER)
    await bench.until(lambda: bench.fakes.asked("report_repair"), "people are told")

    assert HostState.UNKNOWN == bench.fakes.asked("report_repair")[0].host_state
    assert "HostRepair" == await bench.kind(handle)


async def test_a_host_that_may_not_return_with_its_versions_stays_in_repair_with_the_reason(bench):
    bench.fakes.on("plan_repair", Boarding(action=BoardAction.NOT_ALLOWED, reason="no tested entry covers it"))
    handle = await in_repair(bench)

    await handle.execute_update("repaired", ORDER)
    await bench.until(lambda: bench.fakes.asked("report_repair"), "people are told")

    assert "no tested entry covers it" == bench.fakes.asked("report_repair")[0].trouble
    assert ["plan_repair", "report_repair"] == bench.fakes.steps
    await handle.execute_update("decommission", ORDER)
    assert Outcome.DECOMMISSIONED == HostEnd.model_validate(await handle.result()).outcome


async def test_a_decommissioned_host_leaves_in_the_name_of_who_asked(bench):
    handle = await in_repair(bench)

    assert "gpu001 leaves for good" == await handle.execute_update("decommission", ORDER)
    end = HostEnd.model_validate(await handle.result())

    assert (Outcome.DECOMMISSIONED, ORDER.reason) == (end.outcome, end.reason)
    assert [("decommission", ORDER)] == [(name, arguments[1]) for name, arguments in bench.fakes.calls]


async def test_a_host_that_can_not_be_decommissioned_stays_in_repair_and_may_be_asked_again(bench):
    bench.fakes.on("decommission", NOTHING_FORESAW_IT, None)
    handle = await in_repair(bench)

    await handle.execute_update("decommission", ORDER)
    await bench.until(lambda: bench.fakes.asked("decommission"), "it was tried")
    await bench.until(lambda: _takes(handle), "it waits for another word")

    assert Outcome.DECOMMISSIONED == HostEnd.model_validate(await handle.result()).outcome


async def _takes(handle: WorkflowHandle) -> bool:
    try:
        await handle.execute_update("decommission", ORDER)
    except WorkflowUpdateFailedError:
        return False  # the first word is still being done
    return True


async def test_nobody_hearing_of_a_failed_try_leaves_the_host_in_repair(bench):
    bench.fakes.on("gate", FAILED)
    bench.fakes.on("report_repair", NOTHING_FORESAW_IT)
    handle = await in_repair(bench)

    await handle.execute_update("repaired", ORDER)
    await bench.until(lambda: bench.fakes.asked("report_repair"), "it was tried")
    await bench.until(lambda: _takes(handle), "it waits for another word")

    assert Outcome.DECOMMISSIONED == HostEnd.model_validate(await handle.result()).outcome


@pytest.mark.parametrize("update", ["repaired", "retry", "decommission"])
async def test_a_person_must_give_a_reason_and_a_refusal_costs_no_history(bench, update):
    handle = await in_repair(bench)
    await bench.until(lambda: _length(handle, 4), "it waits")

    assert "expected a reason" == await refused(handle, update, Command(actor="ann", reason="  "))

    assert 4 == await _length(handle, 4)
    assert [] == bench.fakes.calls


@pytest.mark.parametrize("update", ["repaired", "retry"])
async def test_no_other_try_is_begun_while_a_persons_is_under_way(bench, update):
    gate = Gate(GO_ON)
    bench.fakes.on("verify:health", gate)
    handle = await in_repair(bench)
    await handle.execute_update("repaired", ORDER)
    await gate.waits()

    why = await refused(handle, update, ORDER)

    assert "gpu001 is already being tried or decommissioned; wait for its end" == why
    gate.opened.set()
    assert Outcome.REPAIRED == HostEnd.model_validate(await handle.result()).outcome


async def test_a_host_may_leave_for_good_in_the_middle_of_a_try(bench):
    verifying = Gate(GO_ON)
    bench.fakes.on("verify:health", verifying)
    handle = await in_repair(bench)
    await handle.execute_update("repaired", ORDER)
    await verifying.waits()

    said = await handle.execute_update("decommission", ORDER)
    assert "gpu001 leaves for good as soon as the step under way has ended" == said
    assert "gpu001 is already being tried or decommissioned; wait for its end" == await refused(
        handle, "decommission", ORDER
    )
    verifying.opened.set()

    assert Outcome.DECOMMISSIONED == HostEnd.model_validate(await handle.result()).outcome
    assert ["plan_repair", "verify:health", "decommission"] == [s for s in bench.fakes.steps if s != "note_word"]


@pytest.mark.parametrize("update", ["repaired", "decommission"])
async def test_a_host_that_has_passed_and_is_returning_takes_no_word(bench, update):
    returning = Gate(GO_ON)
    bench.fakes.on("return", returning)
    handle = await in_repair(bench)
    await handle.execute_update("repaired", ORDER)
    await returning.waits()

    assert await refused(handle, update, ORDER)
    returning.opened.set()

    assert Outcome.REPAIRED == HostEnd.model_validate(await handle.result()).outcome


async def test_a_repair_of_many_tries_continues_as_new_and_a_word_given_meanwhile_is_kept(bench):
    """Each try is asked for while the last one's failure is being reported, the moment before a run may end."""
    reports = [Gate(None) for _ in range(5)]
    bench.fakes.on("verify:health", FAILED)
    bench.fakes.on("report_repair", *reports)
    handle = await in_repair(bench)
    latest = bench.client.get_workflow_handle(handle.id)
    await latest.execute_update("repaired", ORDER)

    for number, report in enumerate(reports, start=1):
        await report.waits()
        if number < len(reports):
            await latest.execute_update("retry", ORDER, rpc_timeout=timedelta(seconds=20))
        report.opened.set()
    await bench.until(lambda: _continued(handle), "its first run has ended")

    assert [1, 2, 3, 4, 5] == [w.tries for w in bench.fakes.asked("report_repair")]
    assert SUGGESTED_AT < len((await _first(bench, handle).fetch_history()).events)


async def _continued(handle: WorkflowHandle) -> bool:
    return (await handle.describe()).run_id != handle.first_execution_run_id


def _first(bench: Bench, handle: WorkflowHandle) -> WorkflowHandle:
    return bench.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)


async def _length(handle: WorkflowHandle, at_least: int) -> int:
    length = (await handle.describe()).history_length
    return length if length >= at_least else 0


async def test_a_host_that_somebody_undrained_while_it_waits_is_drained_again_and_goes_on_waiting(bench):
    handle = await in_repair(bench)

    await handle.signal("undrained")
    await bench.until(lambda: bench.fakes.asked("drain_again"), "it is drained again")
    await handle.execute_update("repaired", ORDER)
    await handle.result()

    assert ["drain_again", "plan_repair", "verify:health", "gate", "return"] == bench.fakes.steps


async def test_a_try_looks_after_its_drain_itself(bench):
    returning = Gate(GO_ON)
    bench.fakes.on("return", returning)
    handle = await in_repair(bench)
    await handle.execute_update("repaired", ORDER)
    await returning.waits()

    await handle.signal("undrained")
    returning.opened.set()
    await handle.result()

    assert [] == bench.fakes.asked("drain_again")
