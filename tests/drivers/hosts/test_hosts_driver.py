"""Which mechanism gets which call, and what one that fails makes of the whole."""

import pytest

from drivers.hosts import HostsDriver
from fleet.errors import BadAnswer, InvalidInput, Refused, Unreachable
from fleet.models.command import CommandResult
from fleet.models.hardware import DeviceTask, TaskState
from fleet.ports.fence import open_fence
from fleet.ports.mechanism import Activation

HOST = "gpu001"


class Mechanism:
    """A mechanism that keeps what it was told."""

    def __init__(self, needs: Activation = Activation.NOTHING, **versions: str) -> None:
        self.answer: dict[str, str] | Exception = versions
        self.components, self.needs, self.begun, self.closed = frozenset(versions), needs, [], 0

    async def versions(self, host: str) -> dict[str, str]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def start_apply(self, host, component, version, fence) -> DeviceTask:
        await fence()
        self.begun.append((host, component, version))
        return DeviceTask(id="1", component=component, version=version, state=TaskState.RUNNING)

    async def tasks(self, host, component, fence=None) -> tuple[DeviceTask, ...]:
        return tuple(
            DeviceTask(id=str(n), component=c, version=v, state=TaskState.RUNNING)
            for n, (_, c, v) in enumerate(self.begun)
            if c == component
        )

    async def check_free(self, host, *, booting=False) -> None:
        if self.begun:
            raise Refused(f"{host}: {self.begun[0][1]} runs")

    async def pending(self, host) -> Activation:
        return self.needs

    async def close(self) -> None:
        self.closed += 1


class Machine:
    """A host and its BMC that keep what was done to them."""

    def __init__(self, boot_id: str | None = "b1", *, bmc: bool = True, on: bool = True) -> None:
        self.boot, self.bmc, self.on, self.done = boot_id, bmc, on, []

    async def boot_id(self, host: str) -> str:
        if self.boot is None:
            raise Unreachable(f"{host} does not answer")
        return self.boot

    async def reboot(self, host, fence) -> None:
        await self.boot_id(host)
        await fence()
        self.done.append("reboot")

    async def reset_gpus(self, host, fence) -> None:
        await fence()
        self.done.append("gpu reset")

    async def is_on(self, host: str) -> bool:
        if not self.bmc:
            raise Unreachable(f"the BMC of {host} does not answer")
        return self.on

    async def model(self, host: str) -> str:
        await self.is_on(host)
        return "hgx-h100"

    async def give(self, host, fence) -> bool:
        await fence()
        self.done.append("power")
        return True

    async def cycle(self, host, fence) -> None:
        await fence()
        self.done.append("power cycle")


async def test_the_hardware_model_is_what_the_bmc_tells_and_unknown_without_one():
    with_bmc, without = HostsDriver([], Machine(), Machine()), HostsDriver([], Machine(), None)
    assert ("hgx-h100", None) == (await with_bmc.model(HOST), await without.model(HOST))


async def test_versions_of_all_mechanisms_are_one_answer():
    driver = HostsDriver([Mechanism(bmc="1"), Mechanism(kernel="6")], Machine(), None)
    assert {"bmc": "1", "kernel": "6"} == await driver.versions(HOST)


@pytest.mark.parametrize("error", [Unreachable("silent"), BadAnswer("malformed")])
async def test_a_part_of_the_truth_is_no_answer(error):
    silent = Mechanism(bmc="1")
    silent.answer = error
    driver = HostsDriver([Mechanism(kernel="6"), silent], Machine(), None)
    with pytest.raises(type(error)):
        await driver.versions(HOST)


async def test_an_upgrade_goes_to_the_mechanism_that_serves_its_component():
    firmware, packages = Mechanism(bmc="1"), Mechanism(kernel="6")
    driver = HostsDriver([firmware, packages], Machine(), None)
    await driver.start_apply(HOST, "kernel", "7", open_fence)
    assert ([], [(HOST, "kernel", "7")]) == (firmware.begun, packages.begun)
    assert ["7"] == [t.version for t in await driver.tasks(HOST, "kernel")]


