"""A repair climbs its ladder rung by rung: each is a try with a step in front."""

import pytest
from temporalio.exceptions import ApplicationError

from fleet.errors import HostState
from fleet.models.ladder import Rung
from fleet.models.rungs import LADDER
from fleet.models.stack import Upgrade
from fleet.models.work import BoardAction, Boarding, Climb, Outcome, StepAction, StepResult
from tests.workflows.conftest import SUGGESTED_AT
from tests.workflows.fakes import NOTHING_FORESAW_IT
from tests.workflows.ladder import FAILED, PERSON, climbing, end_of, rung, takes, waits, works


async def test_a_rung_is_a_try_with_its_step_in_front_and_the_host_returns_verified(bench):
    bench.fakes.on("climb", rung(Rung.GPU_RESET))

    end = await end_of(await climbing(bench))

    assert Outcome.REPAIRED == end.outcome
    assert ["climb", "rung:gpu_reset", "plan_repair", "verify:health", "gate", "return"] == bench.fakes.steps
    assert {(True, 1, "repair/1")} == {(o.repair, o.attempt, o.operation) for o in bench.fakes.asked("gpu_reset")}
    said = [arguments[1] for name, arguments in bench.fakes.calls if name == "plan_repair"]
    assert [(LADDER, "gpu_reset, for GPU 5")] == [(order.actor, order.reason) for order in said]


async def test_a_retry_only_verifies_again(bench):
    bench.fakes.on("climb", rung(Rung.RETRY))
    await end_of(await climbing(bench))
    assert ["climb", "plan_repair", "verify:health", "gate", "return"] == bench.fakes.steps


async def test_each_rung_has_a_try_of_its_own_and_nobody_is_told_until_a_person_is_asked(bench):
    bench.fakes.on("climb", rung(Rung.RETRY), rung(Rung.REBOOT), rung(Rung.POWER_CYCLE), PERSON)
    bench.fakes.on("verify:health", FAILED)
    handle = await climbing(bench)
    await bench.until(lambda: len(works(bench)) == 4, "the ladder is at its end")
    await bench.until(lambda: waits(handle), "it waits for a person")

    assert [(0, "GPU 5 is slow"), (1, "GPU 5 is slow"), (2, "GPU 5 is slow"), (3, "GPU 5 is slow")] == [
        (w.tries, w.trouble) for w in works(bench)
    ]
    assert [1, 2, 3] == [o.attempt for o in bench.fakes.asked("verify")]
    assert [] == bench.fakes.asked("report_repair")


SKIPPED = StepResult(action=StepAction.SKIP, reason="bmc can't be written: no image")
TWO = ("reflash:bmc", "reflash:nic", "rung:reboot")


async def test_firmware_that_can_not_be_written_keeps_no_other_from_being_written(bench):
    bench.fakes.on("climb", rung(Rung.REFLASH, *TWO))
    bench.fakes.on("reflash:bmc", SKIPPED)
    await end_of(await climbing(bench))
    assert ["climb", *TWO, "plan_repair"] == bench.fakes.steps[:5]
    assert ["nic"] == [u.component for u in bench.fakes.asked("reboot")[0].applied]


async def test_a_reflash_of_which_nothing_can_be_written_is_refused_and_reboots_nothing(bench):
    bench.fakes.on("climb", rung(Rung.REFLASH, *TWO), rung(Rung.RETRY))
    bench.fakes.on("reflash:bmc", SKIPPED)
    bench.fakes.on("reflash:nic", SKIPPED)
    await end_of(await climbing(bench))
    assert ["climb", "reflash:bmc", "reflash:nic", "climb", "plan_repair"] == bench.fakes.steps[:5]
    assert SKIPPED.reason == works(bench)[1].trouble


async def test_a_rung_that_the_hardware_refuses_leads_to_the_next_without_a_verification(bench):
    refused = StepResult(action=StepAction.SKIP, reason="GPU 3 is in use")
    bench.fakes.on("climb", rung(Rung.GPU_RESET), rung(Rung.REBOOT))
    bench.fakes.on("rung:gpu_reset", refused)
    await end_of(await climbing(bench))
    assert ["climb", "rung:gpu_reset", "climb", "rung:reboot", "plan_repair"] == bench.fakes.steps[:5]
    assert "GPU 3 is in use" == works(bench)[1].trouble


