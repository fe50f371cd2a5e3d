"""The dispatcher observes, settles, tells, and outlives what goes wrong with one host."""

import asyncio

from temporalio.client import WorkflowHandle

from fleet import ids
from fleet.models.messages import ClusterInput, HandOver, Observed, Settled, VisitAsked
from fleet.models.pin_messages import PinAction, PinReview
from tests.workflows.conftest import Bench
from tests.workflows.fakes import NOTHING_FORESAW_IT, Gate
from tests.workflows.make import ORDER
from workflows.dispatcher import Dispatcher
from workflows.domain_visit import DomainVisit
from workflows.host_maintenance import HostMaintenance
from workflows.maintenance_train import MaintenanceTrain

QUIET = Observed(next_look_seconds=3600, ledger="the ledger")


async def dispatching(bench: Bench) -> WorkflowHandle:
    await bench.start(Dispatcher.run, ClusterInput(cluster=bench.cluster), ids.dispatcher(bench.cluster))
    return bench.handle(ids.dispatcher(bench.cluster))


def ownerless(bench: Bench, host: str = "gpu001") -> HandOver:
    return HandOver(work=bench.work(host, steps=()), reason="its holder no longer exists")


async def test_the_dispatcher_observes_on_its_cadence_settles_each_time_and_shows_the_ledger(bench):
    bench.fakes.on("observe", Observed(next_look_seconds=0.05, ledger="an older one"), QUIET)

    dispatcher = await dispatching(bench)
    await bench.until(lambda: len(bench.fakes.asked("observe")) >= 2, "it looked twice")
    await bench.until(lambda: len(bench.fakes.asked("settle")) >= 2, "it settled after each")

    assert 2 == bench.fakes.steps.count("observe")
    assert "settle" == bench.fakes.steps[-1]
    assert "the ledger" == await dispatcher.query("ledger")


async def test_a_wake_up_settles_without_looking_again(bench):
    dispatcher = await dispatching(bench)
    await bench.until(lambda: bench.fakes.asked("settle"), "it settled what it saw")

    await dispatcher.signal("wake")
    await bench.until(lambda: len(bench.fakes.asked("settle")) >= 2, "it settled again")

    assert 1 == len(bench.fakes.asked("observe"))


async def test_a_scheduler_that_does_not_answer_holds_up_no_settling(bench):
    silent = Gate(QUIET)
    bench.fakes.on("observe", Observed(next_look_seconds=0.05, ledger=""), silent)
    dispatcher = await dispatching(bench)
    await silent.waits()
    before = len(bench.fakes.asked("settle"))

    await dispatcher.signal("wake")
    await bench.until(lambda: len(bench.fakes.asked("settle")) > before, "it settles")

    assert 2 == len(bench.fakes.asked("observe"))


async def test_a_settling_that_hangs_holds_up_no_look(bench):
    bench.fakes.on("observe", Observed(next_look_seconds=0.05, ledger=""))
    bench.fakes.on("settle", Gate(Settled(holders=(), waiting=0)))
    await dispatching(bench)
    await bench.until(lambda: len(bench.fakes.asked("observe")) >= 3, "it looks again and again")


async def test_nothing_is_settled_on_a_cluster_that_was_never_looked_at(bench):
    first = Gate(QUIET)
    bench.fakes.on("observe", first)
    dispatcher = await dispatching(bench)
    await first.waits()

    await dispatcher.signal("wake")
    await asyncio.sleep(0.3)
    assert [] == bench.fakes.asked("settle")

    first.opened.set()
    await bench.until(lambda: bench.fakes.asked("settle"), "it settles what it saw")


async def test_a_host_whose_holder_is_gone_gets_a_repair(bench):
    bench.fakes.on("observe", Observed(next_look_seconds=3600, ledger="", ownerless=(ownerless(bench),)))

    await dispatching(bench)
    await bench.until(lambda: _is(bench, "HostRepair"), "its repair runs")

    assert [ownerless(bench)] == bench.fakes.asked("hand_over")


async def test_a_host_that_is_in_the_hands_of_its_workflow_after_all_keeps_it(bench):
    held = Gate(None)
    bench.fakes.on("drain", held)
    await bench.start(HostMaintenance.run, bench.work(), bench.host().id)
    await held.waits()
    bench.fakes.on("observe", Observed(next_look_seconds=3600, ledger="", ownerless=(ownerless(bench),)))

    await dispatching(bench)
    await bench.until(lambda: bench.fakes.asked("settle"), "it settles all the same")

    assert await _is(bench, "HostMaintenance")