async def test_one_upgrade_at_a_time_on_a_host_by_whatever_way():
    firmware, packages = Mechanism(bmc="1"), Mechanism(kernel="6")
    driver = HostsDriver([firmware, packages], Machine(), None)
    await driver.start_apply(HOST, "bmc", "2", open_fence)
    with pytest.raises(Refused, match="bmc runs"):
        await driver.start_apply(HOST, "kernel", "7", open_fence)
    assert [] == packages.begun


async def test_a_component_that_nobody_serves_is_refused():
    with pytest.raises(Refused, match="bios: no mechanism"):
        await HostsDriver([Mechanism(bmc="1")], Machine(), None).start_apply(HOST, "bios", "2", open_fence)


def test_a_component_that_two_serve_is_a_mistake_of_the_fleet_file():
    with pytest.raises(InvalidInput, match="bmc: expected one mechanism"):
        HostsDriver([Mechanism(bmc="1"), Mechanism(bmc="1")], Machine(), None)


@pytest.mark.parametrize(
    ("needs", "boot", "done"),
    [
        (Activation.NOTHING, "b1", "reboot"),
        (Activation.REBOOT, "b1", "reboot"),
        (Activation.POWER_CYCLE, "b1", "power cycle"),
        (Activation.POWER_CYCLE, None, "power cycle"),
    ],
)
async def test_a_reboot_is_as_deep_as_what_was_written_needs(needs, boot, done):
    machine = Machine(boot)
    await HostsDriver([Mechanism(bmc="1"), Mechanism(needs, gpu="1")], machine, machine).reboot(HOST, open_fence)
    assert [done] == machine.done


async def test_without_a_bmc_nothing_that_needs_one_is_tried():
    machine = Machine()
    driver = HostsDriver([Mechanism(Activation.POWER_CYCLE, bmc="1")], machine, None)
    for switch in (driver.reboot, driver.power_cycle):
        with pytest.raises(Refused, match="names no BMC"):
            await switch(HOST, open_fence)
    assert [] == machine.done


async def test_a_host_that_does_not_answer_is_not_rebooted_and_its_power_is_switched():
    machine = Machine(None)
    driver = HostsDriver([Mechanism(bmc="1")], machine, machine)
    with pytest.raises(Unreachable):
        await driver.reboot(HOST, open_fence)
    await driver.power_cycle(HOST, open_fence)
    assert ["power cycle"] == machine.done


DISRUPTIONS = ("reboot", "reset_gpus", "power_cycle", "reimage")


class Installer:
    """A program that would install hosts anew."""

    def __init__(self) -> None:
        self.runs = 0

    async def run(self, host, fence) -> CommandResult:
        await fence()
        self.runs += 1
        return CommandResult(argv=("reinstall",), status=0, stdout="", stderr="", seconds=1.0)


@pytest.mark.parametrize("disruption", DISRUPTIONS)
async def test_nothing_cuts_an_upgrade_that_runs(disruption):
    machine, firmware, installer = Machine(), Mechanism(bmc="1"), Installer()
    driver = HostsDriver([Mechanism(kernel="6"), firmware], machine, machine, reimage=installer)
    await driver.start_apply(HOST, "bmc", "2", open_fence)
    with pytest.raises(Refused, match="bmc runs"):
        await getattr(driver, disruption)(HOST, open_fence)
    assert ([], 0) == (machine.done, installer.runs)


class Mute(Mechanism):
    async def check_free(self, host, *, booting=False) -> None:
        raise Unreachable("silent")


class MuteHost(Machine):
    """The mechanism of a host that does not answer, as its own boots."""

    components = frozenset({"kernel"})
    check_free = Mute.check_free


