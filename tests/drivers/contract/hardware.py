"""What every hardware driver does, word for word of `fleet.ports.hardware`."""

import asyncio
import time

import pytest

from fleet.errors import Refused, StaleAttempt, Unreachable
from fleet.models.hardware import DeviceTask, TaskState
from fleet.ports.fence import open_fence
from tests.drivers.contract.case import HardwareCase
from tests.drivers.contract.looking import closed_fence


async def apply(case: HardwareCase, component: str, version: str) -> DeviceTask:
    """Start an upgrade and wait until the device says that it ended."""
    task = await case.hardware.start_apply(case.host, component, version, open_fence)
    return await ended(case, component, task.id)


async def ended(case: HardwareCase, component: str, task_id: str) -> DeviceTask:
    deadline = time.monotonic() + case.patience
    while time.monotonic() < deadline:
        found = next(t for t in await case.hardware.tasks(case.host, component) if t.id == task_id)
        if found.state is not TaskState.RUNNING:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"{task_id} still runs after {case.patience}s")


async def rebooted(case: HardwareCase) -> str:
    """Reboot, and wait for the new boot id."""
    before = await case.hardware.boot_id(case.host)
    await case.hardware.reboot(case.host, open_fence)
    return await booted(case, before)


async def booted(case: HardwareCase, before: str | None) -> str:
    """Wait for another boot id than this one."""
    deadline = time.monotonic() + case.patience
    while time.monotonic() < deadline:
        now = await case.hardware.boot_id(case.host)
        if now is not None and now != before:
            await case.seen_booted(now)
            return now
        await asyncio.sleep(0.02)
    raise AssertionError(f"{case.host} is not back after {case.patience}s")


async def after(case: HardwareCase, boot: str | None) -> str | None:
    """The first answer that is not this boot any more: a host takes a moment to go down."""
    deadline = time.monotonic() + case.patience
    while time.monotonic() < deadline:
        now = await case.hardware.boot_id(case.host)
        if now != boot:
            return now
        await asyncio.sleep(0.02)
    raise AssertionError(f"{case.host} still is in boot {boot}")


