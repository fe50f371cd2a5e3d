"""Upgrades on hosts: begun once, found again by others, in effect when the host says so."""

import asyncio
import fcntl

import pytest

from drivers.ssh.calls import HostCalls
from drivers.ssh.remote import SshRemote
from fleet.errors import InvalidInput, Refused, StaleAttempt
from fleet.models.hardware import DeviceTask, TaskState
from fleet.ports.fence import open_fence
from fleet.ports.mechanism import Activation
from tests.drivers.ssh.case import COMPONENTS, HOST, apply, ended, installs, opened, own, reboot, settings
from tests.emulators.hosts import HostFarm

DCGM = "datacenter-gpu-manager"


async def test_versions_are_read_from_the_host(farm: HostFarm) -> None:
    async with opened(farm) as mechanism:
        expected = {
            "dcgm": "1:3.3.5",
            "toolkit": "1.14.6-1",
            "gpu-driver": "550.54.14",
            "kernel": "5.15.0-100-generic",
        }
        assert expected == await mechanism.versions(HOST)


async def test_an_upgrade_is_installed_once_then_activated_and_read_back(farm: HostFarm) -> None:
    async with opened(farm) as mechanism:
        task = await apply(mechanism, "dcgm", "1:3.3.6")

        assert (TaskState.DONE, "1:3.3.6", 100) == (task.state, task.version, task.percent)
        assert [(DCGM, "1:3.3.6")] == installs(farm)
        assert ["nvidia-dcgm"] == [line["unit"] for line in farm.journal("restart")]
        assert "1:3.3.6" == (await mechanism.versions(HOST))["dcgm"]
        assert Activation.NOTHING == await mechanism.pending(HOST)


async def test_an_upgrade_outlives_its_connection_and_another_process_finds_it(farm: HostFarm) -> None:
    farm.fault(HOST, "slow", seconds=0.7, times=1)
    async with opened(farm) as first:
        task = await first.start_apply(HOST, "dcgm", "1:3.3.6", open_fence)
    farm.go_down(HOST)
    farm.come_up(HOST)

    async with opened(farm) as second:
        found = (await second.tasks(HOST, "dcgm"))[-1]
        assert (task.id, "1:3.3.6", TaskState.RUNNING) == (found.id, found.version, found.state)
        assert TaskState.DONE == (await ended(second, task)).state
    assert [(DCGM, "1:3.3.6")] == installs(farm)


async def test_the_same_task_sent_again_does_not_run_again(farm: HostFarm) -> None:
    options = settings(farm)
    remote = SshRemote(options)
    calls = HostCalls(remote, options)
    sent = (60, f"toolkit.{'a' * 32}", "2.0", "0", "", "1", "4", "sh", "-c", "echo x >>$0", "ran")
    await calls.begin(HOST, await calls.ticket(HOST), *sent)
    await calls.begin(HOST, await calls.ticket(HOST), *sent)
    await asyncio.sleep(0.3)
    await calls.begin(HOST, await calls.ticket(HOST), *sent)
    await remote.close()

    assert "x\n" == (farm.root(HOST) / "ran").read_text()


async def test_a_second_upgrade_is_refused_while_one_runs(farm: HostFarm) -> None:
    farm.fault(HOST, "slow", seconds=0.7, times=1)
    async with opened(farm) as mechanism, opened(farm) as other:
        task = await mechanism.start_apply(HOST, "dcgm", "1:3.3.6", open_fence)

        with pytest.raises(Refused, match="another upgrade runs"):
            await other.start_apply(HOST, "toolkit", "1.15.0-1", open_fence)
        await ended(mechanism, task)
        assert TaskState.DONE == (await apply(other, "toolkit", "1.15.0-1")).state


async def test_of_many_begun_at_once_one_runs(farm: HostFarm) -> None:
    farm.fault(HOST, "slow", seconds=0.5)
    async with opened(farm) as mechanism:
        begun = await asyncio.gather(
            *(mechanism.start_apply(HOST, "dcgm", f"1:3.3.{n}", open_fence) for n in range(6, 12)),
            return_exceptions=True,
        )
        tasks = [each for each in begun if isinstance(each, DeviceTask)]
        assert (1, 5) == (len(tasks), sum(isinstance(each, Refused) for each in begun))
        await ended(mechanism, tasks[0])
    assert 1 == len(installs(farm))


