"""A rollout looks, waits, and is woken; people's words; an end; and runs that stay short however many visits end."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from fleet import ids
from fleet.models.messages import Command, Reviewed, RolloutInput
from fleet.models.phases import GateAction
from tests.workflows.conftest import SUGGESTED_AT, Bench
from tests.workflows.fakes import Gate
from tests.workflows.test_continue_as_new import runs
from workflows.options import ROLLOUT_APART
from workflows.rollout import Rollout

ANN = Command(actor="ann", reason="it hangs")
DRIVER = "gpu-driver/550.2"


def seen(action: GateAction = GateAction.HOLD, **changes: object) -> Reviewed:
    values = {"action": action, "reason": "canary: 1 of 3", "state": "running", "wait_seconds": 3600, "picture": "it"}
    return Reviewed(**{**values, **changes})


async def started(bench: Bench):
    # Ids of rollouts name no cluster, and all tests share a server.
    name = ids.rollout("gpu-driver", bench.cluster)
    return await bench.start(Rollout.run, RolloutInput(rollout=DRIVER, cluster=bench.cluster), name)


async def looked(bench: Bench, handle) -> None:
    """Until the first look is over."""

    async def told() -> bool:
        return await handle.query("picture") == "it"

    await bench.until(told, "the first look is over")


async def test_it_looks_again_at_once_when_a_phase_opened_and_ends_when_nothing_is_left(bench):
    opened, over = seen(GateAction.OPEN_NEXT, wait_seconds=0), seen(GateAction.END, over=True, reason="every host")
    bench.fakes.on("review_rollout", opened, over)

    handle = await started(bench)

    assert "every host" == await handle.result()
    assert ["review_rollout", "review_rollout"] == bench.fakes.steps


async def test_it_looks_again_when_its_time_has_come(bench):
    bench.fakes.on("review_rollout", seen(wait_seconds=3600), seen(GateAction.END, over=True))
    handle = await started(bench)
    await bench.until(lambda: bench.fakes.steps, "the first look")

    await bench.skip_ahead(handle, timedelta(hours=2))

    await handle.result()
    assert 2 == len(bench.fakes.steps)


async def test_many_visits_that_end_during_a_look_bring_about_one_more_look(bench):
    slow = Gate(seen())
    bench.fakes.on("review_rollout", slow, seen())
    handle = await started(bench)
    await slow.waits()
    await asyncio.gather(*(handle.signal("wake") for _ in range(20)))
    slow.opened.set()

    await bench.until(lambda: len(bench.fakes.steps) == 2, "a second look")
    await asyncio.sleep(0.5)
    assert 2 == len(bench.fakes.steps)


async def test_a_persons_word_is_put_in_force_and_looked_at_at_once(bench):
    bench.fakes.on("review_rollout", seen())
    bench.fakes.on("order_rollout", "gpu-driver/550.2 is offboarded")
    handle = await started(bench)
    await bench.until(lambda: bench.fakes.steps, "the first look")

    told = await handle.execute_update("offboard", ANN)

    assert "gpu-driver/550.2 is offboarded" == told
    order = bench.fakes.asked("order_rollout")[0]
    assert ("offboard", "ann", "it hangs", DRIVER) == (order.verb, order.actor, order.reason, order.rollout)
    await bench.until(lambda: bench.fakes.steps[-1] == "review_rollout", "a look after it")
    assert "it" == await handle.query("picture")


@pytest.mark.parametrize(("verb", "command"), [("pause", Command(reason="  ")), ("resume", ANN), ("approve", ANN)])
async def test_a_word_that_makes_no_sense_is_refused_and_costs_no_history(bench, verb, command):
    refusals = {"resume": "it is running already", "approve": "no phase waits"}
    bench.fakes.on("review_rollout", seen(refusals=refusals))
    handle = await started(bench)
    await looked(bench, handle)
    before = (await handle.describe()).history_length

    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update(verb, command)

    assert before == (await handle.describe()).history_length
    assert [] == bench.fakes.asked("order_rollout")


async def test_a_word_that_the_facts_refuse_is_told_and_the_rollout_goes_on(bench):
    bench.fakes.on("review_rollout", seen())
    bench.fakes.on("order_rollout", ApplicationError("it was offboarded", type="Refused", non_retryable=True))
    handle = await started(bench)
    await bench.until(lambda: bench.fakes.steps, "the first look")

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("pause", ANN)

    assert "it was offboarded" in str(refused.value.cause)
    assert "it" == await handle.query("picture")


async def test_visits_that_end_one_after_the_other_are_looked_at_together(bench):
    bench.fakes.on("review_rollout", seen())
    handle = await started(bench)
    await looked(bench, handle)

    for _ in range(10):
        await handle.signal("wake")
        await asyncio.sleep(0.05)

    await bench.until(lambda: len(bench.fakes.steps) == 2, "a second look")
    await asyncio.sleep(ROLLOUT_APART.total_seconds() + 0.5)
    assert 2 == len(bench.fakes.steps)


async def test_a_persons_word_does_not_wait_for_visits_to_gather(bench):
    bench.fakes.on("review_rollout", seen())
    bench.fakes.on("order_rollout", "gpu-driver/550.2 is paused")
    handle = await started(bench)
    await looked(bench, handle)
    await handle.signal("wake")

    await handle.execute_update("pause", ANN)

    await bench.until(lambda: len(bench.fakes.steps) == 3, "a look", ROLLOUT_APART.total_seconds() / 2)


async def test_visits_that_end_all_at_once_cost_little_more_than_their_own_words(bench):
    bench.fakes.on("review_rollout", seen())
    handle = await started(bench)
    latest = bench.handle(handle.id)
    await looked(bench, handle)

    for _ in range(10):
        await asyncio.gather(*(latest.signal("wake") for _ in range(30)))
    looks = len(bench.fakes.steps)
    await bench.until(lambda: len(bench.fakes.steps) > looks, "the look after them")

    lengths = await runs(bench, handle.id)
    assert 300 < sum(lengths) < 2 * 300
    assert len(bench.fakes.steps) <= len(lengths) + 5


async def test_however_many_visits_wake_it_every_run_stays_short(bench):
    """A run ends at the server's suggestion, here after 50 events and in earnest after 3,000."""
    bench.fakes.on("review_rollout", seen())
    handle = await started(bench)
    latest = bench.handle(handle.id)
    for number in range(1, 17):
        looks = len(bench.fakes.steps)
        await latest.signal("wake")
        await bench.skip_ahead(latest, ROLLOUT_APART)
        await bench.until(lambda least=looks: len(bench.fakes.steps) > least, f"the look after visit {number}")

    lengths = await runs(bench, handle.id)
    assert len(lengths) > 3
    assert max(lengths) < SUGGESTED_AT + 30
