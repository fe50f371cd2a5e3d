"""The port to one way of changing hosts: by the BMC, by SSH. The hardware driver of real hosts is made of several."""

from enum import StrEnum
from typing import Protocol

from fleet.models.hardware import DeviceTask
from fleet.ports.fence import Fence


class Activation(StrEnum):
    """What brings an upgrade that was written into effect; later members include the earlier ones."""

    NOTHING = "nothing"
    REBOOT = "reboot"
    POWER_CYCLE = "power_cycle"


class Mechanism(Protocol):
    """Serves the components that the fleet file gives it. Raises `Unreachable`, `BadAnswer` or `Refused`."""

    @property
    def components(self) -> frozenset[str]:
        """Names of the components that it serves, on any host."""
        ...

    async def versions(self, host: str) -> dict[str, str]:
        """Versions in effect now of the components it serves and this host has."""
        ...

    async def prepare(self, host: str, component: str, version: str, fence: Fence) -> None:
        """Fetch what `start_apply` of that version needs, with nothing changed in effect; at once where nothing is."""
        ...

    async def start_apply(self, host: str, component: str, version: str, fence: Fence) -> DeviceTask:
        """Begin an upgrade and return its task. `Refused` when the host is busy with another."""
        ...

    async def remembers_since(self, host: str, component: str) -> str | None:
        """Since when the device that `tasks` asks remembers its tasks, as a word that changes when it may have
        forgotten some, such as the time of a BMC's last reset; None when it does not tell.
        """
        ...

    async def tasks(self, host: str, component: str, fence: Fence | None = None) -> tuple[DeviceTask, ...]:
        """Upgrade tasks that the host knows of for a component, oldest first, ended ones too.

        With a fence, what is left for us to do to end an upgrade that was begun (such as the reset of a BMC) is done.
        """
        ...

    async def check_free(self, host: str, *, booting: bool = False) -> None:
        """Return when no upgrade of this mechanism runs on the host, whoever began it; `Refused`, naming it, else.

        `booting`: the host is about to be booted or reset, so that only what this would cut counts, and not what was
        written and waits for it.
        """
        ...

    async def pending(self, host: str) -> Activation:
        """What the host needs before everything written to it is in effect."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Boots(Protocol):
    """Boots of a host, and of its GPUs, by its operating system."""

    async def boot_id(self, host: str) -> str:
        """Id of the current boot. `Unreachable` while the host does not answer."""
        ...

    async def reboot(self, host: str, fence: Fence) -> None:
        """Begin a reboot and return."""
        ...

    async def reset_gpus(self, host: str, fence: Fence) -> None:
        """Reset every GPU and return when that is done. `Refused` when one would not be reset."""
        ...


class Power(Protocol):
    """Power of a host, by its BMC."""

    async def model(self, host: str) -> str:
        """The hardware model, as the fleet file names it, that fits what the BMC says of the host."""
        ...

    async def is_on(self, host: str) -> bool:
        """True when the host has power."""
        ...

    async def cycle(self, host: str, fence: Fence) -> None:
        """Take the power off and give it back. The fence stands before the first of the two; the second always follows.

        `Refused` only when nothing was begun.
        """
        ...

    async def give(self, host: str, fence: Fence) -> bool:
        """Give power to a host that has none; True when it had none."""
        ...
