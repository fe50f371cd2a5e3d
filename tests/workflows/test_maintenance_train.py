"""A train does what the planner says, and passes on what people say."""

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError

from fleet import ids
from fleet.models.messages import SkipCommand, TrainInput, TrainStop, VisitAsked
from fleet.models.train import StopAction
from tests.workflows.conftest import Bench
from tests.workflows.fakes import Gate
from tests.workflows.make import ORDER
from workflows.dispatcher import Dispatcher
from workflows.maintenance_train import MaintenanceTrain

WAIT = TrainStop(
    action=StopAction.WAIT, reason="waits for the visit", due=("rack2", "rack3"), timetable="the timetable"
)


async def running(bench: Bench) -> WorkflowHandle:
    train = TrainInput(cluster=bench.cluster, pool="gpu")
    await bench.start(MaintenanceTrain.run, train, ids.train(bench.cluster, "gpu"))
    await bench.until(lambda: bench.fakes.asked("plan_stop"), "it planned")
    return bench.handle(ids.train(bench.cluster, "gpu"))


async def refused(handle: WorkflowHandle, order: SkipCommand) -> str:
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update("skip", order)
    return str(caught.value.cause).removeprefix("ValueError: ")


def planned_visit(bench: Bench) -> TrainStop:
    return TrainStop(action=StopAction.VISIT, reason="due", visit=bench.visit.visit, domain=bench.visit.domain)


async def test_a_train_starts_the_visit_that_is_due_and_plans_anew_when_it_ends(bench):
    opening = TrainStop(action=StopAction.OPEN_CYCLE, reason="asked for")
    noticing = TrainStop(action=StopAction.NOTICE, reason="next", domain="rack1")
    bench.fakes.on("plan_stop", opening, noticing, planned_visit(bench), WAIT)
    asking = Gate(VisitAsked(ask=0, request="r", granted=True))
    bench.fakes.on("ask_for_hosts", asking)

    train = await running(bench)
    await asking.waits()
    await bench.until(lambda: len(bench.fakes.asked("plan_stop")) >= 4, "it waits for the visit")
    asking.opened.set()
    await bench.until(lambda: len(bench.fakes.asked("plan_stop")) >= 5, "it plans anew")

    under_way = [t.under_way for t in bench.fakes.asked("plan_stop")]
    assert [(), (), (), (bench.visit.visit,), ()] == under_way
    assert "the timetable" == await train.query("timetable")


async def test_a_visit_that_ended_unheard_is_forgotten(bench):
    ended = WAIT.model_copy(update={"ended": (bench.visit.visit,)})
    bench.fakes.on("plan_stop", planned_visit(bench), ended)
    bench.fakes.on("ask_for_hosts", Gate(None))
    train = await running(bench)
    await bench.until(lambda: len(bench.fakes.asked("plan_stop")) >= 2, "it planned again")

    await train.signal("wake")
    await bench.until(lambda: len(bench.fakes.asked("plan_stop")) >= 3, "it planned again")

    assert () == bench.fakes.asked("plan_stop")[2].under_way
    await bench.handle(bench.visit.visit).terminate()


async def test_a_stop_of_the_pool_is_written_in_the_name_of_who_asked_and_wakes_the_dispatcher(bench):
    await bench.start(Dispatcher.run, {"cluster": bench.cluster}, ids.dispatcher(bench.cluster))
    await bench.until(lambda: bench.fakes.asked("settle"), "the dispatcher has settled once")
    train = await running(bench)

    await train.signal("stop", ORDER)
    await train.signal("resume", "it is over")
    await bench.until(lambda: len(bench.fakes.asked("write_stop")) >= 2, "both are written")
    await bench.until(lambda: len(bench.fakes.asked("settle")) > 1, "the dispatcher was woken")

    assert [
        ("stop", "gpu", "ann", "the fan was replaced"),
        ("resume", "gpu", "a signal", "it is over"),
    ] == [(s.verb, s.pool, s.actor, s.reason) for s in bench.fakes.asked("write_stop")]


async def test_a_stop_without_a_word_is_a_stop(bench):
    train = await running(bench)

    await train.signal("stop")
    written = await bench.until(lambda: bench.fakes.asked("write_stop"), "it is written")

    assert ("stop", "no reason given") == (written[0].verb, written[0].reason)


async def test_a_due_domain_is_skipped_and_the_train_plans_anew(bench):
    bench.fakes.on("plan_stop", WAIT)
    train = await running(bench)
    order = SkipCommand(actor="ann", reason="it holds a long job", domain="rack2")

    assert "rack2 is left out of this cycle" == await train.execute_update("skip", order)
    await bench.until(lambda: len(bench.fakes.asked("plan_stop")) >= 2, "it planned anew")

    assert [order] == [arguments[1] for name, arguments in bench.fakes.calls if name == "skip_domain"]


async def test_a_skip_that_makes_no_sense_is_refused(bench):
    bench.fakes.on("plan_stop", WAIT)
    train = await running(bench)
    await bench.until(lambda: _planned(train), "it waits")

    assert "expected a reason" == await refused(train, SkipCommand(domain="rack2", reason=" "))
    assert "rack9 is not due; due are: rack2, rack3" == await refused(train, SkipCommand(domain="rack9", reason="why"))
    assert [] == bench.fakes.asked("skip_domain")


async def test_a_skip_that_comes_too_late_fails_and_the_train_goes_on(bench):
    bench.fakes.on("plan_stop", WAIT)
    bench.fakes.on("skip_domain", False)
    train = await running(bench)
    await bench.until(lambda: _planned(train), "it waits")

    why = await refused(train, SkipCommand(domain="rack2", reason="why"))

    assert "rack2 is no longer due in this cycle" == why
    await bench.until(lambda: len(bench.fakes.asked("plan_stop")) >= 2, "it planned anew")


async def _planned(train: WorkflowHandle) -> bool:
    return await train.query("timetable") == "the timetable"
