"""What a repair makes of a host that is back by itself, and of one that an outsider gets."""

import pytest
from temporalio.client import WorkflowUpdateFailedError

from fleet import ids
from fleet.models.ladder import Rung
from fleet.models.messages import ClusterInput, Command, HandOver, Observed
from fleet.models.work import Climb, Outcome
from tests.workflows.fakes import GO_ON, Gate
from tests.workflows.ladder import FAILED, PERSON, climbing, end_of, rung, takes
from tests.workflows.make import ORDER
from workflows.dispatcher import Dispatcher
from workflows.host_repair import HostRepair


async def waiting(bench):
    """A repair without a ladder."""
    work = bench.work(steps=()).model_copy(update={"operation": "repair/1", "trouble": "it went down"})
    return await bench.start(HostRepair.run, work, bench.host().id)


async def test_a_host_that_is_back_is_verified_and_returns_without_a_persons_word(bench):
    bench.fakes.on("climb", rung(Rung.RETRY))
    handle = await waiting(bench)
    await handle.signal("back")
    assert Outcome.REPAIRED == (await end_of(handle)).outcome
    assert ["climb", "plan_repair", "verify:health", "gate", "return"] == bench.fakes.steps


async def test_a_host_that_was_back_and_did_not_pass_is_a_persons(bench):
    bench.fakes.on("climb", rung(Rung.RETRY), PERSON)
    bench.fakes.on("verify:health", FAILED, GO_ON)
    handle = await waiting(bench)
    await handle.signal("back")
    await bench.until(lambda: len(bench.fakes.asked("climb")) == 2, "a person was asked")
    await handle.signal("back")
    await bench.until(lambda: takes(handle, "repaired"), "it waits for a person")
    assert Outcome.REPAIRED == (await end_of(handle)).outcome
    assert [0, 1] == [w.tries for w in bench.fakes.asked("climb")]


async def test_a_host_that_an_outsider_has_ends_its_repair_when_the_book_says_so(bench):
    bench.fakes.on("give_away", False, True)
    handle = await waiting(bench)
    await handle.signal("given")
    await bench.until(lambda: bench.fakes.asked("give_away"), "it asked the book")
    await handle.signal("given")
    assert Outcome.GIVEN_AWAY == (await end_of(handle)).outcome
    assert ["give_away", "give_away"] == bench.fakes.steps


async def test_a_host_that_is_to_be_given_stands_still_at_the_next_safe_point(bench):
    resetting = Gate(GO_ON)
    bench.fakes.on("climb", rung(Rung.GPU_RESET))
    bench.fakes.on("rung:gpu_reset", resetting)
    handle = await climbing(bench)
    await resetting.waits()
    said = await handle.execute_update("give", Command(actor="ann", reason="given to vendor"))
    resetting.opened.set()
    await handle.signal("given")

    assert "gpu001: nothing more is tried as soon as the step under way has ended" == said
    assert Outcome.GIVEN_AWAY == (await end_of(handle)).outcome
    assert ["climb", "rung:gpu_reset", "give_away"] == [s for s in bench.fakes.steps if s != "note_word"]


async def test_a_persons_later_word_begins_a_try_on_a_host_that_was_to_be_given(bench):
    handle = await waiting(bench)
    await handle.execute_update("give", ORDER)
    await handle.execute_update("repaired", ORDER)
    assert Outcome.REPAIRED == (await end_of(handle)).outcome


async def test_a_host_that_is_returning_is_given_to_nobody(bench):
    returning = Gate(GO_ON)
    bench.fakes.on("return", returning)
    handle = await waiting(bench)
    await handle.execute_update("repaired", ORDER)
    await returning.waits()
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update("give", ORDER)
    returning.opened.set()
    assert Outcome.REPAIRED == (await end_of(handle)).outcome


async def test_the_dispatcher_begins_opened_repairs_and_tells_those_whose_hosts_are_back_or_given(bench):
    opened = HandOver(work=bench.work("gpu001", steps=()), reason="it went down in production")
    first = Observed(next_look_seconds=0.05, ledger="", opened=(opened,))
    seen = Observed(next_look_seconds=0.05, ledger="", back=("gpu001",))
    bench.fakes.on("observe", first, seen, Observed(next_look_seconds=3600, ledger=""))
    bench.fakes.on("hand_over", lambda order: order.work.model_copy(update={"climb": Climb.OFF}))
    bench.fakes.on("climb", rung(Rung.RETRY))
    verifying = Gate(GO_ON)
    bench.fakes.on("verify:health", verifying)
    await bench.start(Dispatcher.run, ClusterInput(cluster=bench.cluster), ids.dispatcher(bench.cluster))
    await bench.until(lambda: len(bench.fakes.asked("observe")) == 3, "it looked")
    assert [opened] == bench.fakes.asked("hand_over")
    await bench.host().signal("back")  # a look may come before the repair has begun: the next one tells again
    await verifying.waits()
    verifying.opened.set()
    assert Outcome.REPAIRED == (await end_of(bench.host())).outcome
