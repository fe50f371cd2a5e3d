"""The steps of the repair ladder: each effect once whatever happens to the worker, under our own drain alone, and no
waiting for a host that is silent.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.apply import Applying
from activities.gpu_reset import GpuResetting
from activities.power_cycle import PowerCycling
from activities.reboot import Rebooting
from activities.reimage import Reimaging
from drivers.registry import OpenDrivers
from fleet.errors import HostState, Refused, Unreachable
from fleet.models.command import CommandResult
from fleet.models.drivers import SimulatedFault
from fleet.models.intent import Before, IntentState
from fleet.models.ladder import ReimageHook
from fleet.models.ladder import Repair as Settings
from fleet.models.stack import Upgrade
from fleet.models.stop import Stop, StopKind
from fleet.models.work import Step, StepAction, StepKind, StepOrder, StepResult
from tests.scenarios.site import CLUSTER
from tests.steps.other import Other
from tests.steps.site import StepSite, order

HOST = "gpu001"
EFFECTS = {"gpu_reset": "gpu_reset_started", "reboot": "reboot_started", "power_cycle": "power_cycle_started"}
EFFECTS |= {"reimage": "reimage_started", "reflash": "flash_started"}
UPGRADE = Upgrade(component="nic-firmware", version="1.0")
AGO = timedelta(minutes=5)


class Repair:
    """gpu001 in repair, in its second try."""

    def __init__(self, site: StepSite, operation: str) -> None:
        self.site, self.operation, self.record = site, operation, f"{operation}.2"

    def order(self, kind: StepKind) -> StepOrder:
        upgrade = UPGRADE if kind is StepKind.REFLASH else None
        key = f"reflash:{UPGRADE.component}" if upgrade else f"rung:{kind}"
        step = Step(key=key, kind=kind, upgrade=upgrade, expected=timedelta(seconds=1), rung=True)
        return order(kind, HOST, operation=self.operation, repair=True, attempt=2, visit=None, step=step)

    async def climb(self, kind: StepKind, **other_hands: Any) -> StepResult:
        hands = self.site.hands
        opened = OpenDrivers(hands.scheduler, other_hands.get("hardware", hands.hardware), hands.verifier)
        deps = replace(self.site.deps, hands={CLUSTER: opened})
        body: dict[StepKind, Callable[[StepOrder], Awaitable[StepResult]]] = {
            StepKind.GPU_RESET: GpuResetting(deps).gpu_reset,
            StepKind.REBOOT: Rebooting(deps).reboot,
            StepKind.POWER_CYCLE: PowerCycling(deps).power_cycle,
            StepKind.REFLASH: Applying(deps).apply,
            StepKind.REIMAGE: Reimaging(deps).reimage,
        }
        return await self.site.run(body[kind], self.order(kind))

    def effects(self, kind: StepKind) -> int:
        return sum(r.kind == EFFECTS[kind] and r.host == HOST for r in self.site.world.journal())

    async def earlier(self, kind: StepKind, boot_id: str | None, ago: timedelta = timedelta(0)) -> None:
        """An attempt whose worker died wrote its intent that long ago."""
        key = self.order(kind).step.key
        before = Before(boot_id=boot_id, version="1.0" if kind is StepKind.REFLASH else None)
        await self.site.store.open_intent(self.record, key, "a dead attempt", before, datetime.now(UTC) - ago)

    async def intent(self, kind: StepKind) -> IntentState | None:
        found = await self.site.store.intent(self.record, self.order(kind).step.key)
        return found.state if found else None

    async def lose(self) -> None:
        """The host does not come back from a reboot of its own."""
        self.site.world.set_fault(SimulatedFault(kind="host_not_back", host=HOST, times=1))
        await self.site.hands.hardware.reboot(HOST, _open)
        for _ in range(200):
            await asyncio.sleep(0.05)
            if await self.site.hands.hardware.boot_id(HOST) is None and self._lost():
                return
        raise AssertionError(f"{HOST} is not lost after 10 s")

    def _lost(self) -> bool:
        return any(r.kind == "host_lost" for r in self.site.world.journal())


async def _open() -> None:
    """Nothing stands against it."""


KINDS = (StepKind.GPU_RESET, StepKind.REBOOT, StepKind.POWER_CYCLE, StepKind.REFLASH, StepKind.REIMAGE)


@pytest.fixture
async def repair(site):
    return Repair(site, await site.hand_over(HOST))


@pytest.mark.parametrize("kind", KINDS)
async def test_each_rung_does_its_one_effect_and_goes_on(repair, kind):
    found = await repair.climb(kind)
    assert (StepAction.GO_ON, 1, IntentState.DONE) == (found.action, repair.effects(kind), await repair.intent(kind))


@pytest.mark.parametrize("kind", KINDS)
async def test_a_rung_that_was_over_when_its_worker_died_is_not_done_again(repair, kind):
    first = await repair.climb(kind)
    again = await repair.climb(kind)
    assert (first.action, 1) == (again.action, repair.effects(kind))


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


def saying(error: Exception) -> Callable[..., Awaitable[None]]:
    async def act(host, fence) -> None:
        await fence()
        raise error

    return act


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


async def shorter(site: StepSite) -> None:
    """A second to be back."""
    await changed(site, host_back_within=timedelta(seconds=1))


async def changed(site: StepSite, **update: Any) -> None:
    """The cluster as it is, but for this."""
    fleet = (await site.store.fleet()).fleet
    cluster = fleet.clusters[0].model_copy(update=update)
    await site.store.load_fleet(
        fleet.model_copy(update={"clusters": (cluster,)}), "the file", "ann", "shorter", datetime.now(UTC)
    )


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


@pytest.mark.parametrize(("status", "ended"), [(3, "exit code 3"), (None, "it did not end in its time")])
async def test_a_program_that_does_not_say_done_fails_the_rung_with_what_it_said(repair, status, ended):
    async def reimage(host, fence) -> CommandResult:
        await fence()
        return CommandResult(argv=("reinstall", host), status=status, stdout="no\nprofile", stderr="", seconds=1)

    found = await repair.climb(StepKind.REIMAGE, hardware=Other(repair.site.hands.hardware, reimage=reimage))
    assert (StepAction.HAND_OVER, f"reinstall: {ended}: no profile") == (found.action, found.reason)
    assert IntentState.FAILED is await repair.intent(StepKind.REIMAGE)


async def test_a_reflash_that_an_earlier_attempt_began_is_followed_and_not_repeated(repair):
    await repair.earlier(StepKind.REFLASH, None)
    await repair.site.hands.hardware.start_apply(HOST, UPGRADE.component, UPGRADE.version, _open)
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
