"""What a driver brings to the contract suite: its ports, and hands that do to the outside world what other people,
jobs and accidents do. The suite calls nothing else, so a driver passes it without the suite knowing which one it is.

A driver's tests subclass `SchedulerContract`, `HardwareContract` or `VerifierContract` (in `tests.drivers.contract`)
and provide an async fixture `case` that yields the matching case.
"""

from abc import ABC, abstractmethod
from typing import Literal

from fleet.errors import DriverError, Refused
from fleet.ports.hardware import Hardware
from fleet.ports.scheduler import Scheduler
from fleet.ports.verifier import Verifier

Trouble = Literal["garbage", "partial", "stale", "unreachable"]
"""How the scheduler's answers go bad: not parseable; nodes missing; a reading begun too early; no answer."""


class ContractCase(ABC):
    """A fresh world of at least four idle, undrained hosts without jobs."""

    scheduler: Scheduler
    hosts: tuple[str, ...]
    patience: float = 10.0
    """Real seconds within which the world shows what a hand did, or a device ends what it began."""

    # --- hands on the scheduler's world -------------------------------------------------------------------------

    @abstractmethod
    async def start_job(self, hosts: tuple[str, ...], *, requeueable: bool = True) -> str:
        """Start one gang job on exactly these hosts that runs until it is ended; return its id once it runs."""

    @abstractmethod
    async def queue_job(self, hosts: tuple[str, ...]) -> str:
        """Put such a job in line and return its id, whether it runs or waits."""

    @abstractmethod
    async def end_job(self, job: str) -> None:
        """Let a job end by itself, and return once it has left its hosts."""

    @abstractmethod
    async def fail_job(self, job: str) -> None:
        """Let a job's own processes fail, and return once it has left its hosts."""

    @abstractmethod
    async def hold_by_user(self, job: str) -> None:
        """The user of a job in line takes it from whoever holds it, and holds it."""

    @abstractmethod
    async def kill_daemon(self, host: str) -> None:
        """The scheduler's daemon on the host dies; return once the scheduler has noticed."""

    @abstractmethod
    async def drain_by_other(self, host: str, reason: str) -> None:
        """Somebody else drains the host, replacing whatever reason is on it, as schedulers let them."""

    @abstractmethod
    async def undrain_by_other(self, host: str) -> None:
        """Somebody else lifts whatever drain is on the host."""

    @abstractmethod
    async def leave_down(self, host: str) -> None:
        """The node is left DOWN as after a reboot that the scheduler did not expect; a drain on it stays."""

    @abstractmethod
    async def set_comment(self, host: str, comment: str) -> None:
        """Somebody writes a comment on the node."""

    @abstractmethod
    async def set_features(self, host: str, features: tuple[str, ...]) -> None:
        """Somebody makes the node's features be exactly these, available and active."""

    @abstractmethod
    async def trouble(self, kind: Trouble | None) -> None:
        """Make every following reading of the scheduler bad in this way; None makes them good again."""

    @abstractmethod
    async def signals(self, job: str) -> tuple[str, ...]:
        """Signals the job was sent so far, oldest first, such as `USR1`."""

    @abstractmethod
    async def readings(self) -> int:
        """How many whole readings of the scheduler the driver has made so far."""

    @abstractmethod
    async def close(self) -> None:
        """Take the world down."""


class HardwareCase(ABC):
    """A fresh host with an idle BMC."""

    hardware: Hardware
    host: str
    plain: tuple[str, str]
    """A component and a version to reach that is in effect without a reboot."""
    rebooting: tuple[str, str]
    """A component and a version to reach that is in effect after a reboot."""
    patience: float = 10.0
    model: str | None = None
    """The host's hardware model, as the fleet file names it."""
    unknown: type[DriverError] = Refused
    """How a name that no host has is answered."""

    @abstractmethod
    async def gpu_resets(self) -> int:
        """How often the host's GPUs were reset so far."""

    @abstractmethod
    async def hold_gpus(self) -> None:
        """The host's GPUs are in a state in which they are not reset."""

    async def seen_booted(self, boot_id: str) -> None:  # noqa: B027 - most hosts show it at once
        """Wait until all that the boot brings shows: a BMC may notice it a moment after the host is back."""

    @abstractmethod
    async def fail_next_apply(self) -> None:
        """The next upgrade on the host ends as failed."""

    async def slow_next_apply(self) -> None:  # noqa: B027 - most upgrades last longer than a call
        """The next upgrade of `plain` lasts for seconds; before it is begun, `host` may change."""

    @abstractmethod
    async def lie_next_apply(self) -> None:
        """The next upgrade on the host says done and leaves the version as it was."""

    @abstractmethod
    async def silence_bmc(self) -> None:
        """The BMC stops answering."""

    @abstractmethod
    async def hold_back_next_reboot(self) -> None:
        """The host does not come back from its next reboot."""

    @abstractmethod
    async def close(self) -> None:
        """Take the world down."""


class VerifierCase(ABC):
    """Two healthy hosts."""

    verifier: Verifier
    hosts: tuple[str, str]

    @abstractmethod
    async def break_health(self, host: str) -> None:
        """Health checks on the host find it broken from now on."""

    @abstractmethod
    async def slow_gpu(self, host: str) -> None:
        """The host's GPUs are slow from now on."""

    @abstractmethod
    async def remove_tool(self, host: str) -> None:
        """The health check's tool no longer gives an answer on the host."""

    @abstractmethod
    async def close(self) -> None:
        """Take the world down."""
