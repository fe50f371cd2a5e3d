"""A simulated cluster with instant upgrades, played on by a test, and an observer of its journal."""

from collections.abc import Callable

from drivers.simulated import SimulatedCluster
from drivers.simulated.happenings import open_world
from drivers.simulated.journal import replay
from drivers.simulated.tx import Tx
from fleet.models.verification import VerificationTask
from fleet.ports.fence import open_fence
from starter.demo.observer import Observer
from starter.demo.pool_books import PoolLimits

HOSTS = tuple(f"gpu{n:03d}" for n in range(1, 9))
OURS, REPAIR = "maintrain:planned:op1", "maintrain:repair:repair/sim/gpu001/1"
OLD, NEW = {"bmc": "1.0", "gpu-driver": "535.1"}, {"bmc": "2.0", "gpu-driver": "550"}


def limits(**changes) -> PoolLimits:
    chosen = {"name": "gpu", "members": HOSTS, "planned_buffer": 2, "floor": 5, "allowed": (OLD, NEW), **changes}
    return PoolLimits(**chosen)


class Stage:
    """A simulated cluster with instant upgrades, and an observer of its journal."""

    def __init__(self, folder, parts, hands: SimulatedCluster) -> None:
        self.path, self.parts, self.hands = folder / "sim.sqlite", parts, hands
        self.scheduler, self.hardware, self.verifier = parts.scheduler, parts.hardware, parts.verifier

    async def drain(self, *hosts: str, reason: str = OURS) -> None:
        for host in hosts:
            await self.scheduler.drain(host, reason, open_fence)

    async def flash(self, host: str, component: str = "bmc", version: str = "2.0") -> None:
        await self.hardware.start_apply(host, component, version, open_fence)

    async def reboot(self, host: str) -> None:
        await self.hardware.reboot(host, open_fence)

    async def verify(self, host: str, *tasks: VerificationTask) -> None:
        for task in tasks or VerificationTask:
            await self.verifier.verify(task, host, ("gpu008",), pool="gpu")

    async def undrain(self, host: str, reason: str = OURS) -> None:
        await self.scheduler.undrain(host, reason, open_fence, rebooted=True)

    async def visit(self, host: str) -> None:
        await self.drain(host)
        await self.flash(host)
        await self.flash(host, "gpu-driver", "550")
        await self.reboot(host)
        await self.verify(host)
        await self.undrain(host)

    def wrong(self, act: Callable[[Tx], object]) -> None:
        """Do what the drivers refuse to do."""
        crooked = open_world(self.path, None)
        crooked.change(act)
        crooked.close_now()

    def observer(self, overrides=(), reboots_per_operation=1, **changes) -> Observer:
        observer = Observer((limits(**changes),), reboots_per_operation, overrides)
        for snapshot in replay(self.path):
            observer.see(snapshot)
        return observer

    def kinds(self, **changes) -> list[str]:
        return [v.kind for v in self.observer(**changes).violations]
