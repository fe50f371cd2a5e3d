"""An operation looks, works on the hosts it was granted, and passes its word on to them."""

from fleet import ids
from fleet.models.messages import Command
from fleet.models.operation_messages import (
    OperationAction,
    OperationBoarded,
    OperationInput,
    OperationReview,
)
from fleet.models.work import StepAction, StepResult
from tests.workflows.conftest import Bench
from tests.workflows.fakes import NOTHING_FORESAW_IT, Gate
from tests.workflows.make import step
from tests.workflows.test_continue_as_new import runs
from workflows.dispatcher import Dispatcher
from workflows.host_maintenance import HostMaintenance
from workflows.operation import Operation
from workflows.options import TELL_AGAIN

OVER = OperationReview(action=OperationAction.END, reason="hosts: 1 serviced", state="done")
HELD = StepResult(action=StepAction.HOLD, reason="in the hands of ann")
BACK = StepResult(action=StepAction.GO_ON, reason="reported as done")
NOTE = Command(actor="ann", reason="it is in")


def boards(cluster: str, *, word: str = "", cancelled: bool = False) -> OperationReview:
    return OperationReview(
        action=OperationAction.BOARD,
        reason="under way",
        state="working",
        clusters=(cluster,),
        word=word,
        cancelled=cancelled,
        wait_seconds=300,
    )


def asks() -> OperationReview:
    return OperationReview(action=OperationAction.WAIT, reason="the buffer is full", state="asking", asks=True)


class Site:
    """An operation with a hold on one host, as its looks find it: the answers come in their turn."""

    def __init__(self, bench: Bench, *reviews: OperationReview) -> None:
        self.bench, self.id = bench, f"op/{bench.cluster}"
        steps = (step("drain"), step("hold"), step("verify:health"), step("gate"), step("return"))
        work = bench.work("gpu001", steps).model_copy(
            update={"visit": self.id, "operation": ids.operation(self.id, "gpu001")}
        )
        self.work = work
        bench.fakes.on("board_operation", OperationBoarded(works=(work,)))
        bench.fakes.on("review_operation", *reviews)

    async def start(self):
        order = OperationInput(operation=self.id, cluster=self.bench.cluster)
        return await self.bench.start(Operation.run, order, self.id)

    async def looked(self, times: int) -> None:
        await self.bench.until(lambda: len(self.bench.fakes.asked("review_operation")) >= times, f"{times} looks")


async def test_an_operation_waits_for_its_grant_works_on_its_host_and_ends_with_it(bench):
    here = boards(bench.cluster)
    site = Site(bench, asks(), here, OVER)
    bench.fakes.on("hold", BACK)
    handle = await site.start()
    await site.looked(1)

    await handle.signal("granted")

    assert "hosts: 1 serviced" == await handle.result()
    walked = [s for s in bench.fakes.steps if not s.endswith("_operation")]
    assert ["drain", "hold", "verify:health", "gate", "return"] == walked
    assert ["serviced"] == [o.outcome for o in bench.fakes.asked("return")]


async def test_a_host_in_a_hold_waits_for_the_word_and_is_verified_then(bench):
    here = boards(bench.cluster)
    site = Site(bench, here, here, boards(bench.cluster, word="done by ann: it is in"), OVER)
    bench.fakes.on("hold", HELD, BACK)
    handle = await site.start()
    await site.looked(2)  # the host has told that it is held
    assert "verify:health" not in bench.fakes.steps

    await handle.signal("done", NOTE)
    await handle.result()

    order = bench.fakes.asked("order_operation")[0]
    assert ("done", "ann", "it is in") == (order.said, order.actor, order.reason)
    assert ["verify:health", "gate", "return"] == [s for s in bench.fakes.steps if not s.endswith("_operation")][-3:]


async def test_a_hold_that_takes_months_goes_on_in_a_run_after_the_other_and_gives_way_to_nobody(bench):
    site = Site(bench)
    bench.fakes.on("hold", HELD)
    await bench.start(HostMaintenance.run, site.work.model_copy(update={"visit": None}), bench.host().id)
    host, looks = bench.host(), bench.fakes.asked

    async def looked_at_in_run(number):
        await host.signal("undrained")
        return len(await runs(bench, host.id)) >= number

    await bench.until(lambda: looked_at_in_run(2), "it continues as new")
    await host.signal("yield", NOTE)
    await bench.until(lambda: looked_at_in_run(3), "it is held all the same")
    bench.fakes.on("hold", BACK)
    await host.signal("undrained")
    end = await host.result()

    assert "serviced" == end["outcome"]
    assert ["drain"] == [s for s in bench.fakes.steps if s not in ("hold", "verify:health", "gate", "return")]
    assert ["serviced"] == [o.outcome for o in looks("return")]


async def test_a_host_whose_operation_is_cancelled_while_it_drains_is_given_back_untouched(bench):
    drained = Gate(StepResult(action=StepAction.GO_ON, reason="drained"))
    here = boards(bench.cluster)
    site = Site(bench, here, boards(bench.cluster, word="cancel by ann: not now", cancelled=True), OVER)
    bench.fakes.on("drain", drained)
    handle = await site.start()
    await drained.waits()

    await handle.signal("cancel", "not now")
    await site.looked(2)
    await bench.until(lambda: _heard(bench, "word"), "the host was told")
    drained.opened.set()
    await handle.result()

    assert ["drain", "return"] == [s for s in bench.fakes.steps if not s.endswith("_operation")]
    assert ["given_back"] == [o.outcome for o in bench.fakes.asked("return")]


