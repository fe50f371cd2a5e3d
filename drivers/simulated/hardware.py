"""Simulated hosts, behind `fleet.ports.hardware`."""

from drivers.simulated import machines
from drivers.simulated.world import World
from fleet.models.command import CommandResult
from fleet.models.hardware import DeviceTask
from fleet.ports.fence import Fence

BMC_FAULTS = ("bmc_silent",)


class SimulatedHardwareDriver:
    """Hardware of a simulated world."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def versions(self, host: str) -> dict[str, str]:
        """See the port."""
        return await self._world.glancing(lambda tx: machines.versions(tx, host), BMC_FAULTS)

    async def model(self, host: str) -> str | None:
        """See the port."""
        return await self._world.glancing(lambda tx: machines.model(tx, host), BMC_FAULTS)

    async def boot_id(self, host: str) -> str | None:
        """See the port."""
        return await self._world.glancing(lambda tx: machines.boot_id(tx, host), BMC_FAULTS)

    async def prepare(self, host: str, component: str, version: str, fence: Fence) -> None:
        """See the port."""
        await fence()
        await self._world.changing(lambda tx: machines.prepare(tx, host, component, version))

    async def start_apply(self, host: str, component: str, version: str, fence: Fence) -> DeviceTask:
        """See the port."""
        await fence()
        return await self._world.changing(lambda tx: machines.start_apply(tx, host, component, version))

    async def remembers_since(self, host: str, component: str) -> str | None:
        """See the port. A simulated BMC forgets nothing."""
        return "ever"

    async def tasks(self, host: str, component: str, fence: Fence | None = None) -> tuple[DeviceTask, ...]:
        """See the port."""
        return await self._world.glancing(lambda tx: machines.tasks(tx, host, component), BMC_FAULTS)

    async def reboot(self, host: str, fence: Fence) -> None:
        """See the port."""
        await fence()
        await self._world.changing(lambda tx: machines.reboot(tx, host))

    async def reset_gpus(self, host: str, fence: Fence) -> None:
        """See the port."""
        await fence()
        await self._world.changing(lambda tx: machines.reset_gpus(tx, host))

    async def power_cycle(self, host: str, fence: Fence) -> None:
        """See the port."""
        await fence()
        await self._world.changing(lambda tx: machines.power_cycle(tx, host))

    async def give_power(self, host: str, fence: Fence) -> bool:
        """See the port. A simulated power cycle is of one piece."""
        return False

    async def reimage(self, host: str, fence: Fence) -> CommandResult:
        """See the port. A simulated host needs no program for it."""
        await fence()
        await self._world.changing(lambda tx: machines.reimage(tx, host))
        return CommandResult(argv=("reimage", host), status=0, stdout="", stderr="", seconds=0.0)

    async def close(self) -> None:
        """See the port."""
        await self._world.close()
