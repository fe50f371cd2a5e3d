"""An upgrade that has not ended in its time goes to repair, whatever its device says or does not say."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.apply import Applying
from activities.attempt import StoppedAtFence
from activities.reboot import Rebooting
from fleet import ids
from fleet.errors import HostState
from fleet.models.drivers import SimulatedFault
from fleet.models.intent import Before, IntentState
from fleet.models.stack import Upgrade
from fleet.models.stop import Stop, StopKind
from fleet.models.work import Step, StepAction, StepKind
from fleet.policy.stopping import Deed
from tests.scenarios.site import CLUSTER
from tests.steps.site import VISIT, no_fence, order

HOST, COMPONENT = "gpu001", "nic-firmware"
FLASH = Step(
    key=f"apply:{COMPONENT}",
    kind=StepKind.APPLY,
    upgrade=Upgrade(component=COMPONENT, version="1.1"),
    expected=timedelta(seconds=2),
)
OPERATION = ids.operation(VISIT, HOST)
SILENT = SimulatedFault(kind="bmc_silent", host=HOST)


async def begun(site, ago):
    """An earlier attempt began the flash that long ago."""
    await site.drain()
    await site.store.open_intent(OPERATION, FLASH.key, "an attempt", Before(version="1.0"), datetime.now(UTC) - ago)
    await site.hands.hardware.start_apply(HOST, COMPONENT, "1.1", no_fence)


async def apply(site):
    return await site.run(Applying(site.deps).apply, order(StepKind.APPLY, step=FLASH))


async def test_a_flash_that_runs_for_too_long_goes_to_repair(site):
    await begun(site, timedelta(hours=1))
    found = await apply(site)
    assert (StepAction.HAND_OVER, HostState.UNKNOWN) == (found.action, found.host_state)
    assert "not ended within 30m; its task" in found.reason
    assert IntentState.FAILED is (await site.store.intent(OPERATION, FLASH.key)).state


async def test_a_flash_whose_bmc_stays_silent_for_too_long_goes_to_repair(site):
    await begun(site, timedelta(hours=1))
    site.world.set_fault(SILENT)
    found = await apply(site)
    assert (StepAction.HAND_OVER, HostState.UNKNOWN) == (found.action, found.host_state)
    assert "not ended within 30m; the device can't be read" in found.reason


async def test_a_flash_whose_bmc_is_silent_for_a_while_is_asked_again(site):
    await begun(site, timedelta(minutes=1))
    site.world.set_fault(SILENT)
    with pytest.raises(ApplicationError, match="BMC"):
        await apply(site)
    assert IntentState.OPEN is (await site.store.intent(OPERATION, FLASH.key)).state


async def test_a_flash_that_ended_while_no_worker_looked_is_done_however_late(site):
    await begun(site, timedelta(hours=9))
    await asyncio.sleep(2.5)  # the flash takes two
    assert "running" != (await site.hands.hardware.tasks(HOST, COMPONENT))[-1].state
    assert StepAction.GO_ON is (await apply(site)).action


async def test_a_flash_that_is_repeated_long_after_its_intent_has_its_whole_time(site):
    await site.drain()
    hours_ago = datetime.now(UTC) - timedelta(hours=9)
    await site.store.open_intent(OPERATION, FLASH.key, "an attempt", Before(version="1.0"), hours_ago)
    assert StepAction.GO_ON is (await apply(site)).action


async def test_a_stop_leaves_what_an_earlier_attempt_may_have_begun_to_be_verified(site):
    await site.drain()
    await site.store.open_intent(OPERATION, FLASH.key, "an attempt", Before(version="1.0"), datetime.now(UTC))
    await site.store.set_stop(
        Stop(kind=StopKind.STOP, cluster=CLUSTER, actor="ann", reason="storm", at=datetime.now(UTC))
    )
    found = await site.run(
        Applying(site.deps).apply, order(StepKind.APPLY, step=FLASH.model_copy(update={"safe_before": True}))
    )
    assert StepAction.SKIP_TO_VERIFY is found.action
    assert IntentState.OPEN is (await site.store.intent(OPERATION, FLASH.key)).state


@pytest.mark.parametrize(
    ("kind", "finishing", "goes_on"), [("stop", True, True), ("stop", False, False), ("freeze", True, False)]
)
async def test_what_ends_an_upgrade_that_was_begun_passes_a_stop_and_waits_for_a_freeze(site, kind, finishing, goes_on):
    await site.drain()
    stop = Stop(kind=StopKind(kind), cluster=CLUSTER, actor="ann", reason="storm", at=datetime.now(UTC))
    await site.store.set_stop(stop)

    async def passes(acting):
        intent = await acting.open_intent(Before(version="1.0"))
        try:
            await acting.fence(Deed.DISRUPT, intent, finishing=finishing)()
        except StoppedAtFence:
            return False
        return True

    assert goes_on is await site.acting(
        order(StepKind.APPLY, step=FLASH.model_copy(update={"safe_before": True})), passes
    )


async def test_a_host_that_is_back_is_not_given_up_for_one_silence_after_hours_without_a_worker(site):
    site.world.set_fault(SimulatedFault(kind="bmc_silent", host=HOST, times=1))
    await site.drain()
    boot = Before(boot_id="an older boot")
    await site.store.open_intent(OPERATION, "reboot", "an attempt", boot, datetime.now(UTC) - timedelta(hours=9))
    found = await site.run(Rebooting(site.deps).reboot, order(StepKind.REBOOT))
    assert StepAction.GO_ON is found.action


async def rebooting(site, ago):
    """An earlier attempt rebooted the host that long ago, and its BMC is silent now."""
    await site.drain()
    before = Before(boot_id=await site.hands.hardware.boot_id(HOST))
    await site.store.open_intent(OPERATION, "reboot", "an attempt", before, datetime.now(UTC) - ago)
    site.world.set_fault(SILENT)
    return await site.run(Rebooting(site.deps).reboot, order(StepKind.REBOOT))


async def test_a_host_that_is_dark_for_too_long_after_its_reboot_goes_to_repair(site):
    found = await rebooting(site, timedelta(minutes=5))
    assert (StepAction.HAND_OVER, HostState.UNKNOWN) == (found.action, found.host_state)
    assert "not back from its reboot within 20 s" == found.reason


async def test_a_host_that_is_dark_for_a_while_after_its_reboot_is_asked_again(site):
    with pytest.raises(ApplicationError, match="BMC"):
        await rebooting(site, timedelta(seconds=1))
