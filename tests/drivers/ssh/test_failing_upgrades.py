"""What goes wrong with upgrades on hosts reads as failed or as no answer, never as done or running for ever."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from fleet.errors import BadAnswer, Refused, Unreachable
from fleet.models.hardware import DeviceTask, TaskState
from fleet.ports.fence import open_fence
from tests.drivers.ssh.case import HOST, apply, ended, opened, own, reboot
from tests.emulators.hosts import HostFarm

DCGM = "datacenter-gpu-manager"


async def test_an_install_that_fails_is_failed_with_the_tools_words(farm: HostFarm) -> None:
    farm.fault(HOST, "install_fails", about=DCGM)
    async with opened(farm) as mechanism:
        task = await apply(mechanism, "dcgm", "1:3.3.6")

    assert TaskState.FAILED == task.state
    assert "install: rc 100" in task.message
    assert "E: Sub-process /usr/bin/dpkg returned an error code (1)" in task.message
    assert [] == farm.journal("restart")


async def test_an_activation_that_fails_is_failed(farm: HostFarm) -> None:
    farm.fault(HOST, "restart_fails")
    async with opened(farm) as mechanism:
        task = await apply(mechanism, "dcgm", "1:3.3.6")

    assert (TaskState.FAILED, True) == (task.state, task.message.startswith("activate: rc 1"))


async def test_done_without_the_version_is_seen_in_the_versions(farm: HostFarm) -> None:
    farm.fault(HOST, "version_unchanged")
    async with opened(farm) as mechanism:
        assert TaskState.DONE == (await apply(mechanism, "dcgm", "1:3.3.6")).state
        assert "1:3.3.5" == (await mechanism.versions(HOST))["dcgm"]


async def test_an_install_that_hangs_is_ended_and_failed(farm: HostFarm) -> None:
    farm.fault(HOST, "hangs")
    hasty = {"dcgm": {"kind": "ready", "name": "apt-dcgm", "timeout": "1s"}}
    async with opened(farm, hasty) as mechanism:
        task = await apply(mechanism, "dcgm", "1:3.3.6")
        farm.clear_faults(HOST)
        assert TaskState.DONE == (await apply(mechanism, "dcgm", "1:3.3.7")).state

    assert (TaskState.FAILED, True) == (task.state, "install did not end within 1 s" in task.message)


async def test_an_upgrade_whose_processes_were_killed_is_failed_not_running(farm: HostFarm) -> None:
    farm.fault(HOST, "hangs")
    async with opened(farm) as mechanism:
        task = await mechanism.start_apply(HOST, "dcgm", "1:3.3.6", open_fence)
        await asyncio.sleep(0.3)
        _kill_all_of(task.id)
        found = await ended(mechanism, task)

    assert (TaskState.FAILED, True) == (found.state, "its process is gone" in found.message)


async def test_an_install_that_outlives_its_killed_watcher_still_counts_as_running(farm: HostFarm) -> None:
    farm.fault(HOST, "hangs")
    async with opened(farm) as mechanism:
        task = await mechanism.start_apply(HOST, "dcgm", "1:3.3.6", open_fence)
        await asyncio.sleep(0.3)
        os.kill(int((_folder(farm, task) / "pid").read_text()), signal.SIGKILL)
        await asyncio.sleep(0.1)

        assert TaskState.RUNNING == (await mechanism.tasks(HOST, "dcgm"))[-1].state
        with pytest.raises(Refused, match="still runs"):
            await mechanism.start_apply(HOST, "toolkit", "1.15.0-1", open_fence)
        _kill_all_of(task.id)
        assert TaskState.FAILED == (await ended(mechanism, task)).state


async def test_an_upgrade_that_a_reboot_cut_short_is_failed(farm: HostFarm) -> None:
    farm.fault(HOST, "hangs")
    async with opened(farm) as mechanism:
        task = await mechanism.start_apply(HOST, "dcgm", "1:3.3.6", open_fence)
        await reboot(mechanism)
        found = await ended(mechanism, task)

    assert (TaskState.FAILED, "the host rebooted while it ran") == (found.state, found.message.partition(":")[0])


async def test_notes_that_are_broken_are_a_failed_task(farm: HostFarm) -> None:
    async with opened(farm) as mechanism:
        task = await apply(mechanism, "dcgm", "1:3.3.6")
        (_folder(farm, task) / "boot_id").write_text("")
        found = await ended(mechanism, task)

    assert (TaskState.FAILED, True) == (found.state, "notes of it are broken" in found.message)


async def test_a_daemon_that_an_install_leaves_behind_holds_nothing_up(farm: HostFarm) -> None:
    leaving = own(["sh", "-c", "sleep 7.7 & echo $0 >installed", "{version}"])
    async with opened(farm, {"tool": leaving}) as mechanism:
        assert TaskState.DONE == (await apply(mechanism, "tool", "1.0")).state
        assert TaskState.DONE == (await apply(mechanism, "tool", "2.0")).state
        assert {"tool": "2.0"} == await mechanism.versions(HOST)


async def test_a_tool_that_stays_busy_is_failed_when_the_time_is_over(farm: HostFarm) -> None:
    farm.fault(HOST, "busy")
    dnf = {"dcgm": {"kind": "ready", "name": "dnf-dcgm", "timeout": "3s"}}
    async with opened(farm, dnf) as mechanism:
        task = await apply(mechanism, "dcgm", "3.3.6-1")

    assert (TaskState.FAILED, True) == (task.state, "busy until its time was over" in task.message)


@pytest.mark.parametrize("kind", ["half_configured", "garbage"])
async def test_a_package_that_is_not_whole_has_no_version(farm: HostFarm, kind: str) -> None:
    farm.fault(HOST, kind, about=DCGM)
    async with opened(farm) as mechanism:
        with pytest.raises(BadAnswer, match="dcgm"):
            await mechanism.versions(HOST)


async def test_a_probe_that_hangs_is_no_answer(farm: HostFarm) -> None:
    hanging = {"tool": {"kind": "own", "probe": {"argv": ["sleep", "60"]}, "install": ["true"]}}
    async with opened(farm, hanging, command_timeout="1s") as mechanism:
        with pytest.raises(BadAnswer, match="rc 124"):
            await mechanism.versions(HOST)


async def test_versions_of_a_host_that_is_down_are_unreachable(farm: HostFarm) -> None:
    farm.go_down(HOST)
    async with opened(farm) as mechanism:
        with pytest.raises(Unreachable):
            await mechanism.versions(HOST)
        with pytest.raises(Unreachable):
            await mechanism.tasks(HOST, "dcgm")


def _folder(farm: HostFarm, task: DeviceTask) -> Path:
    return farm.root(HOST) / "var/lib/maintrain/tasks" / task.id


def _kill_all_of(task: str) -> None:
    """Kill all processes of the task's session, as the host's memory running out would."""
    leaders = [entry for entry in Path("/proc").glob("[0-9]*") if task in _words(entry)]
    sessions = {_session(entry) for entry in leaders}
    for entry in Path("/proc").glob("[0-9]*"):
        if _session(entry) in sessions - {None}:
            os.kill(int(entry.name), signal.SIGKILL)


def _words(entry: Path) -> str:
    try:
        return (entry / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def _session(entry: Path) -> str | None:
    try:
        return (entry / "stat").read_text().rpartition(")")[2].split()[3]
    except OSError:
        return None
