"""A batch of a pin switch takes its hosts through their steps; those that fail go to repair."""

import pytest
from temporalio.exceptions import ApplicationError

from fleet import ids
from fleet.models.pin_messages import (
    PinBatchInput,
    PinBatchSeen,
    PinBatchWork,
    PinHostWork,
    PinPhase,
)
from fleet.models.work import Outcome, StepAction, StepResult
from tests.workflows.conftest import Bench
from tests.workflows.fakes import GO_ON, Gate
from tests.workflows.make import step
from tests.workflows.test_continue_as_new import runs
from tests.workflows.test_pin_switch import MOVE, hosts, switch_of
from workflows.pin_batch import PinBatch


async def batch(bench: Bench, phase: PinPhase):
    order = PinBatchInput(switch=switch_of(bench), cluster=bench.cluster, phase=phase, batch=3)
    return await bench.start(PinBatch.run, order, ids.pin_batch(switch_of(bench), phase, 3))


async def test_hosts_of_a_batch_take_their_steps_side_by_side(bench):
    bench.fakes.on("plan_pin_batch", hosts(bench, "gpu001", "gpu002"))
    handle = await batch(bench, PinPhase.MOVE)

    assert "2 done, 0 not" == await handle.result()
    assert {"drain": 2, "apply:nccl": 2} == {key: bench.fakes.steps.count(key) for key in MOVE}
    assert ("gpu001", "gpu002") == tuple(sorted(bench.fakes.asked("end_pin_batch")[0].done))


async def test_a_host_that_can_not_follow_goes_to_repair_and_the_others_go_on(bench):
    bench.fakes.on("plan_pin_batch", hosts(bench, "gpu001", "gpu002"))
    broken = StepResult(action=StepAction.HAND_OVER, reason="the image failed its check")
    bench.fakes.on("apply:nccl", lambda order: broken if order.host == "gpu001" else GO_ON)
    handle = await batch(bench, PinPhase.MOVE)

    assert "1 done, 1 not" == await handle.result()
    end = bench.fakes.asked("end_pin_batch")[0]
    assert (("gpu002",), {"gpu001": "the image failed its check"}) == (end.done, end.failed)
    assert ["pin switch: the image failed its check"] == [o.reason for o in bench.fakes.asked("hand_over")]
    assert "HostRepair" == await bench.kind(bench.host("gpu001"))


async def test_a_host_that_is_no_longer_ours_is_told_and_not_handed_over(bench):
    bench.fakes.on("plan_pin_batch", hosts(bench, "gpu001", "gpu002"))
    lost = ApplicationError("gpu001 is held by its repair", type="LeaseLost", non_retryable=True)

    def apply(order):
        if order.host == "gpu001":
            raise lost
        return GO_ON

    bench.fakes.on("apply:nccl", apply)
    handle = await batch(bench, PinPhase.MOVE)

    assert "1 done, 1 not" == await handle.result()
    assert ["gpu001"] == list(bench.fakes.asked("end_pin_batch")[0].failed)
    assert [] == bench.fakes.asked("hand_over")


async def test_a_host_that_is_not_read_back_with_the_new_pin_goes_to_repair(bench):
    bench.fakes.on("plan_pin_batch", hosts(bench, "gpu001", "gpu002", keys=("verify:health",)))
    bench.fakes.on("end_pin_batch", PinBatchSeen(off={"gpu002": "it carries nccl 2.21"}), PinBatchSeen())
    handle = await batch(bench, PinPhase.VERIFY)

    assert "1 done, 1 not" == await handle.result()
    assert {"gpu002": "it carries nccl 2.21"} == bench.fakes.asked("end_pin_batch")[1].failed
    assert "HostRepair" == await bench.kind(bench.host("gpu002"))


async def test_a_host_whose_way_back_is_not_known_goes_to_repair(bench):
    lost = PinHostWork(work=bench.work("gpu001", steps=()), lost="it can't be told what it carried before")
    bench.fakes.on("plan_pin_batch", PinBatchWork(hosts=(lost,)))
    handle = await batch(bench, PinPhase.BACK)

    assert "0 done, 1 not" == await handle.result()
    assert "HostRepair" == await bench.kind(bench.host("gpu001"))


async def test_a_host_that_waits_for_its_way_there_to_end_holds_up_no_other(bench):
    told = Gate(hosts(bench, "gpu001"))
    planned = hosts(bench, "gpu001", "gpu002")
    waiting = planned.hosts[0].model_copy(update={"steps": (), "waits": "it can't be told yet how it ends"})
    bench.fakes.on("plan_pin_batch", PinBatchWork(hosts=(waiting, planned.hosts[1])), told)
    handle = await batch(bench, PinPhase.BACK)
    await told.waits()
    await bench.until(lambda: bench.fakes.steps.count("apply:nccl") == 1, "the other goes back")
    assert [] == bench.fakes.asked("end_pin_batch")

    told.opened.set()
    assert "2 done, 0 not" == await handle.result()
    assert ["", "gpu001"] == [order.host for order in bench.fakes.asked("plan_pin_batch")]


@pytest.mark.parametrize(("keys", "outcome"), [(("apply:nccl", "gate"), Outcome.UPGRADED), ((), Outcome.GIVEN_BACK)])
async def test_hosts_return_through_the_gate(bench, keys, outcome):
    work = tuple(step(key, safe=False) for key in keys)
    bench.fakes.on("plan_pin_batch", hosts(bench, "gpu001", keys=("gate",), steps=work))
    handle = await batch(bench, PinPhase.RELEASE)

    assert "1 done, 0 not" == await handle.result()
    assert ["gate", "return"] == [s for s in bench.fakes.steps if s in ("gate", "return")]
    back = next(a[0] for name, a in bench.fakes.calls if name == "return")
    assert outcome == back.outcome


async def test_what_goes_back_is_not_broken_off(bench):
    slow = Gate(GO_ON)
    bench.fakes.on("plan_pin_batch", hosts(bench, "gpu001", keys=("apply:nccl", "reboot")))
    bench.fakes.on("apply:nccl", slow)
    handle = await batch(bench, PinPhase.BACK)
    await slow.waits()
    await handle.signal("break_off")
    slow.opened.set()

    assert "1 done, 0 not" == await handle.result()
    assert "reboot" in bench.fakes.steps


@pytest.mark.parametrize("keys", [("drain", "apply:nic", "apply:nccl", "reboot"), ("verify:health",) * 3])
async def test_a_batch_of_eighty_hosts_keeps_its_history_short(bench, keys):
    names = [f"gpu{number:03}" for number in range(80)]
    bench.fakes.on("plan_pin_batch", hosts(bench, *names, keys=keys))
    handle = await batch(bench, PinPhase.MOVE if "drain" in keys else PinPhase.VERIFY)

    assert "80 done, 0 not" == await handle.result()
    assert max(await runs(bench, handle.id)) < 2500
