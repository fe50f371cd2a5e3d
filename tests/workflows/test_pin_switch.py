"""A pin switch does what its looks say, phase by phase; it ends what is under way when it goes back."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError

from fleet import ids
from fleet.models.messages import Command, RolloutInput
from fleet.models.pin_messages import (
    PinAction,
    PinBatchWork,
    PinHostWork,
    PinInput,
    PinPhase,
    PinReview,
)
from tests.workflows.conftest import Bench
from tests.workflows.fakes import GO_ON, NOTHING_FORESAW_IT, Gate
from tests.workflows.make import step
from tests.workflows.test_continue_as_new import runs
from workflows.pin_switch import PinSwitch

ANN = Command(actor="ann", reason="tonight is quiet")
MOVE = ("drain", "apply:nccl")
OVER = PinReview(action=PinAction.END, reason="every host carries it", state="done")


def seen(action: PinAction, **changes: object) -> PinReview:
    return PinReview(**{"action": action, "reason": f"to {action}", "state": "moving", "picture": "it", **changes})


def running(phase: PinPhase, *batches: int, **changes: object) -> PinReview:
    return seen(PinAction.RUN, phase=phase, batches=batches, **changes)


def switch_of(bench: Bench) -> str:
    return ids.pin_switch(bench.cluster, "nccl", 1)


def hosts(bench: Bench, *names: str, keys=MOVE, steps=None) -> PinBatchWork:
    chosen = tuple(step(key, safe=False) for key in keys)
    works = (bench.work(name, steps=chosen if steps is None else steps, visit=switch_of(bench)) for name in names)
    return PinBatchWork(hosts=tuple(PinHostWork(work=work, steps=chosen) for work in works))


async def started(bench: Bench):
    order = PinInput(switch=switch_of(bench), cluster=bench.cluster)
    return await bench.start(PinSwitch.run, order, switch_of(bench))


async def test_every_look_is_followed_by_what_it_says_until_the_end(bench):
    deeds = (PinAction.CLOSE, PinAction.CLEAR, PinAction.COMMIT, PinAction.OPEN)
    bench.fakes.on("review_pin", seen(PinAction.AGAIN), *(seen(deed) for deed in deeds), OVER)

    handle = await started(bench)

    assert "every host carries it" == await handle.result()
    deeds = [name for name in bench.fakes.steps if name != "review_pin"]
    assert ["close_pin", "clear_pin", "commit_pin", "open_pin"] == deeds


async def test_every_batch_is_taken_through_a_phase_and_hosts_are_prepared_without_one(bench):
    bench.fakes.on("review_pin", running(PinPhase.PREPARE, 0, 1), running(PinPhase.MOVE, 0, 1), OVER)
    handle = await started(bench)
    await handle.result()

    assert [0, 1] == sorted(order.batch for order in bench.fakes.asked("prepare_pin_batch"))
    assert [0, 1] == sorted(order.batch for order in bench.fakes.asked("plan_pin_batch"))
    assert {PinPhase.MOVE} == {end.input.phase for end in bench.fakes.asked("end_pin_batch")}


async def test_a_phase_is_broken_off_when_a_look_says_that_it_goes_back(bench):
    slow = Gate(GO_ON)
    bench.fakes.on("plan_pin_batch", hosts(bench, "gpu001"))
    bench.fakes.on("drain", slow)
    back = seen(PinAction.AGAIN, breaks_off=True)
    bench.fakes.on("review_pin", running(PinPhase.MOVE, 0), back, OVER)
    handle = await started(bench)
    await slow.waits()

    await handle.signal("wake")
    await bench.until(lambda: len(bench.fakes.asked("review_pin")) == 2, "the look that breaks off")
    await asyncio.sleep(0.3)
    slow.opened.set()
    await handle.result()

    assert "apply:nccl" not in bench.fakes.steps
    ended = bench.fakes.asked("end_pin_batch")
    assert [((), {})] == [(end.done, end.failed) for end in ended]


async def test_a_window_that_ends_in_a_phase_makes_it_look(bench):
    slow = Gate(GO_ON)
    bench.fakes.on("plan_pin_batch", hosts(bench, "gpu001"))
    bench.fakes.on("drain", slow)
    back = seen(PinAction.AGAIN, breaks_off=True)
    bench.fakes.on("review_pin", running(PinPhase.MOVE, 0, wait_seconds=1), back, OVER)
    handle = await started(bench)
    await slow.waits()

    await bench.until(lambda: len(bench.fakes.asked("review_pin")) == 2, "a look at the window's end")
    slow.opened.set()

    await handle.result()


async def test_an_error_that_nobody_foresaw_makes_it_look_again_later(bench):
    bench.fakes.on("review_pin", seen(PinAction.CLOSE), OVER)
    bench.fakes.on("close_pin", NOTHING_FORESAW_IT)
    handle = await started(bench)
    await bench.until(lambda: "close_pin" in bench.fakes.steps, "it was tried")

    await bench.skip_ahead(handle, timedelta(minutes=2))

    assert "every host carries it" == await handle.result()


async def test_a_co_rollout_gets_a_workflow_of_its_own(bench):
    rollout = RolloutInput(rollout=f"gpu-driver/{bench.cluster}", cluster=bench.cluster)
    bench.fakes.on("review_pin", seen(PinAction.AGAIN, rollouts=(rollout,)), OVER)
    handle = await started(bench)
    await handle.result()

    found = bench.handle(ids.rollout("gpu-driver", bench.cluster))
    assert "Rollout" == await bench.kind(found)


async def test_a_persons_word_is_put_in_force_and_looked_at_at_once(bench):
    waits = seen(PinAction.WAIT, wait_seconds=3600, refusals={"abort": "it is too late"})
    bench.fakes.on("review_pin", waits, OVER)
    handle = await started(bench)

    async def looked() -> bool:
        return await handle.query("picture") == "it"

    await bench.until(looked, "the first look is over")
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update("abort", ANN)
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update("approve", Command(reason=" "))

    assert "it is so" == await handle.execute_update("approve", ANN)
    order = bench.fakes.asked("order_pin")[0]
    assert ("approve", "ann", switch_of(bench)) == (order.verb, order.actor, order.switch)
    assert "every host carries it" == await handle.result()


@pytest.mark.parametrize("phase", [PinPhase.MOVE, PinPhase.BACK])
async def test_a_phase_over_ten_thousand_hosts_keeps_its_history_short(bench, phase):
    """125 batches of 80 hosts each, and every look that they wake."""
    batches = tuple(range(125))
    bench.fakes.on("review_pin", running(phase, *batches), seen(PinAction.WAIT, wait_seconds=3600))
    handle = await started(bench)
    await bench.until(lambda: len(bench.fakes.asked("end_pin_batch")) == len(batches), "every batch has ended", 90)
    await bench.until(lambda: bench.fakes.steps[-1] == "review_pin", "the look after them")

    assert max(await runs(bench, handle.id)) < 2500


async def test_a_wake_up_during_a_look_is_looked_at_once_more(bench):
    slow, look = Gate(GO_ON), Gate(running(PinPhase.MOVE, 0))
    bench.fakes.on("plan_pin_batch", hosts(bench, "gpu001"))
    bench.fakes.on("drain", slow)
    bench.fakes.on("review_pin", running(PinPhase.MOVE, 0), look, seen(PinAction.AGAIN, breaks_off=True), OVER)
    handle = await started(bench)
    await slow.waits()

    await handle.signal("wake")
    await look.waits()
    await handle.signal("wake")
    look.opened.set()

    await bench.until(lambda: len(bench.fakes.asked("review_pin")) == 3, "the look at what came meanwhile")
    await asyncio.sleep(0.3)
    slow.opened.set()
    await handle.result()
    assert "apply:nccl" not in bench.fakes.steps


async def test_a_batch_that_a_terminated_run_left_behind_is_waited_for(bench):
    slow = Gate(GO_ON)
    bench.fakes.on("plan_pin_batch", hosts(bench, "gpu001"))
    bench.fakes.on("drain", slow)
    bench.fakes.on("review_pin", running(PinPhase.MOVE, 0), running(PinPhase.MOVE, 0), OVER)
    first = await started(bench)
    await slow.waits()
    await first.terminate("a person")
    handle = await started(bench)
    await bench.until(lambda: len(bench.fakes.asked("review_pin")) == 2, "the look of the run after it")
    slow.opened.set()
    await bench.skip_ahead(handle, timedelta(minutes=1))

    assert "every host carries it" == await handle.result()
    assert 1 == len(bench.fakes.asked("plan_pin_batch"))


async def signals(bench: Bench, workflow_id: str) -> int:
    history = await bench.handle(workflow_id).fetch_history()
    return sum(event.HasField("workflow_execution_signaled_event_attributes") for event in history.events)


async def test_no_host_goes_back_before_what_took_it_forth_has_ended(bench):
    slow, ended = Gate(GO_ON), Gate(None)
    bench.fakes.on("plan_pin_batch", hosts(bench, "gpu001"), hosts(bench, "gpu001", keys=("apply:nic",)))
    bench.fakes.on("await_pin_batch", ended)
    bench.fakes.on("drain", slow)
    bench.fakes.on("review_pin", running(PinPhase.MOVE, 0), running(PinPhase.BACK, 0), OVER)
    first = await started(bench)
    await slow.waits()
    await first.terminate("a person")
    handle = await started(bench)
    await ended.waits()
    assert 1 == len(bench.fakes.asked("plan_pin_batch"))
    assert 1 == await signals(bench, ids.pin_batch(switch_of(bench), PinPhase.MOVE, 0)), "it is told once"

    slow.opened.set()
    await bench.until(lambda: bench.fakes.asked("end_pin_batch"), "the way there has ended")
    ended.opened.set()
    assert "every host carries it" == await handle.result()
    assert "apply:nccl" not in bench.fakes.steps
    assert ["move", "back"] == [end.input.phase for end in bench.fakes.asked("end_pin_batch")]
