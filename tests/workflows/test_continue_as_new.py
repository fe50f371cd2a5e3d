"""The endless workflows continue as new and lose no word that is spoken meanwhile.

The server suggests it after 50 events, so bursts of signals bring it about several times.
"""

import asyncio
from collections.abc import Sequence

from temporalio.client import WorkflowHandle

from fleet import ids
from fleet.models.messages import ClusterInput, Command, Observed, TrainInput, TrainStop, VisitAsked
from fleet.models.train import StopAction
from tests.workflows.conftest import SUGGESTED_AT, Bench
from tests.workflows.fakes import Gate
from workflows.dispatcher import Dispatcher
from workflows.maintenance_train import MaintenanceTrain

BURSTS, STOPS = 6, 4


async def bursts(bench: Bench, handle: WorkflowHandle, then: str) -> list[str]:
    """Bursts of stops among wake-ups, each as soon as the last was written and activity `then` has followed, which is
    the moment at which a run may end; the reasons in their order.
    """
    reasons: list[str] = []
    for number in range(BURSTS):
        for part in range(STOPS):
            reasons.append(f"stop {number}.{part}")
            await asyncio.gather(handle.signal("wake"), handle.signal("wake"))
            await handle.signal("stop", Command(actor="ann", reason=reasons[-1]))
        await bench.until(lambda: len(written(bench)) >= len(reasons), "every stop is written")
        await bench.until(lambda: bench.fakes.steps[-1] == then, f"{then} has followed")
    return reasons


async def runs(bench: Bench, workflow_id: str) -> list[int]:
    """Lengths of all runs of an id, from the first on, by following the chain backwards."""
    lengths, run = [], (await bench.handle(workflow_id).describe()).run_id
    while run:
        history = await bench.client.get_workflow_handle(workflow_id, run_id=run).fetch_history()
        lengths.append(len(history.events))
        run = history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
    return lengths[::-1]


def written(bench: Bench) -> Sequence[str]:
    return [s.reason for s in bench.fakes.asked("write_stop")]


async def test_the_dispatcher_continues_as_new_amid_stops_and_writes_every_one_once_in_order(bench):
    bench.fakes.on("observe", Observed(next_look_seconds=0.2, ledger="the ledger"))
    await bench.start(Dispatcher.run, ClusterInput(cluster=bench.cluster), ids.dispatcher(bench.cluster))
    dispatcher = bench.handle(ids.dispatcher(bench.cluster))

    reasons = await bursts(bench, dispatcher, "settle")

    assert reasons == written(bench)
    lengths = await runs(bench, dispatcher.id)
    assert len(lengths) > 2
    assert max(lengths) < 5 * SUGGESTED_AT


async def test_a_train_continues_as_new_mid_cycle_keeps_its_visit_and_writes_every_stop(bench):
    visit = bench.visit.visit
    due = TrainStop(action=StopAction.VISIT, reason="due", visit=visit, domain=bench.visit.domain)
    waits = TrainStop(action=StopAction.WAIT, reason="waits for the visit", due=("rack2",))
    bench.fakes.on("plan_stop", due, waits)
    asking = Gate(VisitAsked(ask=0, request="r", granted=True))
    bench.fakes.on("ask_for_hosts", asking)
    await bench.start(
        MaintenanceTrain.run, TrainInput(cluster=bench.cluster, pool="gpu"), ids.train(bench.cluster, "gpu")
    )
    await asking.waits()
    train = bench.handle(ids.train(bench.cluster, "gpu"))

    reasons = await bursts(bench, train, "plan_stop")
    under_way = {t.under_way for t in bench.fakes.asked("plan_stop")[1:]}
    asking.opened.set()
    await bench.handle(visit).result()
    await bench.until(lambda: bench.fakes.asked("plan_stop")[-1].under_way == (), "it hears of the visit's end")

    assert reasons == written(bench)
    assert {(visit,)} == under_way
    assert len(await runs(bench, train.id)) > 2


async def test_a_stop_that_comes_during_the_last_plan_of_a_run_is_written(bench):
    """The plan is held until the run is long enough to end after it, and the stop is spoken then."""
    plan = Gate(TrainStop(action=StopAction.WAIT, reason="no cycle asked"))
    bench.fakes.on("plan_stop", plan, plan.answer)
    first = await bench.start(
        MaintenanceTrain.run, TrainInput(cluster=bench.cluster, pool="gpu"), ids.train(bench.cluster, "gpu")
    )
    await plan.waits()
    for _ in range(SUGGESTED_AT + 10):
        await first.signal("wake")
    await first.signal("stop", "at the last moment")

    plan.opened.set()
    await bench.until(lambda: written(bench), "the stop is written")

    assert ["at the last moment"] == written(bench)
    await bench.until(lambda: len(bench.fakes.asked("plan_stop")) > 1, "the next run plans")
    assert 2 == len(await runs(bench, first.id))
