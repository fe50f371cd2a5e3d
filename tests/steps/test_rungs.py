"""The steps of the repair ladder: one effect each, under our own drain alone, and no waiting for a silent host."""

from datetime import UTC, datetime

import pytest
from temporalio.exceptions import ApplicationError

from fleet.errors import Refused
from fleet.models.command import CommandResult
from fleet.models.drivers import SimulatedFault
from fleet.models.intent import IntentState
from fleet.models.stop import Stop, StopKind
from fleet.models.work import StepAction, StepKind
from tests.scenarios.site import CLUSTER
from tests.steps.other import Other
from tests.steps.rungs import HOST, KINDS, saying


@pytest.mark.parametrize("kind", KINDS)
async def test_each_rung_does_its_one_effect_and_goes_on(repair, kind):
    found = await repair.climb(kind)
    assert (StepAction.GO_ON, 1, IntentState.DONE) == (found.action, repair.effects(kind), await repair.intent(kind))


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_is_done_to_a_host_that_another_holds(repair, kind):
    repair.site.world.drain_by_other(HOST, "admin: cable")
    found = await repair.climb(kind)
    assert (StepAction.LEAVE, 0, None) == (found.action, repair.effects(kind), await repair.intent(kind))
    assert "admin: cable" in found.reason


@pytest.mark.parametrize("kind", KINDS)
async def test_a_freeze_holds_every_rung_and_a_stop_holds_none(repair, kind):
    stop = Stop(kind=StopKind.FREEZE, cluster=CLUSTER, actor="ann", reason="storm", at=datetime.now(UTC))
    await repair.site.store.set_stop(stop)
    with pytest.raises(ApplicationError) as held:
        await repair.climb(kind)
    assert ("Frozen", 0) == (held.value.type, repair.effects(kind))

    await repair.site.store.lift_stop(CLUSTER, None, "ann", "over", datetime.now(UTC))
    await repair.site.store.set_stop(stop.model_copy(update={"kind": StopKind.STOP}))
    assert StepAction.GO_ON is (await repair.climb(kind)).action


async def test_a_host_that_somebody_undrained_is_drained_again_first(repair):
    repair.site.world.undrain_by_other(HOST)
    assert StepAction.GO_ON is (await repair.climb(StepKind.GPU_RESET)).action
    assert await repair.site.drained(HOST)


async def test_a_lost_host_is_brought_back_by_a_power_cycle(repair):
    await repair.lose()
    found = await repair.climb(StepKind.POWER_CYCLE)
    assert (StepAction.GO_ON, 1) == (found.action, repair.effects(StepKind.POWER_CYCLE))


@pytest.mark.parametrize("kind", [StepKind.GPU_RESET, StepKind.REBOOT, StepKind.REFLASH])
async def test_what_a_lost_host_can_not_do_is_passed_over(repair, kind):
    await repair.lose()
    before = repair.effects(kind)
    found = await repair.climb(kind)
    assert (StepAction.SKIP, before, None) == (found.action, repair.effects(kind), await repair.intent(kind))


@pytest.mark.parametrize("kind", [StepKind.GPU_RESET, StepKind.REBOOT, StepKind.POWER_CYCLE, StepKind.REFLASH])
async def test_a_host_whose_bmc_is_silent_too_is_passed_over(repair, kind):
    repair.site.world.set_fault(SimulatedFault(kind="bmc_silent", host=HOST))
    found = await repair.climb(kind)
    assert (StepAction.SKIP, 0, None) == (found.action, repair.effects(kind), await repair.intent(kind))


@pytest.mark.parametrize(
    ("kind", "call"),
    [
        (StepKind.GPU_RESET, "reset_gpus"),
        (StepKind.REBOOT, "reboot"),
        (StepKind.POWER_CYCLE, "power_cycle"),
        (StepKind.REIMAGE, "reimage"),
    ],
)
async def test_what_the_hardware_refuses_is_passed_over(repair, kind, call):
    refusing = Other(repair.site.hands.hardware, **{call: saying(Refused("GPU 3 is in use"))})
    found = await repair.climb(kind, hardware=refusing)
    assert (StepAction.SKIP, "GPU 3 is in use") == (found.action, found.reason)
    assert IntentState.WITHDRAWN is await repair.intent(kind)


async def test_firmware_that_can_not_be_written_is_passed_over(repair):
    async def start_apply(host, component, version, fence) -> None:
        raise Refused("no image")

    found = await repair.climb(StepKind.REFLASH, hardware=Other(repair.site.hands.hardware, start_apply=start_apply))
    assert (StepAction.SKIP, "nic-firmware can't be written: no image") == (found.action, found.reason)


@pytest.mark.parametrize(("status", "ended"), [(3, "exit code 3"), (None, "it did not end in its time")])
async def test_a_program_that_does_not_say_done_fails_the_rung_with_what_it_said(repair, status, ended):
    async def reimage(host, fence) -> CommandResult:
        await fence()
        return CommandResult(argv=("reinstall", host), status=status, stdout="no\nprofile", stderr="", seconds=1)

    found = await repair.climb(StepKind.REIMAGE, hardware=Other(repair.site.hands.hardware, reimage=reimage))
    assert (StepAction.HAND_OVER, f"reinstall: {ended}: no profile") == (found.action, found.reason)
    assert IntentState.FAILED is await repair.intent(StepKind.REIMAGE)