class HardwareContract:
    """Subclass it and give it a fixture `case`."""

    async def test_an_upgrade_without_reboot_is_in_effect_once_its_task_is_done(self, case: HardwareCase):
        component, version = case.plain

        task = await apply(case, component, version)

        assert (component, version, TaskState.DONE) == (task.component, task.version, task.state)
        assert version == (await case.hardware.versions(case.host))[component]

    async def test_a_hardware_model_is_the_fleet_files_word_for_it_or_nothing(self, case: HardwareCase):
        assert case.model == await case.hardware.model(case.host)

    async def test_what_is_prepared_is_not_in_effect_and_can_be_prepared_again(self, case: HardwareCase):
        before = await case.hardware.versions(case.host)

        await case.hardware.prepare(case.host, *case.plain, open_fence)
        await case.hardware.prepare(case.host, *case.plain, open_fence)

        assert before == await case.hardware.versions(case.host)
        assert () == await case.hardware.tasks(case.host, case.plain[0])

    async def test_an_upgrade_with_reboot_is_in_effect_only_after_the_reboot(self, case: HardwareCase):
        component, version = case.rebooting
        before = (await case.hardware.versions(case.host))[component]

        await apply(case, component, version)

        assert before == (await case.hardware.versions(case.host))[component]
        await rebooted(case)
        assert version == (await case.hardware.versions(case.host))[component]

    async def test_a_reboot_changes_the_boot_id_and_no_version(self, case: HardwareCase):
        before = (await case.hardware.boot_id(case.host), await case.hardware.versions(case.host))

        boot = await rebooted(case)

        assert before[0] != boot
        assert before[1] == await case.hardware.versions(case.host)

    async def test_tasks_are_listed_oldest_first_ended_ones_too(self, case: HardwareCase):
        component, version = case.plain
        first = await apply(case, component, version)
        second = await apply(case, component, version)

        listed = await case.hardware.tasks(case.host, component)

        assert [first.id, second.id] == [t.id for t in listed]
        assert await case.hardware.tasks(case.host, case.rebooting[0]) == ()

    async def test_a_failed_upgrade_says_so_and_leaves_the_version(self, case: HardwareCase):
        component, version = case.plain
        before = (await case.hardware.versions(case.host))[component]
        await case.fail_next_apply()

        task = await apply(case, component, version)

        assert task.state == TaskState.FAILED
        assert task.message
        assert before == (await case.hardware.versions(case.host))[component]

    async def test_the_inventory_shows_what_a_lying_device_did_not_do(self, case: HardwareCase):
        component, version = case.plain
        before = (await case.hardware.versions(case.host))[component]
        await case.lie_next_apply()

        task = await apply(case, component, version)

        assert task.state == TaskState.DONE
        assert before == (await case.hardware.versions(case.host))[component]

    async def test_a_busy_device_refuses_a_second_upgrade(self, case: HardwareCase):
        component, version = case.plain
        await case.slow_next_apply()
        task = await case.hardware.start_apply(case.host, component, version, open_fence)

        with pytest.raises(Refused):
            await case.hardware.start_apply(case.host, *case.rebooting, open_fence)

        assert (await ended(case, component, task.id)).state == TaskState.DONE
        assert await case.hardware.tasks(case.host, case.rebooting[0]) == ()

    async def test_a_closed_fence_keeps_an_upgrade_from_being_sent(self, case: HardwareCase):
        with pytest.raises(StaleAttempt):
            await case.hardware.start_apply(case.host, *case.plain, closed_fence)

        assert await case.hardware.tasks(case.host, case.plain[0]) == ()

    async def test_a_closed_fence_keeps_a_reboot_from_being_sent(self, case: HardwareCase):
        before = await case.hardware.boot_id(case.host)

        with pytest.raises(StaleAttempt):
            await case.hardware.reboot(case.host, closed_fence)

        assert before == await case.hardware.boot_id(case.host)

    async def test_a_host_that_does_not_come_back_has_no_boot_id(self, case: HardwareCase):
        await case.hold_back_next_reboot()

        before = await case.hardware.boot_id(case.host)
        await case.hardware.reboot(case.host, open_fence)

        assert await after(case, before) is None

    async def test_a_silent_bmc_is_unreachable(self, case: HardwareCase):
        await case.silence_bmc()

        with pytest.raises(Unreachable):
            await case.hardware.versions(case.host)
        with pytest.raises(Unreachable):
            await case.hardware.tasks(case.host, case.plain[0])
        with pytest.raises(Unreachable):
            await case.hardware.start_apply(case.host, *case.plain, open_fence)

    async def test_an_unknown_host_is_an_error(self, case: HardwareCase):
        with pytest.raises(case.unknown):
            await case.hardware.versions("no-such-host")
        with pytest.raises(case.unknown):
            await case.hardware.boot_id("no-such-host")
        # That it can't be told whether it is being flashed is a no, too.
        with pytest.raises((case.unknown, Refused)):
            await case.hardware.reboot("no-such-host", open_fence)

    async def test_a_power_cycle_changes_the_boot_id_and_no_version(self, case: HardwareCase):
        boot, versions = await case.hardware.boot_id(case.host), await case.hardware.versions(case.host)

        await case.hardware.power_cycle(case.host, open_fence)

        assert boot != await booted(case, boot)
        assert versions == await case.hardware.versions(case.host)

    async def test_a_host_that_did_not_come_back_comes_back_with_a_power_cycle(self, case: HardwareCase):
        boot = await case.hardware.boot_id(case.host)
        await case.hold_back_next_reboot()
        await case.hardware.reboot(case.host, open_fence)
        assert await after(case, boot) is None

        await case.hardware.power_cycle(case.host, open_fence)

        assert boot != await booted(case, boot)

    async def test_a_host_that_has_power_is_given_none(self, case: HardwareCase):
        boot = await case.hardware.boot_id(case.host)
        assert not await case.hardware.give_power(case.host, open_fence)
        assert boot == await case.hardware.boot_id(case.host)

    async def test_gpus_are_reset_without_a_boot(self, case: HardwareCase):
        boot = await case.hardware.boot_id(case.host)

        await case.hardware.reset_gpus(case.host, open_fence)

        assert (1, boot) == (await case.gpu_resets(), await case.hardware.boot_id(case.host))

    async def test_gpus_that_would_not_be_reset_are_refused(self, case: HardwareCase):
        await case.hold_gpus()

        with pytest.raises(Refused):
            await case.hardware.reset_gpus(case.host, open_fence)

        assert 0 == await case.gpu_resets()

    async def test_a_reinstalled_host_boots_anew(self, case: HardwareCase):
        boot = await case.hardware.boot_id(case.host)

        said = await case.hardware.reimage(case.host, open_fence)

        assert 0 == said.status
        assert boot != await booted(case, boot)

    async def test_a_closed_fence_keeps_every_rung_of_the_ladder_from_being_sent(self, case: HardwareCase):
        boot = await case.hardware.boot_id(case.host)

        for rung in (case.hardware.reset_gpus, case.hardware.power_cycle, case.hardware.reimage):
            with pytest.raises(StaleAttempt):
                await rung(case.host, closed_fence)

        assert (0, boot) == (await case.gpu_resets(), await case.hardware.boot_id(case.host))