async def test_one_host_that_can_not_be_handed_over_does_not_end_the_dispatcher(bench):
    both = (ownerless(bench, "gpu001"), ownerless(bench, "gpu002"))
    bench.fakes.on("observe", Observed(next_look_seconds=3600, ledger="", ownerless=both))
    bench.fakes.on("hand_over", _first_fails)

    await dispatching(bench)
    await bench.until(lambda: _is(bench, "HostRepair", "gpu002"), "the other one's repair runs")
    await bench.until(lambda: bench.fakes.asked("settle"), "it settles")

    assert await _is(bench, "", "gpu001")


async def test_a_holder_is_told_again_until_its_grant_is_acknowledged(bench):
    standing = Gate(VisitAsked(ask=0, request="r", granted=False))
    bench.fakes.on("ask_for_hosts", standing)
    visit = await bench.start(DomainVisit.run, bench.visit, bench.visit.visit)
    await standing.waits()
    holders = Settled(holders=(visit.id,))
    bench.fakes.on("settle", holders, holders, Settled())

    dispatcher = await dispatching(bench)
    for looks in (1, 2):
        await bench.until(lambda n=looks: len(bench.fakes.asked("settle")) >= n, f"it settled {looks} times")
        await bench.until(lambda n=looks: _told(visit, n), f"told {looks} times")
        await dispatcher.signal("wake") if looks == 2 else None
    await bench.until(lambda: len(bench.fakes.asked("settle")) >= 3, "it settled after the acknowledgement")

    assert not await _told(visit, 3)
    standing.opened.set()
    await visit.result()


async def test_a_holder_that_is_gone_does_not_disturb_the_dispatcher(bench):
    bench.fakes.on("settle", Settled(holders=("visit/nowhere",)), Settled())

    dispatcher = await dispatching(bench)
    await bench.until(lambda: bench.fakes.asked("settle"), "it settled")
    await dispatcher.signal("wake")
    await bench.until(lambda: len(bench.fakes.asked("settle")) >= 2, "it settled again")

    assert "the ledger" == await dispatcher.query("ledger")


async def test_stop_freeze_and_resume_are_written_in_their_order_and_wake_the_trains(bench):
    train_input = {"cluster": bench.cluster, "pool": "gpu"}
    await bench.start(MaintenanceTrain.run, train_input, ids.train(bench.cluster, "gpu"))
    await bench.until(lambda: bench.fakes.asked("plan_stop"), "the train planned")
    dispatcher = await dispatching(bench)

    for verb in ("stop", "freeze", "resume"):
        await dispatcher.signal(verb, ORDER)
    await bench.until(lambda: len(bench.fakes.asked("write_stop")) >= 3, "all are written")
    await bench.until(lambda: len(bench.fakes.asked("plan_stop")) > 1, "the train plans anew")

    written = [(s.verb, s.pool, s.actor, s.reason) for s in bench.fakes.asked("write_stop")]
    assert [(verb, None, ORDER.actor, ORDER.reason) for verb in ("stop", "freeze", "resume")] == written


async def _is(bench: Bench, kind: str, host: str = "gpu001") -> bool:
    return await bench.kind(bench.host(host)) == kind


async def _told(visit: WorkflowHandle, times: int) -> bool:
    """At least so often."""
    history = await visit.fetch_history()
    signals = [e.workflow_execution_signaled_event_attributes.signal_name for e in history.events]
    return signals.count("granted") >= times


def _first_fails(order):
    if order.work.host == "gpu001":
        raise NOTHING_FORESAW_IT
    return order.work


async def test_a_pin_switch_that_lost_its_workflow_is_given_one_again(bench):
    switch = ids.pin_switch(bench.cluster, "nccl", 1)
    waits = PinReview(action=PinAction.WAIT, reason="asks", state="asking", wait_seconds=3600)
    bench.fakes.on("review_pin", waits)
    lost = Observed(next_look_seconds=0.05, ledger="", lost_switches=(switch,))
    bench.fakes.on("observe", lost, lost, QUIET)
    await dispatching(bench)
    await bench.until(lambda: len(bench.fakes.asked("observe")) == 3, "it looked again, though the switch runs")

    assert "PinSwitch" == await bench.kind(bench.handle(switch))
    await bench.until(lambda: bench.fakes.asked("review_pin"), "the switch is looked at")
    assert 1 == len(bench.fakes.asked("review_pin"))