async def test_a_host_that_was_ended_from_outside_goes_to_repair_and_the_operation_goes_on(bench):
    site = Site(bench, boards(bench.cluster), OVER)
    held = Gate(HELD)
    bench.fakes.on("hold", held)
    handle = await site.start()
    await held.waits()

    await bench.host().terminate("by hand")

    assert "hosts: 1 serviced" == await handle.result()
    assert "HostRepair" == await bench.kind(bench.host())
    held.opened.set()


async def test_the_dispatcher_takes_up_an_operation_that_lost_its_workflow(bench):
    site = Site(bench, OVER)
    seen = {"next_look_seconds": 3600, "ledger": "the ledger", "lost_operations": [site.id]}
    bench.fakes.on("observe", seen)

    await bench.start(Dispatcher.run, {"cluster": bench.cluster}, ids.dispatcher(bench.cluster))

    await bench.until(lambda: bench.kind(bench.handle(site.id)), "it was started")
    assert "hosts: 1 serviced" == await bench.handle(site.id).result()


async def test_hosts_on_which_there_was_nothing_to_do_end_the_operation_without_a_workflow_of_theirs(bench):
    site = Site(bench, boards(bench.cluster), OVER)
    bench.fakes.on("board_operation", OperationBoarded())
    handle = await site.start()
    await bench.until(lambda: bench.fakes.asked("board_operation"), "it boarded")
    await bench.skip_ahead(handle, TELL_AGAIN)

    assert "hosts: 1 serviced" == await handle.result()


async def test_an_operation_that_can_not_be_looked_at_looks_again(bench):
    site = Site(bench, OVER)
    bench.fakes.on("review_operation", NOTHING_FORESAW_IT, OVER)
    handle = await site.start()
    await site.looked(1)
    await handle.signal("wake")

    assert "hosts: 1 serviced" == await handle.result()


async def _heard(bench: Bench, signal: str) -> bool:
    history = await bench.host().fetch_history()
    return any(e.workflow_execution_signaled_event_attributes.signal_name == signal for e in history.events)


async def test_a_host_on_which_work_is_under_way_already_hears_the_word_and_is_boarded_once_that_has_ended(bench):
    here = boards(bench.cluster, word="done by ann: it is in")
    site = Site(bench, here, here, OVER)
    bench.fakes.on("board_operation", OperationBoarded(running=("gpu001",)), OperationBoarded(works=(site.work,)))
    bench.fakes.on("hold", BACK)
    handle = await site.start()
    await bench.until(lambda: bench.fakes.asked("board_operation"), "it boarded")
    assert "drain" not in bench.fakes.steps

    await bench.skip_ahead(handle, TELL_AGAIN)

    assert "hosts: 1 serviced" == await handle.result()
    assert ["serviced"] == [o.outcome for o in bench.fakes.asked("return")]


async def test_a_host_that_somebody_undrained_in_the_hold_is_looked_at_at_once(bench):
    here = boards(bench.cluster)
    site = Site(bench, here, here, OVER)
    bench.fakes.on("hold", HELD, BACK)
    handle = await site.start()
    await site.looked(2)

    await bench.host().signal("undrained")

    assert "hosts: 1 serviced" == await handle.result()


async def test_an_untouched_host_on_which_an_outsider_worked_is_verified_before_it_is_given_back(bench):
    drained = Gate(StepResult(action=StepAction.GO_ON, reason="drained"))
    here = boards(bench.cluster)
    site = Site(bench, here, boards(bench.cluster, word="cancel by ann: not now", cancelled=True), OVER)
    first = StepResult(action=StepAction.SKIP_TO_VERIFY, reason="verified first")
    bench.fakes.on("drain", drained)
    bench.fakes.on("return", first, BACK)
    handle = await site.start()
    await drained.waits()

    await handle.signal("cancel", "not now")
    await bench.until(lambda: _heard(bench, "word"), "the host was told")
    drained.opened.set()
    await handle.result()

    walked = [s for s in bench.fakes.steps if not s.endswith("_operation")]
    assert ["drain", "return", "verify:health", "gate", "return"] == walked
    assert ["given_back", "partly_upgraded"] == [o.outcome for o in bench.fakes.asked("return")]


async def test_an_operation_continues_as_new_while_a_host_is_held_and_ends_with_it(bench):
    here, done = boards(bench.cluster), boards(bench.cluster, word="done by ann: it is in")
    site = Site(bench, here)
    one, under_way = OperationBoarded(works=(site.work,)), OperationBoarded(running=("gpu001",))
    bench.fakes.on("board_operation", one, under_way)
    bench.fakes.on("hold", HELD)
    handle = await site.start()
    await site.looked(2)
    for looks in range(3, 14):
        await handle.signal("wake")
        await site.looked(looks)
    assert len(await runs(bench, site.id)) > 1

    bench.fakes.on("review_operation", done, OVER)
    bench.fakes.on("hold", BACK)
    await bench.handle(site.id).signal("wake")
    await bench.until(lambda: _heard(bench, "word"), "the host was told")
    await bench.until(lambda: bench.fakes.asked("return"), "the host returned")
    await bench.handle(site.id).signal("wake")

    assert "hosts: 1 serviced" == await handle.result()
    assert 1 == bench.fakes.steps.count("drain")
