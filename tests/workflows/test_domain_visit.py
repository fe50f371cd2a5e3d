"""A visit asks, works on its hosts, and counts how each of them ended."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle

from fleet import ids
from fleet.errors import HostState
from fleet.models.messages import VisitAsk, VisitAsked, VisitBoarded, VisitEnd
from tests.workflows.conftest import Bench
from tests.workflows.fakes import GO_ON, NOTHING_FORESAW_IT, Gate, granted
from workflows.dispatcher import Dispatcher
from workflows.domain_visit import DomainVisit
from workflows.host_maintenance import HostMaintenance
from workflows.options import ASK_AGAIN


async def visiting(bench: Bench, *hosts: str) -> WorkflowHandle:
    works = tuple(bench.work(host, visit=bench.visit.visit) for host in hosts)
    bench.fakes.on("board_hosts", VisitBoarded(works=works))
    return await bench.start(DomainVisit.run, bench.visit, bench.visit.visit)


def waiting(number: int, reason: str = "the planned buffer is full"):
    def answer(ask: VisitAsk) -> VisitAsked:
        request = ids.request(ask.input.visit, number)
        return VisitAsked(ask=number, request=request, granted=False, hosts=("gpu001",), reason=reason)

    return answer


async def test_a_visit_works_on_every_host_and_ends_when_all_have(bench):
    handle = await visiting(bench, "gpu001", "gpu002")

    assert "it ended" == await handle.result()

    assert {"gpu001", "gpu002"} == {o.host for o in bench.fakes.asked("return")}
    assert "end_visit" == bench.fakes.steps[-1]
    assert VisitEnd(input=bench.visit, request=bench.visit.visit) == bench.fakes.asked("end_visit")[0]


async def test_a_visit_with_nothing_to_take_ends_with_the_reason(bench):
    nothing = VisitAsked(ask=0, request=bench.visit.visit, granted=False, reason="all hosts are in repair")
    bench.fakes.on("ask_for_hosts", nothing)

    await (await visiting(bench)).result()

    assert ["ask_for_hosts", "end_visit"] == bench.fakes.steps
    assert "all hosts are in repair" == bench.fakes.asked("end_visit")[0].reason


async def test_a_visit_that_is_not_granted_wakes_the_dispatcher_and_boards_when_it_is_told(bench):
    bench.fakes.on("ask_for_hosts", waiting(0), granted)
    dispatcher = await bench.start(Dispatcher.run, {"cluster": bench.cluster}, ids.dispatcher(bench.cluster))
    await bench.until(lambda: bench.fakes.asked("settle"), "the dispatcher has settled once")

    handle = await visiting(bench, "gpu001")
    await bench.until(lambda: len(bench.fakes.asked("settle")) > 1, "the dispatcher was woken")
    await handle.signal("granted")
    await handle.result()

    assert [0, 0] == [a.ask for a in bench.fakes.asked("ask_for_hosts")]
    assert ["gpu001"] == [o.host for o in bench.fakes.asked("return")]
    await dispatcher.terminate()


async def test_a_grant_that_comes_while_the_visit_is_asking_is_heard(bench):
    asking = Gate(None)
    asking.answer = VisitAsked(ask=0, request="r", granted=False, hosts=("gpu001",))
    bench.fakes.on("ask_for_hosts", asking, granted)
    handle = await visiting(bench, "gpu001")
    await asking.waits()

    await handle.signal("granted")
    asking.opened.set()
    await handle.result()

    assert 2 == len(bench.fakes.asked("ask_for_hosts"))
    assert ["gpu001"] == [o.host for o in bench.fakes.asked("return")]


async def test_a_visit_that_waits_long_asks_again_under_the_number_of_its_last_request(bench):
    bench.fakes.on("ask_for_hosts", waiting(1), waiting(2), waiting(2), waiting(2))
    handle = await visiting(bench, "gpu001")
    for looks in (1, 2):
        await bench.until(lambda n=looks: len(bench.fakes.asked("ask_for_hosts")) >= n, f"it asked {looks} times")
        await bench.skip_ahead(handle, ASK_AGAIN * looks + timedelta(seconds=1))
    await bench.until(lambda: len(bench.fakes.asked("ask_for_hosts")) > 2, "it asked again")

    assert [0, 1, 2] == [a.ask for a in bench.fakes.asked("ask_for_hosts")][:3]


async def test_a_waiting_visit_continues_as_new_under_its_number_and_ends_as_ever(bench):
    bench.fakes.on("ask_for_hosts", waiting(3), waiting(3), granted)
    handle = await visiting(bench, "gpu001")
    await bench.until(lambda: bench.fakes.asked("ask_for_hosts"), "it asked")
    for _ in range(60):  # a yield means nothing to a visit without hosts, and makes its history long
        await handle.signal("yield")
    await bench.skip_ahead(handle, ASK_AGAIN + timedelta(seconds=1))
    latest = bench.handle(handle.id)
    await bench.until(lambda: _continued(latest, handle), "it continues as new")
    await bench.until(lambda: len(bench.fakes.asked("ask_for_hosts")) > 1, "it asks again")

    await latest.signal("granted")
    assert "it ended" == await latest.result()

    assert [0, 3, 3] == [a.ask for a in bench.fakes.asked("ask_for_hosts")]
    assert [3, 3] == [a.input.ask for a in bench.fakes.asked("ask_for_hosts")[1:]]
    assert ["gpu001"] == [o.host for o in bench.fakes.asked("return")]


async def test_a_host_in_the_hands_of_another_workflow_is_left_out_and_the_rest_goes_on(bench):
    held = Gate(GO_ON)
    bench.fakes.on("drain", held, GO_ON)
    other = await bench.start(HostMaintenance.run, bench.work("gpu001"), bench.host("gpu001").id)
    await held.waits()

    await (await visiting(bench, "gpu001", "gpu002")).result()

    left_out = [arguments for name, arguments in bench.fakes.calls if name == "leave_out"]
    assert [("gpu001", f"in the hands of {other.id}, which another began")] == [(w.host, r) for w, r in left_out]
    assert ["gpu002"] == [o.host for o in bench.fakes.asked("return")]
    held.opened.set()
    await other.result()


async def test_a_host_whose_workflow_was_ended_from_outside_goes_to_repair_in_a_state_unknown(bench):
    held = Gate(GO_ON)
    bench.fakes.on("drain", held)
    handle = await visiting(bench, "gpu001")
    await held.waits()

    await bench.host().terminate("by hand")
    await handle.result()

    order = bench.fakes.asked("hand_over")[0]
    assert ("gpu001", HostState.UNKNOWN) == (order.work.host, order.host_state)
    assert order.reason.startswith("the work on it was broken off from outside")
    assert "HostRepair" == await bench.kind(bench.host())
    held.opened.set()


async def test_a_visit_does_not_wait_for_the_repair_of_a_host_that_was_handed_over(bench):
    bench.fakes.on("gate", NOTHING_FORESAW_IT)
    handle = await visiting(bench, "gpu001")

    assert "it ended" == await handle.result()

    assert "HostRepair" == await bench.kind(bench.host())
    assert 1 == len(bench.fakes.asked("hand_over"))
    assert "end_visit" == bench.fakes.steps[-1]


async def test_a_visit_passes_a_yield_on_to_the_hosts_under_way(bench):
    held = Gate(GO_ON)
    bench.fakes.on("drain", held)
    handle = await visiting(bench, "gpu001")
    await held.waits()

    await handle.signal("yield", "an emergency")
    await bench.until(lambda: _signalled(bench.host(), "yield"), "the host was told")
    held.opened.set()
    await handle.result()

    assert ["yielded: an emergency"] == [o.reason for o in bench.fakes.asked("return")]


async def test_a_host_that_can_be_neither_worked_on_nor_handed_over_fails_the_visit_instead_of_hanging_it(bench):
    bench.fakes.on("drain", NOTHING_FORESAW_IT)
    bench.fakes.on("hand_over", NOTHING_FORESAW_IT)
    handle = await visiting(bench, "gpu001")

    with pytest.raises(WorkflowFailureError):
        await handle.result()

    assert [] == bench.fakes.asked("end_visit")


async def _continued(latest: WorkflowHandle, first: WorkflowHandle) -> bool:
    return (await latest.describe()).run_id != first.first_execution_run_id


async def _signalled(handle: WorkflowHandle, signal: str) -> bool:
    history = await handle.fetch_history()
    return any(e.workflow_execution_signaled_event_attributes.signal_name == signal for e in history.events)
