"""Rungs whose worker died, or whose answer was lost: what may have begun is not begun again."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from activities.gpu_reset import GpuResetting
from fleet.errors import HostState, Unreachable
from fleet.models.intent import IntentState
from fleet.models.ladder import ReimageHook
from fleet.models.ladder import Repair as Settings
from fleet.models.work import StepAction, StepKind
from tests.steps.other import Other
from tests.steps.rungs import HOST, KINDS, UPGRADE, changed, opened, saying, shorter


@pytest.mark.parametrize("kind", KINDS)
async def test_a_rung_that_was_over_when_its_worker_died_is_not_done_again(repair, kind):
    first = await repair.climb(kind)
    again = await repair.climb(kind)
    assert (first.action, 1) == (again.action, repair.effects(kind))


async def test_a_gpu_reset_whose_end_was_not_heard_is_judged_by_the_verifications(repair):
    cut = Other(repair.site.hands.hardware, reset_gpus=saying(Unreachable("the connection was lost")))
    found = await repair.climb(StepKind.GPU_RESET, hardware=cut)
    assert StepAction.GO_ON is found.action
    assert "can't be told" in found.reason


async def test_a_gpu_reset_that_may_have_been_sent_is_not_repeated(repair):
    await repair.earlier(StepKind.GPU_RESET, await repair.site.hands.hardware.boot_id(HOST))
    found = await repair.climb(StepKind.GPU_RESET)
    assert (StepAction.GO_ON, 0) == (found.action, repair.effects(StepKind.GPU_RESET))
    assert "not repeated" in found.reason


async def test_a_power_cycle_that_provably_did_not_begin_is_made(repair):
    await repair.earlier(StepKind.POWER_CYCLE, await repair.site.hands.hardware.boot_id(HOST))
    found = await repair.climb(StepKind.POWER_CYCLE)
    assert (StepAction.GO_ON, 1) == (found.action, repair.effects(StepKind.POWER_CYCLE))


async def test_a_power_cycle_from_silence_is_over_when_the_host_answers(repair):
    await repair.earlier(StepKind.POWER_CYCLE, None)
    found = await repair.climb(StepKind.POWER_CYCLE)
    assert (StepAction.GO_ON, 0) == (found.action, repair.effects(StepKind.POWER_CYCLE))


async def test_a_power_cycle_from_silence_is_not_repeated_when_the_host_stays_silent(repair):
    await shorter(repair.site)
    await repair.lose()
    await repair.earlier(StepKind.POWER_CYCLE, None)
    found = await repair.climb(StepKind.POWER_CYCLE)
    assert (StepAction.HAND_OVER, 0) == (found.action, repair.effects(StepKind.POWER_CYCLE))
    assert ("not back from its power cycle within 1 s", HostState.UNKNOWN) == (found.reason, found.host_state)


@pytest.mark.parametrize("kind", [StepKind.REBOOT, StepKind.POWER_CYCLE, StepKind.REFLASH])
async def test_what_a_dead_attempt_did_not_begin_is_not_done_to_a_host_that_another_holds_by_now(repair, kind):
    await repair.earlier(kind, await repair.site.hands.hardware.boot_id(HOST))
    repair.site.world.drain_by_other(HOST, "admin: cable")
    found = await repair.climb(kind)
    assert 0 == repair.effects(kind)
    assert found.action in (StepAction.LEAVE, StepAction.HAND_OVER)


async def test_a_boot_in_the_midst_of_anothers_reinstallation_is_not_its_end(repair):
    hook = ReimageHook(argv=("reinstall", "{host}"), within=timedelta(seconds=4))
    await changed(repair.site, host_back_within=timedelta(seconds=10), repair=Settings(reimage=hook))
    await repair.earlier(StepKind.REIMAGE, "an older boot", timedelta(seconds=17))
    began = time.monotonic()
    found = await repair.climb(StepKind.REIMAGE)
    assert StepAction.GO_ON is found.action
    assert time.monotonic() - began > 1.5, "its program may run for its limit and 15 s after its intent"


async def test_a_reinstallation_that_may_have_begun_is_not_begun_again(repair):
    await shorter(repair.site)
    await repair.earlier(StepKind.REIMAGE, await repair.site.hands.hardware.boot_id(HOST))
    found = await repair.climb(StepKind.REIMAGE)
    assert (StepAction.HAND_OVER, 0) == (found.action, repair.effects(StepKind.REIMAGE))
    assert IntentState.FAILED is await repair.intent(StepKind.REIMAGE)


async def test_a_reflash_that_an_earlier_attempt_began_is_followed_and_not_repeated(repair):
    await repair.earlier(StepKind.REFLASH, None)
    await repair.site.hands.hardware.start_apply(HOST, UPGRADE.component, UPGRADE.version, opened)
    found = await repair.climb(StepKind.REFLASH)
    assert (StepAction.GO_ON, 1) == (found.action, repair.effects(StepKind.REFLASH))


@pytest.mark.parametrize(
    ("kind", "call"),
    [(StepKind.REBOOT, "reboot"), (StepKind.POWER_CYCLE, "power_cycle"), (StepKind.REFLASH, "start_apply")],
)
async def test_what_can_not_be_told_to_have_begun_fails_the_rung_and_is_not_sent_again(repair, kind, call):
    await shorter(repair.site)
    sent = []

    async def lost(*arguments) -> None:
        sent.append(arguments)
        raise Unreachable("the connection was lost")

    found = await repair.climb(kind, hardware=Other(repair.site.hands.hardware, **{call: lost}))
    assert (StepAction.HAND_OVER, HostState.UNKNOWN, 1) == (found.action, found.host_state, len(sent))
    assert "it can't be told whether it began: the connection was lost" in found.reason
    assert IntentState.FAILED is await repair.intent(kind)


async def test_the_end_of_a_gpu_reset_is_written_with_its_evidence_or_not_at_all(repair):
    async def record_step(record, end=None) -> None:
        raise OSError("the disk is full")

    deps = replace(repair.site.deps, store=Other(repair.site.store, record_step=record_step))
    with pytest.raises(OSError, match="the disk is full"):
        await repair.site.run(GpuResetting(deps).gpu_reset, repair.order(StepKind.GPU_RESET))
    assert (1, IntentState.OPEN) == (repair.effects(StepKind.GPU_RESET), await repair.intent(StepKind.GPU_RESET))
