"""An emergency train opens its stops, has others give way, hears people, and ends; the stops tell it of their ends."""

from typing import Any

from fleet import ids
from fleet.models.emergency_messages import EmergencyInput, EmergencyPlanned, EmergencyStop, Go
from fleet.models.messages import ClusterInput, Command, Observed, VisitAsked, VisitBoarded
from fleet.models.work import EndCause, Outcome
from tests.workflows.conftest import Bench
from tests.workflows.fakes import GO_ON, Gate
from workflows.dispatcher import Dispatcher
from workflows.domain_visit import DomainVisit
from workflows.emergency_train import EmergencyTrain

OVER = EmergencyPlanned(reason="2 of 2 hosts done", state="done", over=True)


def planned(**changes: Any) -> EmergencyPlanned:
    values = {"reason": "1 host asked for", "state": "running", "wait_seconds": 3600, "picture": "it"}
    return EmergencyPlanned(**{**values, **changes})


async def started(bench: Bench):
    name = ids.emergency(bench.cluster, "hole")
    return await bench.start(EmergencyTrain.run, EmergencyInput(emergency=name, cluster=bench.cluster), name)


def stop_of(bench: Bench, number: int = 1) -> EmergencyStop:
    emergency = ids.emergency(bench.cluster, "hole")
    return EmergencyStop(stop=ids.emergency_stop(emergency, number), pool="gpu", domain="d001")


async def test_it_starts_the_visits_of_its_stops_and_looks_again_when_one_begins_and_when_it_ends(bench):
    stop = stop_of(bench)
    bench.fakes.on("plan_emergency", planned(stops=(stop,)), planned(), OVER)

    handle = await started(bench)

    assert "2 of 2 hosts done" == await handle.result()
    assert [stop.stop] == [ask.input.visit for ask in bench.fakes.asked("ask_for_hosts")]
    assert {"plan_emergency", "ask_for_hosts", "board_hosts", "end_visit"} == set(bench.fakes.steps)


async def test_a_visit_gives_its_hosts_back_at_their_next_safe_points(bench):
    """All the way: from what the emergency's look says to the return of the visit's host."""
    drained = Gate(GO_ON)
    bench.fakes.on("board_hosts", VisitBoarded(works=(bench.work(visit=bench.visit.visit),)))
    bench.fakes.on("drain", drained)
    visit = await bench.start(DomainVisit.run, bench.visit, bench.visit.visit)
    await drained.waits()
    bench.fakes.on("plan_emergency", planned(yields={bench.visit.visit: "the emergency needs gpu001"}))
    emergency = await started(bench)
    await bench.until(lambda: _heard(bench), "the yield has come to the host")
    drained.opened.set()

    await visit.result()

    [returned] = [a[0] for name, a in bench.fakes.calls if name == "return"]
    assert (Outcome.GIVEN_BACK, EndCause.YIELD, "yielded: the emergency needs gpu001") == (
        returned.outcome,
        returned.cause,
        returned.reason,
    )
    assert ["drain", "return"] == [key for key in bench.fakes.steps if key in ("drain", "return", "apply:nic")]
    await emergency.terminate()


async def _heard(bench: Bench) -> bool:
    history = await bench.host().fetch_history()
    return any(e.workflow_execution_signaled_event_attributes.signal_name == "yield" for e in history.events)


async def test_a_halted_stop_that_waits_for_its_lease_looks_at_its_request_and_ends(bench):
    stop = stop_of(bench)
    waits, gone = (
        VisitAsked(ask=0, request="r", granted=False, hosts=("gpu001",)),
        VisitAsked(ask=0, request="", granted=False, reason="it is stopped"),
    )
    asked = Gate(waits)
    bench.fakes.on("ask_for_hosts", asked, gone)
    bench.fakes.on("plan_emergency", planned(stops=(stop,)), planned(halts=(stop.stop,)), OVER)

    handle = await started(bench)
    await asked.waits()
    asked.opened.set()
    await handle.signal("wake")

    await handle.result()
    assert 2 == len(bench.fakes.asked("ask_for_hosts"))


async def test_peoples_signals_are_put_in_force_and_looked_at_at_once(bench):
    bench.fakes.on("plan_emergency", planned(), planned(), planned(), OVER)
    handle = await started(bench)
    await bench.until(lambda: bench.fakes.steps, "the first look")
    await handle.signal("stop", Command(actor="ann", reason="it hangs"))
    await bench.until(lambda: len(bench.fakes.asked("plan_emergency")) == 2, "the look after the stop")
    await handle.signal("resume")
    await bench.until(lambda: len(bench.fakes.asked("plan_emergency")) == 3, "the look after the resume")
    assert "it" == await handle.query("picture")
    await handle.signal("wake")

    await handle.result()
    orders = bench.fakes.asked("order_emergency")
    assert [("stop", "ann"), ("resume", "a signal")] == [(o.verb, o.actor) for o in orders]


async def test_the_dispatcher_takes_up_an_emergency_that_lost_its_workflow(bench):
    name = ids.emergency(bench.cluster, "hole")
    bench.fakes.on("observe", Observed(next_look_seconds=3600, ledger="", lost_emergencies=(name,)))

    await bench.start(Dispatcher.run, ClusterInput(cluster=bench.cluster), ids.dispatcher(bench.cluster))

    await bench.until(lambda: bench.fakes.asked("plan_emergency"), "it looks again")
    assert [EmergencyInput(emergency=name, cluster=bench.cluster)] == bench.fakes.asked("plan_emergency")
    await bench.handle(name).result()


async def test_a_large_scale_maintenance_starts_the_stops_of_its_rounds_and_hears_people_at_its_gates(bench):
    name = ids.large(bench.cluster, "winter")
    stop = EmergencyStop(stop=ids.emergency_stop(name, 1), pool="gpu", domain="d001")
    at_gate = planned(reason="round 1: a person is to say go", wait_seconds=None)

    def seen(_: EmergencyInput) -> EmergencyPlanned:
        return OVER if len(bench.fakes.asked("order_emergency")) > 1 else at_gate

    bench.fakes.on("plan_emergency", planned(stops=(stop,)), seen)
    handle = await bench.start(EmergencyTrain.run, EmergencyInput(emergency=name, cluster=bench.cluster), name)
    await bench.until(lambda: bench.fakes.asked("end_visit"), "its first stop has ended")

    await handle.signal("approve", Go(actor="ann", reason="they look fine", round=1, again=2))
    await bench.until(lambda: len(bench.fakes.asked("order_emergency")) == 1, "the approval is put in force")
    await handle.signal("abort", Command(actor="bob", reason="the cooling fails"))

    assert "2 of 2 hosts done" == await handle.result()
    assert [stop.stop] == [ask.input.visit for ask in bench.fakes.asked("ask_for_hosts")]
    orders = bench.fakes.asked("order_emergency")
    told = [(o.verb, o.actor, o.emergency, o.round, o.again) for o in orders]
    assert [("approve", "ann", name, 1, 2), ("abort", "bob", name, 0, 0)] == told