async def test_a_fence_that_refuses_keeps_the_upgrade_from_the_host(farm: HostFarm) -> None:
    async def closed() -> None:
        raise StaleAttempt("a newer attempt")

    async with opened(farm) as mechanism:
        before = await mechanism.tasks(HOST, "dcgm")
        with pytest.raises(StaleAttempt):
            await mechanism.start_apply(HOST, "dcgm", "1:3.3.6", closed)
        assert before == await mechanism.tasks(HOST, "dcgm")
    assert [] == installs(farm)


async def test_what_comes_long_after_its_fence_is_turned_away_by_the_host(farm: HostFarm) -> None:
    async def slow() -> None:
        await asyncio.sleep(5.1)

    async with opened(farm) as mechanism:
        before = await mechanism.tasks(HOST, "dcgm")
        with pytest.raises(Refused, match="after it was allowed"):
            await mechanism.start_apply(HOST, "dcgm", "1:3.3.6", slow)
        assert before == await mechanism.tasks(HOST, "dcgm")
    assert [] == installs(farm)


async def test_what_was_allowed_in_another_boot_is_turned_away_by_the_host(farm: HostFarm) -> None:
    path = farm.root(HOST) / "proc/sys/kernel/random/boot_id"

    async def rebooted_meanwhile() -> None:
        path.write_text("00000000-0000-4000-8000-000000000000\n")
        await asyncio.sleep(0.3)  # the connection of the boot before is gone

    async with opened(farm) as mechanism:
        with pytest.raises(Refused, match="rebooted meanwhile"):
            await mechanism.start_apply(HOST, "dcgm", "1:3.3.6", rebooted_meanwhile)
    assert [] == installs(farm)


async def test_a_package_is_upgraded_by_dnf(farm: HostFarm) -> None:
    dnf = {"dcgm": {"kind": "ready", "name": "dnf-dcgm"}}
    async with opened(farm, dnf) as mechanism:
        assert TaskState.DONE == (await apply(mechanism, "dcgm", "3.3.6-1")).state
        assert {"dcgm": "3.3.6-1"} == await mechanism.versions(HOST)
    assert [(DCGM, "3.3.6-1")] == installs(farm)


async def test_an_older_version_is_rolled_back_to(farm: HostFarm) -> None:
    async with opened(farm) as mechanism:
        assert TaskState.DONE == (await apply(mechanism, "dcgm", "1:3.3.4")).state
        assert "1:3.3.4" == (await mechanism.versions(HOST))["dcgm"]


async def test_an_exit_code_can_say_that_a_reboot_is_needed(farm: HostFarm) -> None:
    install = ["sh", "-c", "echo $0 >installed; exit 194", "{version}"]
    async with opened(farm, {"tool": own(install, exits={"reboot": [194]})}) as mechanism:
        assert Activation.NOTHING == await mechanism.pending(HOST)
        assert TaskState.DONE == (await apply(mechanism, "tool", "1.0")).state
        assert Activation.REBOOT == await mechanism.pending(HOST)
        await reboot(mechanism)
        assert Activation.NOTHING == await mechanism.pending(HOST)


async def test_driver_and_kernel_are_in_effect_after_one_reboot(farm: HostFarm) -> None:
    async with opened(farm) as mechanism:
        assert TaskState.DONE == (await apply(mechanism, "gpu-driver", "550.54.15")).state
        assert TaskState.DONE == (await apply(mechanism, "kernel", "5.15.0-105-generic")).state
        before = await mechanism.versions(HOST)
        assert ("550.54.14", "5.15.0-100-generic") == (before["gpu-driver"], before["kernel"])
        assert Activation.REBOOT == await mechanism.pending(HOST)
        await reboot(mechanism)
        after = await mechanism.versions(HOST)
        assert ("550.54.15", "5.15.0-105-generic") == (after["gpu-driver"], after["kernel"])
        assert Activation.NOTHING == await mechanism.pending(HOST)