async def test_a_silent_host_is_power_cycled_and_one_whose_bmc_does_not_tell_of_its_updates_is_not():
    machine = MuteHost(None)
    await HostsDriver([machine, Mechanism(bmc="1")], machine, machine).power_cycle(HOST, open_fence)
    assert ["power cycle"] == machine.done
    with pytest.raises(Refused, match="whether it is being updated can't be told"):
        await HostsDriver([machine, Mute(bmc="1")], machine, machine).power_cycle(HOST, open_fence)
    assert ["power cycle"] == machine.done


async def test_a_host_that_is_off_is_given_power_and_one_whose_firmware_is_being_written_is_not():
    machine, firmware = MuteHost(None, on=False), Mechanism(bmc="1")
    driver = HostsDriver([machine, firmware], machine, machine)
    assert await driver.give_power(HOST, open_fence)
    await firmware.start_apply(HOST, "bmc", "2", open_fence)
    with pytest.raises(Refused, match="bmc runs"):
        await driver.give_power(HOST, open_fence)
    with pytest.raises(Refused, match="whether it is being updated can't be told"):
        await HostsDriver([machine, Mute(bmc="1")], machine, machine).give_power(HOST, open_fence)
    assert ["power"] == machine.done


async def test_a_host_that_has_power_is_given_none_whatever_its_bmc_tells_of_its_updates():
    machine = Machine()
    assert not await HostsDriver([Mute(bmc="1")], machine, machine).give_power(HOST, open_fence)
    assert not await HostsDriver([], machine, None).give_power(HOST, open_fence)
    assert [] == machine.done


async def test_a_silent_host_is_reinstalled_and_one_whose_bmc_is_silent_is_not():
    machine, installer = MuteHost(None), Installer()
    await HostsDriver([machine, Mechanism(bmc="1")], machine, machine, reimage=installer).reimage(HOST, open_fence)
    assert 1 == installer.runs
    with pytest.raises(Refused, match="whether it is being updated can't be told"):
        await HostsDriver([machine, Mute(bmc="1")], machine, machine, reimage=installer).reimage(HOST, open_fence)
    assert 1 == installer.runs


async def test_gpus_are_not_reset_while_it_can_not_be_told_whether_they_are_flashed():
    machine = Machine()
    with pytest.raises(Refused, match="whether it is being updated can't be told"):
        await HostsDriver([Mute(bmc="1")], machine, machine).reset_gpus(HOST, open_fence)
    assert [] == machine.done


async def test_gpus_are_reset_by_the_host_itself():
    machine = Machine()
    await HostsDriver([], machine, None).reset_gpus(HOST, open_fence)
    assert ["gpu reset"] == machine.done


async def test_without_a_program_no_host_is_reinstalled():
    with pytest.raises(Refused, match="under repair"):
        await HostsDriver([], Machine(), None).reimage(HOST, open_fence)


async def test_what_can_not_be_told_about_a_mechanism_keeps_a_host_from_being_rebooted():
    class Mute(Mechanism):
        async def pending(self, host) -> Activation:
            raise Unreachable("silent")

    machine = Machine()
    with pytest.raises(Refused, match="can't be told: silent"):
        await HostsDriver([Mute(bmc="1")], machine, machine).reboot(HOST, open_fence)
    assert [] == machine.done


async def test_a_host_is_down_only_when_its_bmc_says_something():
    driver = HostsDriver([], machine := Machine(None), machine)
    assert await driver.boot_id(HOST) is None
    machine.bmc = False
    with pytest.raises(Unreachable, match="BMC"):
        await driver.boot_id(HOST)
    with pytest.raises(Unreachable, match="gpu001 does not answer"):
        await HostsDriver([], machine, None).boot_id(HOST)


async def test_one_that_fails_to_close_keeps_no_other_from_closing():
    class Stuck(Mechanism):
        async def close(self) -> None:
            raise RuntimeError("stuck")

    other = Mechanism(kernel="6")
    with pytest.raises(RuntimeError, match="stuck"):
        await HostsDriver([Stuck(bmc="1"), other], Machine(), None).close()
    assert 1 == other.closed
