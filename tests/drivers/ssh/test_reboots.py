"""Reboots by SSH, told by the boot id."""

import asyncio

import pytest

from drivers.ssh import SshMechanism
from fleet.errors import BadAnswer, StaleAttempt, Unreachable
from fleet.ports.fence import open_fence
from tests.drivers.ssh.case import HOST, opened
from tests.emulators.hosts import HostFarm


async def _back(mechanism: SshMechanism, before: str) -> str:
    for _ in range(200):
        try:
            if (now := await mechanism.boot_id(HOST)) != before:
                return now
        except Unreachable:
            pass
        await asyncio.sleep(0.05)
    raise AssertionError("the host did not come back")


async def test_a_rebooted_host_has_another_boot_id(farm: HostFarm) -> None:
    async with opened(farm) as mechanism:
        before = await mechanism.boot_id(HOST)
        assert farm.boot_id(HOST) == before
        await mechanism.reboot(HOST, open_fence)
        after = await _back(mechanism, before)

    assert farm.boot_id(HOST) == after
    assert [before] == [line["boot_id"] for line in farm.journal("reboot")]
    assert [after] == [line["boot_id"] for line in farm.journal("boot")]


async def test_a_fence_that_refuses_keeps_the_host_up(farm: HostFarm) -> None:
    async def closed() -> None:
        raise StaleAttempt("a newer attempt")

    async with opened(farm) as mechanism:
        with pytest.raises(StaleAttempt):
            await mechanism.reboot(HOST, closed)
    assert [] == farm.journal("reboot")


async def test_a_reboot_allowed_in_the_boot_before_does_not_reboot_again(farm: HostFarm) -> None:
    async with opened(farm) as mechanism, opened(farm) as successor:
        before = await mechanism.boot_id(HOST)

        async def held_up() -> None:
            await successor.reboot(HOST, open_fence)
            await _back(successor, before)

        with pytest.raises(Unreachable):
            await mechanism.reboot(HOST, held_up)
    assert 1 == len(farm.journal("reboot"))


async def test_a_host_that_stays_down_is_unreachable_not_rebooted(farm: HostFarm) -> None:
    farm.fault(HOST, "not_back", times=1)
    async with opened(farm) as mechanism:
        await mechanism.reboot(HOST, open_fence)
        await asyncio.sleep(0.8)
        with pytest.raises(Unreachable):
            await mechanism.boot_id(HOST)
    assert [] == farm.journal("boot")


async def test_a_reboot_that_the_host_ignores_leaves_its_boot_id(farm: HostFarm) -> None:
    farm.fault(HOST, "reboot_ignored", times=1)
    async with opened(farm) as mechanism:
        before = await mechanism.boot_id(HOST)
        await mechanism.reboot(HOST, open_fence)
        await asyncio.sleep(0.5)
        assert before == await mechanism.boot_id(HOST)


async def test_a_reboot_command_that_fails_is_told(farm: HostFarm) -> None:
    async with opened(farm, reboot=["sh", "-c", "echo no >&2; exit 3"]) as mechanism:
        with pytest.raises(BadAnswer, match="rc 3"):
            await mechanism.reboot(HOST, open_fence)


async def test_what_is_no_boot_id_is_not_taken_for_one(farm: HostFarm) -> None:
    path = farm.root(HOST) / "proc/sys/kernel/random/boot_id"
    true = path.read_text()
    async with opened(farm) as mechanism:
        for text in ("", "garbage\n", "1 2\n"):
            path.write_text(text)
            with pytest.raises(BadAnswer):
                await mechanism.boot_id(HOST)
        path.write_text(true)
