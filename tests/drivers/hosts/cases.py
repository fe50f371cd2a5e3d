"""The driver of real hosts over an sshd and a BMC each, for the contract suite: once per mechanism."""

import asyncio
import time

from drivers.hosts import open_hosts
from fleet.errors import Unreachable
from fleet.models.hosts import HostsHardware
from fleet.models.ladder import ReimageHook
from tests.drivers.contract.case import HardwareCase
from tests.emulators.bmc import Fault, FaultKind
from tests.parts.real_hosts import RealHosts

SLOW_S = 5


class SshCase(HardwareCase):
    """Packages, by SSH."""

    plain = ("dcgm", "1:3.3.6")
    rebooting = ("gpu-driver", "550.54.15")
    patience = 30.0
    model = "hgx"
    unknown = Unreachable
    """A name goes into an address: that nobody is there is all that can be known."""

    def __init__(self, real: RealHosts, host: str) -> None:
        self.real, self.host = real, host
        settings = HostsHardware.model_validate(real.hardware(activates_within="4s"))
        hook = ReimageHook(argv=("touch", str(real.hosts.folder / "hosts" / "{host}" / "rebooting")))
        self.hardware = open_hosts(settings, real.folder, hook).hardware

    async def fail_next_apply(self) -> None:
        self.real.hosts.fault(self.host, "install_fails", times=1)

    async def slow_next_apply(self) -> None:
        self.real.hosts.fault(self.host, "slow", about="datacenter-gpu-manager", seconds=SLOW_S, times=1)

    async def lie_next_apply(self) -> None:
        self.real.hosts.fault(self.host, "version_unchanged", times=1)

    async def silence_bmc(self) -> None:
        # What answers for packages is the host itself.
        self.real.hosts.go_down(self.host)

    async def hold_back_next_reboot(self) -> None:
        self.real.hosts.fault(self.host, "not_back", times=1)

    async def gpu_resets(self) -> int:
        return sum(line["host"] == self.host for line in self.real.hosts.journal("gpu_reset"))

    async def hold_gpus(self) -> None:
        self.real.hosts.fault(self.host, "gpu_in_use")

    async def close(self) -> None:
        await self.hardware.close()


class RedfishCase(SshCase):
    """Firmware, by the BMC; reboots are the host's own."""

    plain = ("bmc", "1.1.0")
    rebooting = ("bios", "2.2.0")

    def __init__(self, real: RealHosts, host: str, slow_host: str) -> None:
        super().__init__(real, host)
        self.slow_host = slow_host

    async def seen_booted(self, boot_id: str) -> None:
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            boots = await asyncio.to_thread(self.real.bmcs.journal, self.host, "boot")
            if any(boot.detail["boot_id"] == boot_id for boot in boots):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"the BMC of {self.host} has not noticed boot {boot_id}")

    async def fail_next_apply(self) -> None:
        await self._fault(FaultKind.FAILS, times=1)

    async def slow_next_apply(self) -> None:
        self.host = self.slow_host

    async def lie_next_apply(self) -> None:
        await self._fault(FaultKind.UNCHANGED, times=1)

    async def silence_bmc(self) -> None:
        await self._fault(FaultKind.SILENT)

    async def _fault(self, kind: FaultKind, times: int | None = None) -> None:
        fault = Fault(kind=kind, hosts=(self.host,), times=times)
        await asyncio.to_thread(self.real.bmcs.set_faults, [fault])
