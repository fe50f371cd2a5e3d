"""What is out for other reasons waits while a pin is unsettled, and gets the one in force."""

import asyncio
import time
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.apply import Applying
from activities.drain import Draining
from activities.gate import Gating
from activities.hand_over import HandingOver
from activities.returning import Returning
from fleet import ids
from fleet.models.matrix import MatrixEntry
from fleet.models.messages import Command
from fleet.models.pin import PinHostState, PinState
from fleet.models.scheduler import JobKind
from fleet.models.stack import Upgrade
from fleet.models.work import EndCause, HostWork, Step, StepAction, StepKind
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.pins import MINE, SWITCH, now, run
from tests.steps.site import no_fence, order


async def test_a_host_in_repair_waits_at_the_gate_and_before_it_boards(switch):
    await switch.begin(PinState.MOVING)
    operation = ids.repair_operation(CLUSTER, "gpu001", 1)
    step = order(StepKind.GATE, repair=True, operation=operation)
    with pytest.raises(ApplicationError, match="no host returns before it is told which pin is in force"):
        await run(Gating(switch.deps).gate, step)
    work = HostWork(cluster=CLUSTER, pool=POOL, host="gpu001", operation=operation)
    with pytest.raises(ApplicationError, match="no host returns before it is told which pin is in force"):
        await run(HandingOver(switch.deps).plan_repair, work, Command())

    await switch.become(state=PinState.DONE, committed_at=now())
    assert StepAction.HAND_OVER is (await run(Gating(switch.deps).gate, step)).action


async def test_no_host_returns_while_the_pin_is_open_nor_later_with_the_old_one(switch):
    await switch.begin(PinState.MOVING)
    operation = ids.repair_operation(CLUSTER, "gpu001", 1)
    back = order(StepKind.RETURN, repair=True, operation=operation)
    with pytest.raises(ApplicationError, match="is moving: no host returns"):
        await run(Returning(switch.deps).return_host, back)

    await switch.site.store.record_versions(CLUSTER, "gpu001", {"nccl": "2.21"}, now())
    await switch.become(state=PinState.DONE, committed_at=now())
    with pytest.raises(
        ApplicationError, match=r"carries nccl 2.21: nccl 2.21 to 2.22 in sim came into force meanwhile"
    ):
        await run(Returning(switch.deps).return_host, back)
    assert await switch.site.drained()

    await switch.site.store.record_versions(CLUSTER, "gpu001", {"nccl": "2.22"}, now())
    await run(Returning(switch.deps).return_host, back)
    assert not await switch.site.drained()


async def test_a_repaired_host_boards_the_pin_in_force(switch):
    await switch.begin(PinState.MOVING)
    await switch.note(PinHostState.CHECKED, *MINE)
    await switch.site.store.commit_pin_switch(SWITCH, "no drift", now())
    tested = MatrixEntry(components={"gpu-driver": "550.*"}, pins={"nccl": "2.22"})
    await switch.site.store.add_matrix(CLUSTER, (tested,), "ann", "it is tested", now())
    operation = ids.repair_operation(CLUSTER, "gpu001", 1)
    work = HostWork(cluster=CLUSTER, pool=POOL, host="gpu001", operation=operation)
    found = await run(HandingOver(switch.deps).plan_repair, work, Command())
    assert ("nccl", "2.22") in [(s.upgrade.component, s.upgrade.version) for s in found.steps if s.upgrade]


@pytest.mark.parametrize("held", [False, True])
async def test_a_host_that_is_left_in_anothers_hands_may_not_be_off_the_pin_either(switch, held):
    """Our drain is not on it any more: whoever drained it over ours lets it serve jobs when they like."""
    await switch.begin(PinState.MOVING)
    operation = ids.repair_operation(CLUSTER, "gpu001", 1)
    if held:
        switch.site.world.drain_by_other("gpu001", "admin: disk check")
    back = order(StepKind.RETURN, repair=True, operation=operation, undrain=held)
    with pytest.raises(ApplicationError, match="is moving: no host returns"):
        await run(Returning(switch.deps).return_host, back)

    await switch.site.store.record_versions(CLUSTER, "gpu001", {"nccl": "2.21"}, now())
    await switch.become(state=PinState.DONE, committed_at=now())
    with pytest.raises(
        ApplicationError, match=r"carries nccl 2.21: nccl 2.21 to 2.22 in sim came into force meanwhile"
    ):
        await run(Returning(switch.deps).return_host, back)
    assert operation == (await switch.site.store.lease(CLUSTER, "gpu001")).operation

    await switch.site.store.record_versions(CLUSTER, "gpu001", {"nccl": "2.22"}, now())
    await run(Returning(switch.deps).return_host, back)
    assert None is await switch.site.store.lease(CLUSTER, "gpu001")


MOVED = {"key": "apply:nccl", "kind": StepKind.APPLY, "upgrade": Upgrade(component="nccl", version="2.22")}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"aborted": "aborted by bob: pulled"}, "goes back: aborted by bob: pulled"),
        (
            {"state": PinState.RESTORING, "reason": "its window is over"},
            "goes back: it is restoring: its window is over",
        ),
    ],
)
async def test_no_host_goes_on_to_the_new_pin_of_a_switch_that_goes_back(switch, changes, why):
    await switch.begin(PinState.MOVING)
    operation = ids.operation(SWITCH, "gpu003")
    await switch.site.hands.scheduler.drain("gpu003", ids.drain_reason(ids.PLANNED, operation), no_fence)
    step = Step(**MOVED, safe_before=False, expected=timedelta(seconds=1))
    forth = order(StepKind.APPLY, "gpu003", operation=operation, visit=SWITCH, step=step)
    await switch.become(**changes)

    ended = await run(Applying(switch.deps).apply, forth)

    assert EndCause.STOP is ended.cause
    assert why in ended.reason
    assert "2.21" == (await switch.site.hands.hardware.versions("gpu003"))["nccl"]
    assert {"withdrawn"} >= {i.state for i in await switch.site.store.intents(operation)}


async def test_a_job_that_slipped_in_is_waited_for_and_the_drain_ends_when_the_switch_goes_back(switch):
    """Somebody ended our reservation: the pool's deadline is for visits, and no switch cancels a job."""
    await switch.begin(PinState.MOVING)
    job = switch.site.world.submit_job(hosts=["gpu003"], kind=JobKind.INTERACTIVE)
    operation = ids.operation(SWITCH, "gpu003")
    forth = order(StepKind.DRAIN, "gpu003", operation=operation, visit=SWITCH)
    draining = asyncio.create_task(run(Draining(switch.deps).drain, forth))
    await asyncio.sleep(2.5)  # the pool's deadline is a second
    assert not draining.done()
    assert job in (await switch.site.hands.scheduler.view(not_before=time.monotonic())).jobs

    await switch.become(state=PinState.RESTORING, reason="its window is over")
    ended = await asyncio.wait_for(draining, 5.0)
    assert (StepAction.GIVE_BACK, EndCause.STOP) == (ended.action, ended.cause)
    assert "goes back: it is restoring: its window is over" in ended.reason
