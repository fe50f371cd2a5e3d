"""After a boot an inventory may lag behind: it is given time, and then believed."""

import asyncio

import pytest

from activities.reboot import Rebooting
from fleet import ids
from fleet.models.drivers import SimulatedFault
from fleet.models.intent import IntentState
from fleet.models.stack import Upgrade
from fleet.models.work import Step, StepAction, StepKind
from tests.steps.site import VISIT, no_fence, order

HOST = "gpu001"
DRIVER = Upgrade(component="gpu-driver", version="550.2")
REBOOT = Step(key="reboot", kind=StepKind.REBOOT, expected="2s")


async def rebooted(site):
    """The driver was installed and the host is rebooted: what the step says, and what was noted."""
    await site.drain()
    task = await site.hands.hardware.start_apply(HOST, DRIVER.component, DRIVER.version, no_fence)
    await asyncio.sleep(1.5)
    assert "done" == (await site.hands.hardware.tasks(HOST, DRIVER.component))[-1].state
    found = await site.run(Rebooting(site.deps).reboot, order(StepKind.REBOOT, step=REBOOT, applied=(DRIVER,)))
    assert task.component == DRIVER.component
    return found, await site.store.intent(ids.operation(VISIT, HOST), REBOOT.key)


@pytest.mark.parametrize("fault", [None, SimulatedFault(kind="inventory_lags", host=HOST)])
async def test_a_version_that_shows_in_time_is_an_upgrade(site, fault):
    if fault is not None:
        site.world.set_fault(fault)
    found, intent = await rebooted(site)
    assert (StepAction.GO_ON, IntentState.DONE) == (found.action, intent.state)
    assert "1 upgrade(s) are active" in found.reason


async def test_a_version_that_stays_old_hands_the_host_over(site):
    site.world.set_fault(SimulatedFault(kind="version_unchanged", host=HOST))
    found, intent = await rebooted(site)
    assert (StepAction.HAND_OVER, IntentState.DONE) == (found.action, intent.state)
    assert "expected 550.2 after the reboot, found" in found.reason