async def test_a_rung_after_which_the_host_is_not_back_leads_to_the_next(bench):
    lost = StepResult(action=StepAction.HAND_OVER, reason="not back", host_state=HostState.UNKNOWN)
    bench.fakes.on("climb", rung(Rung.REBOOT), rung(Rung.POWER_CYCLE))
    bench.fakes.on("rung:reboot", lost)
    await end_of(await climbing(bench))
    assert ("not back", HostState.UNKNOWN, Climb.ON) == (
        works(bench)[1].trouble,
        works(bench)[1].host_state,
        works(bench)[1].climb,
    )


async def test_a_rung_that_breaks_off_leads_to_the_next(bench):
    bench.fakes.on("climb", rung(Rung.REBOOT), rung(Rung.POWER_CYCLE))
    bench.fakes.on("rung:reboot", NOTHING_FORESAW_IT)
    await end_of(await climbing(bench))
    assert "a step broke off" in works(bench)[1].trouble


async def test_a_reflash_takes_all_its_steps_before_the_host_is_verified(bench):
    bench.fakes.on("climb", rung(Rung.REFLASH, "reflash:bmc", "rung:reboot"))
    await end_of(await climbing(bench))
    assert ["climb", "reflash:bmc", "rung:reboot", "plan_repair"] == bench.fakes.steps[:4]
    assert [Upgrade(component="bmc", version="1.0")] == list(bench.fakes.asked("reboot")[0].applied)


@pytest.mark.parametrize(
    ("activity", "answer"),
    [
        ("rung:reboot", StepResult(action=StepAction.LEAVE, reason="admin: cable")),
        ("plan_repair", Boarding(action=BoardAction.NOT_ALLOWED, reason="no tested entry covers it")),
    ],
)
async def test_what_no_rung_could_help_bars_the_ladder(bench, activity, answer):
    bench.fakes.on("climb", rung(Rung.REBOOT), PERSON)
    bench.fakes.on(activity, answer)
    handle = await climbing(bench)
    await bench.until(lambda: len(works(bench)) == 2, "the next decision is asked for")
    await bench.until(lambda: waits(handle), "it waits for a person")
    assert (Climb.BARRED, answer.reason) == (works(bench)[1].climb, works(bench)[1].trouble)


async def test_a_host_that_does_not_tell_its_versions_climbs_on(bench):
    bench.fakes.on("climb", rung(Rung.REBOOT), PERSON)
    bench.fakes.on("plan_repair", Boarding(action=BoardAction.NOT_READ, reason="silent"))
    await climbing(bench)
    await bench.until(lambda: len(works(bench)) == 2, "the next decision is asked for")
    assert Climb.ON is works(bench)[1].climb


async def test_a_ladder_that_breaks_off_is_told_to_people_and_waits_for_them(bench):
    bench.fakes.on("climb", ApplicationError("held by nobody", type="LeaseLost", non_retryable=True))
    handle = await climbing(bench)
    await bench.until(lambda: bench.fakes.asked("report_repair"), "people are told")
    assert "the repair ladder broke off: LeaseLost: held by nobody" in bench.fakes.asked("report_repair")[0].trouble
    await bench.until(lambda: takes(handle, "repaired"), "it waits for a word")
    assert Outcome.REPAIRED == (await end_of(handle)).outcome


async def test_a_long_ladder_continues_as_new_where_it_was(bench):
    rungs = [rung(Rung.RETRY) for _ in range(8)]
    bench.fakes.on("climb", *rungs, PERSON)
    bench.fakes.on("verify:health", FAILED)
    handle = await climbing(bench)
    await bench.until(lambda: len(works(bench)) == 9, "the ladder is at its end")

    assert list(range(9)) == [w.tries for w in works(bench)]
    assert {Climb.ON} == {w.climb for w in works(bench)}
    first = bench.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
    assert SUGGESTED_AT < len((await first.fetch_history()).events)
    assert handle.first_execution_run_id != (await bench.client.get_workflow_handle(handle.id).describe()).run_id