FIRMWARE = {
    "fwupdmgr": ({"device": "f95c9218acd12697af946874bfe4239587209232"}, "1.2.0", "1.3.0"),
    "mlxfwmanager": ({"device": "/dev/mst/mt4129_pciconf0"}, "28.38.1002", "28.39.1002"),
    "nvfwupd": ({"ap": "FW_GPU_0"}, "96.00.61.00.01", "96.00.74.00.11"),
}


@pytest.mark.parametrize("tool", sorted(FIRMWARE))
async def test_firmware_by_a_vendors_tool_runs_after_the_reboot(farm: HostFarm, tool: str) -> None:
    parameters, old, new = FIRMWARE[tool]
    chosen = {"firmware": {"kind": "ready", "name": tool, "parameters": parameters}}
    async with opened(farm, chosen) as mechanism:
        assert TaskState.DONE == (await apply(mechanism, "firmware", new)).state
        assert ({"firmware": old}, Activation.REBOOT) == (
            await mechanism.versions(HOST),
            await mechanism.pending(HOST),
        )
        await reboot(mechanism)
        assert {"firmware": new} == await mechanism.versions(HOST)


async def test_a_component_that_the_host_lacks_is_left_out(farm: HostFarm) -> None:
    chosen = {
        "dcgm": {"kind": "ready", "name": "apt-dcgm"},
        "other": {"kind": "ready", "name": "apt-package", "parameters": {"package": "not-there"}},
    }
    async with opened(farm, chosen) as mechanism:
        assert {"dcgm": "1:3.3.5"} == await mechanism.versions(HOST)


@pytest.mark.parametrize("version", ["1.0 --force", "-rf", "", "$(reboot)", "a\nb", "1" * 65])
async def test_a_version_that_may_not_stand_on_a_command_line_goes_nowhere(farm: HostFarm, version: str) -> None:
    async with opened(farm) as mechanism:
        with pytest.raises(InvalidInput, match="version"):
            await mechanism.start_apply(HOST, "dcgm", version, open_fence)
    assert [] == installs(farm)


async def test_a_component_that_it_does_not_serve_is_refused(farm: HostFarm) -> None:
    async with opened(farm) as mechanism:
        with pytest.raises(Refused, match="bmc is not among"):
            await mechanism.start_apply(HOST, "bmc", "1.0", open_fence)


async def test_what_is_only_probed_is_read_and_never_installed(farm: HostFarm) -> None:
    (farm.root(HOST) / "nccl.h").write_text("NCCL_VERSION 2.21.5\n")
    probe = {"argv": ["cat", "{component}.h"], "version_pattern": r"^NCCL_VERSION (?P<version>\S+)$"}
    async with opened(farm, {"nccl": {"kind": "probe", "probe": probe}}) as mechanism:
        assert {"nccl": "2.21.5"} == await mechanism.versions(HOST)
        with pytest.raises(Refused, match="only read"):
            await mechanism.start_apply(HOST, "nccl", "2.22.3", open_fence)
        assert () == await mechanism.tasks(HOST, "nccl")
        assert Activation.NOTHING == await mechanism.pending(HOST)


async def test_a_tool_that_prints_what_is_no_ascii_does_not_cut_the_answer_of_the_next(farm: HostFarm) -> None:
    said = "printf 'Intel\\302\\256 Ethernet\\302\\256 Ger\\303\\244t \\377 fw 7.1\\n'"
    spoken = {"argv": ["sh", "-c", said], "version_pattern": r"fw (?P<version>\S+)"}
    components = {"nic": {"kind": "probe", "probe": spoken}, "dcgm": COMPONENTS["dcgm"]}
    async with opened(farm, components) as mechanism:
        assert {"nic": "7.1", "dcgm": "1:3.3.5"} == await mechanism.versions(HOST)


async def test_what_did_not_end_in_its_time_keeps_the_host_from_being_booted(farm: HostFarm) -> None:
    async with opened(farm) as mechanism:
        task = await mechanism.start_apply(HOST, "dcgm", "1:3.3.6", open_fence)
        notes = farm.root(HOST) / "var/lib/maintrain/tasks" / task.id
        await ended(mechanism, task)
        (notes / "exit").unlink()
        (notes / "limit").write_text("-1000000000\n")
        with (notes / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(Refused, match=r"dcgm 1:3\.3\.6 is being installed"):
                await mechanism.check_free(HOST, booting=True)
