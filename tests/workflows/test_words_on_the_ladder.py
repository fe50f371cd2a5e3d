"""A person's word goes first while a repair climbs its ladder, as soon as no step is under way."""

import pytest
from temporalio.client import WorkflowUpdateFailedError

from fleet.models.ladder import Rung
from fleet.models.work import Climb, Outcome, StepAction, StepResult
from tests.workflows.fakes import GO_ON, NOTHING_FORESAW_IT, Gate
from tests.workflows.ladder import FAILED, climbing, end_of, rung, takes, works
from tests.workflows.make import ORDER


async def test_after_a_persons_failed_repair_the_ladder_does_not_start_again(bench):
    bench.fakes.on("verify:health", FAILED)
    handle = await climbing(bench)
    await bench.until(lambda: works(bench), "a person is asked")
    await bench.until(lambda: takes(handle, "repaired"), "a person speaks")
    await bench.until(lambda: bench.fakes.asked("report_repair"), "people are told")
    await bench.until(lambda: takes(handle, "decommission"), "it waits for the next word")

    assert Outcome.DECOMMISSIONED == (await end_of(handle)).outcome
    assert 1 == len(works(bench))


async def test_a_person_who_speaks_between_rungs_goes_first_and_the_rung_is_not_begun(bench):
    deciding = Gate(rung(Rung.REIMAGE))
    bench.fakes.on("climb", deciding)
    handle = await climbing(bench)
    await deciding.waits()

    assert "gpu001: apply, verify and gate begin" == await handle.execute_update("repaired", ORDER)
    deciding.opened.set()

    assert Outcome.REPAIRED == (await end_of(handle)).outcome
    assert [] == bench.fakes.asked("reimage")
    orders = [arguments for name, arguments in bench.fakes.calls if name == "plan_repair"]
    assert [(1, Climb.OFF, ORDER)] == [(work.tries, work.climb, order) for work, order in orders]


async def test_a_host_may_be_decommissioned_between_rungs(bench):
    deciding = Gate(rung(Rung.REIMAGE))
    bench.fakes.on("climb", deciding)
    handle = await climbing(bench)
    await deciding.waits()

    await handle.execute_update("decommission", ORDER)
    deciding.opened.set()

    assert Outcome.DECOMMISSIONED == (await end_of(handle)).outcome
    assert ["climb", "decommission"] == bench.fakes.steps


async def test_a_word_in_the_middle_of_a_rung_is_heeded_when_its_step_has_ended(bench):
    cycling = Gate(GO_ON)
    bench.fakes.on("climb", rung(Rung.POWER_CYCLE))
    bench.fakes.on("rung:power_cycle", cycling)
    handle = await climbing(bench)
    await cycling.waits()

    said = await handle.execute_update("repaired", ORDER)
    assert "gpu001: apply, verify and gate begin as soon as the step under way has ended" == said
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update("retry", ORDER)
    await bench.until(lambda: bench.fakes.asked("note_word"), "the step is told")
    cycling.opened.set()

    assert Outcome.REPAIRED == (await end_of(handle)).outcome
    assert ["climb", "rung:power_cycle", "note_word", "plan_repair", "verify:health", "gate", "return"] == (
        bench.fakes.steps
    )
    (planned,) = bench.fakes.asked("plan_repair")
    assert (2, Climb.OFF, "not verified, since ann spoke: the fan was replaced") == (
        planned.tries,
        planned.climb,
        planned.trouble,
    )


async def test_a_rung_that_waits_gives_way_to_a_host_that_leaves(bench):
    held = Gate(StepResult(action=StepAction.HAND_OVER, reason="a person spoke before it began"))
    bench.fakes.on("climb", rung(Rung.REBOOT))
    bench.fakes.on("rung:reboot", held)
    bench.fakes.on("note_word", lambda *_: held.opened.set())
    handle = await climbing(bench)
    await held.waits()

    await handle.execute_update("decommission", ORDER)

    assert Outcome.DECOMMISSIONED == (await end_of(handle)).outcome
    assert ["climb", "rung:reboot", "note_word", "decommission"] == bench.fakes.steps
    (told,) = [arguments for name, arguments in bench.fakes.calls if name == "note_word"]
    assert ("rung:reboot", ORDER) == (told[0].step.key, told[1])


async def test_a_step_that_could_not_be_told_of_a_word_is_waited_for_all_the_same(bench):
    cycling = Gate(GO_ON)
    bench.fakes.on("climb", rung(Rung.POWER_CYCLE))
    bench.fakes.on("rung:power_cycle", cycling)
    bench.fakes.on("note_word", NOTHING_FORESAW_IT)
    handle = await climbing(bench)
    await cycling.waits()

    await handle.execute_update("decommission", ORDER)
    await bench.until(lambda: bench.fakes.asked("note_word"), "it was tried")
    assert [] == bench.fakes.asked("decommission")
    cycling.opened.set()

    assert Outcome.DECOMMISSIONED == (await end_of(handle)).outcome


async def test_what_was_written_is_made_active_before_a_persons_try_begins(bench):
    rebooting = Gate(GO_ON)
    bench.fakes.on("climb", rung(Rung.REFLASH, "reflash:bmc", "rung:reboot"))
    bench.fakes.on("rung:reboot", rebooting)
    handle = await climbing(bench)
    await rebooting.waits()
    await handle.execute_update("repaired", ORDER)
    rebooting.opened.set()

    assert Outcome.REPAIRED == (await end_of(handle)).outcome
    assert ["climb", "reflash:bmc", "rung:reboot", "plan_repair"] == bench.fakes.steps[:4]


async def test_a_word_during_a_rungs_verification_has_the_host_verified_anew(bench):
    verifying = Gate(GO_ON)
    bench.fakes.on("climb", rung(Rung.RETRY))
    bench.fakes.on("verify:health", verifying)
    handle = await climbing(bench)
    await verifying.waits()
    await handle.execute_update("repaired", ORDER)
    verifying.opened.set()

    assert Outcome.REPAIRED == (await end_of(handle)).outcome
    steps = [s for s in bench.fakes.steps if s != "note_word"]
    assert ["climb", "plan_repair", "verify:health", "plan_repair", "verify:health", "gate", "return"] == steps
