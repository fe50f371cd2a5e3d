"""Whose tasks the server hands out first: the dispatcher's, then an emergency's with all it starts, then all others."""

import pytest
from temporalio.client import WorkflowHandle

from fleet import ids
from fleet.models.emergency_messages import EmergencyPlanned, EmergencyStop
from fleet.models.messages import HandOver, Observed, VisitBoarded
from starter.engine import start_dispatcher
from tests.workflows.conftest import Bench
from tests.workflows.fakes import GO_ON, Gate
from workflows.priorities import priority_of


async def _priority(handle: WorkflowHandle) -> int:
    return (await handle.describe()).raw_description.workflow_execution_info.priority.priority_key


@pytest.mark.parametrize(
    ("workflow_id", "key"),
    [
        (ids.dispatcher("c"), 1),
        (ids.emergency("c", "hole"), 2),
        (ids.large("c", "winter"), 3),
        (ids.train("c", "gpu"), 3),
        (ids.host("c", "dispatcher"), 3),
    ],
)
def test_the_dispatcher_goes_first_and_emergencies_next(workflow_id, key):
    assert key == priority_of(workflow_id).priority_key


async def test_what_the_dispatcher_starts_is_named_its_own_and_not_the_dispatchers(bench: Bench):
    lost = HandOver(work=bench.work(steps=()), reason="its holder no longer exists")
    emergency, held = ids.emergency(bench.cluster, "hole"), Gate(GO_ON)
    observed = Observed(next_look_seconds=3600, ledger="", ownerless=(lost,), lost_emergencies=(emergency,))
    bench.fakes.on("observe", observed)
    bench.fakes.on("plan_emergency", EmergencyPlanned(reason="asked", state="running", wait_seconds=3600, picture=""))
    bench.fakes.on("plan_repair", held)

    dispatcher = bench.handle(ids.dispatcher(bench.cluster))
    await start_dispatcher(bench.client, bench.cluster)
    await bench.until(lambda: bench.kind(bench.host()), "the repair runs")
    await bench.until(lambda: bench.kind(bench.handle(emergency)), "the emergency runs again")

    assert [1, 2, 3] == [await _priority(h) for h in (dispatcher, bench.handle(emergency), bench.host())]


async def test_an_emergencys_visits_and_their_hosts_have_its_priority(bench: Bench):
    emergency, held = ids.emergency(bench.cluster, "hole"), Gate(GO_ON)
    stop = EmergencyStop(stop=ids.emergency_stop(emergency, 1), pool="gpu", domain="d001")
    asked = EmergencyPlanned(reason="asked", state="running", wait_seconds=3600, picture="", stops=(stop,))
    bench.fakes.on("observe", Observed(next_look_seconds=3600, ledger="", lost_emergencies=(emergency,)))
    bench.fakes.on("plan_emergency", asked)
    bench.fakes.on("board_hosts", VisitBoarded(works=(bench.work(visit=stop.stop),)))
    bench.fakes.on("drain", held)

    await start_dispatcher(bench.client, bench.cluster)
    bench.handle(ids.dispatcher(bench.cluster))
    await held.waits()
    bench.handle(emergency)

    assert [2, 2] == [await _priority(h) for h in (bench.handle(stop.stop), bench.host())]
    held.opened.set()
