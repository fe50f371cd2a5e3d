"""A host that is off in the midst of its boot is given power while it is ours alone: whoever else holds it may have
switched it off, to work on it.
"""

from dataclasses import replace

import pytest

from activities.rungs import give_power
from drivers.registry import OpenDrivers
from fleet.errors import Refused
from fleet.models.intent import Before
from fleet.models.work import Step, StepKind
from tests.scenarios.site import CLUSTER
from tests.steps.other import Other
from tests.steps.site import order

HOST = "gpu001"


class Off:
    """A host without power, which keeps how often it was given some."""

    def __init__(self, error: Exception | None = None) -> None:
        self.given, self._error = 0, error

    async def give_power(self, host, fence) -> bool:
        await fence()
        if self._error:
            raise self._error
        self.given += 1
        return True


async def resumed(site, step_order, off: Off) -> int:
    """How often an attempt that found the host off gave it power."""
    hardware = Other(site.hands.hardware, give_power=off.give_power)
    hands = {CLUSTER: OpenDrivers(site.hands.scheduler, hardware, site.hands.verifier)}
    site.deps = replace(site.deps, hands=hands)

    async def act(acting) -> None:
        intent = await acting.open_intent(Before(boot_id="before"))
        await give_power(acting, intent)

    await site.acting(step_order, act)
    return off.given


async def planned(site):
    """A reboot after an upgrade of its visit."""
    await site.drain(HOST)
    await site.touch(HOST)
    return order(StepKind.REBOOT, HOST)


async def rung(site):
    operation = await site.hand_over(HOST)
    step = Step(key="rung:reboot", kind=StepKind.REBOOT, expected=order(StepKind.REBOOT).step.expected, rung=True)
    return order(StepKind.REBOOT, HOST, operation=operation, repair=True, attempt=1, visit=None, step=step)


@pytest.mark.parametrize("kind", [planned, rung])
async def test_a_host_that_we_alone_hold_is_given_power(site, kind):
    assert 1 == await resumed(site, await kind(site), Off())


@pytest.mark.parametrize("kind", [planned, rung])
async def test_a_host_that_another_drained_is_left_off(site, kind):
    step_order = await kind(site)
    site.world.drain_by_other(HOST, "admin: cable")
    assert 0 == await resumed(site, step_order, Off())


@pytest.mark.parametrize("kind", [planned, rung])
async def test_a_host_whose_firmware_is_being_written_is_asked_again_and_nothing_fails(site, kind):
    assert 0 == await resumed(site, await kind(site), Off(Refused("its BMC is updating bios")))
