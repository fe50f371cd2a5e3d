"""The port to hosts' hardware and software: inventory, upgrades, reboots, and what the repair ladder does to them."""

from typing import Protocol

from fleet.models.command import CommandResult
from fleet.models.hardware import DeviceTask
from fleet.ports.fence import Fence


class Hardware(Protocol):
    """Hands on a cluster's hosts. Raises `Unreachable`, `BadAnswer` or `Refused` (busy, unknown host, no way to do it;
    then nothing was begun).
    """

    async def versions(self, host: str) -> dict[str, str]:
        """Versions in effect now, by component, job-facing ones too, read from the host and its BMC."""
        ...

    async def model(self, host: str) -> str | None:
        """The hardware model as the fleet file names it; None where nothing tells it."""
        ...

    async def boot_id(self, host: str) -> str | None:
        """Id of the host's current boot, or None while the host does not answer but its BMC does."""
        ...

    async def prepare(self, host: str, component: str, version: str, fence: Fence) -> None:
        """Fetch what a later `start_apply` of that version needs, in production: nothing that jobs see changes.

        Returns when it is there, at once for a component that has nothing to fetch; repeating it is harmless. `Refused`
        when it can't be had.
        """
        ...

    async def start_apply(self, host: str, component: str, version: str, fence: Fence) -> DeviceTask:
        """Begin an upgrade and return its task. `Refused` when the device is busy with another."""
        ...

    async def remembers_since(self, host: str, component: str) -> str | None:
        """Since when the device that `tasks` asks remembers its tasks, as a word that changes when it may have
        forgotten some, such as the time of a BMC's last reset; None when it does not tell.
        """
        ...

    async def tasks(self, host: str, component: str, fence: Fence | None = None) -> tuple[DeviceTask, ...]:
        """Upgrade tasks that the device knows of for a component, oldest first, ended ones too.

        With a fence, what is left for us to do to end an upgrade that was begun (such as the reset of a BMC) is done.
        """
        ...

    async def reboot(self, host: str, fence: Fence) -> None:
        """Begin a reboot and return; the boot id changes when the host is back."""
        ...

    async def reset_gpus(self, host: str, fence: Fence) -> None:
        """Reset every GPU of the host, and return when that is done. `Refused` also when a GPU would not be reset."""
        ...

    async def power_cycle(self, host: str, fence: Fence) -> None:
        """Take the host's power off and give it back, or only give it; the boot id changes when the host is back."""
        ...

    async def give_power(self, host: str, fence: Fence) -> bool:
        """Give power to a host that has none, such as when who took it off died before they gave it back; True when it
        had none. Nothing is done to one that has power, or of which nobody can tell. `Refused` while its firmware is
        being written, for which it may be off, or where that can't be told.
        """
        ...

    async def reimage(self, host: str, fence: Fence) -> CommandResult:
        """Have the host installed anew, and return when the site's way of doing it has ended, with what that said: only
        status 0 says that it was done. The boot id changes when the host is back.
        """
        ...

    async def close(self) -> None:
        """Let go of connections and files."""
        ...
