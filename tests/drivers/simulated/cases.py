"""The simulated cluster as the contract suite sees it."""

from pathlib import Path

from drivers.simulated import SimulatedCluster, SimulatedParts
from drivers.simulated.scheduler import SimulatedSchedulerDriver
from fleet.models.drivers import FaultKind, SimulatedFault
from fleet.models.scheduler import JobKind
from fleet.ports.fence import open_fence
from tests.drivers.contract.case import ContractCase, HardwareCase, Trouble, VerifierCase
from tests.drivers.simulated import world

TROUBLES: dict[Trouble, FaultKind] = {
    "garbage": "garbage_answer",
    "partial": "partial_answer",
    "stale": "stale_answer",
    "unreachable": "no_answer",
}


class SimulatedSchedulerCase(ContractCase):
    """A simulated cluster of sixteen hosts."""

    def __init__(self, parts: SimulatedParts, hands: SimulatedCluster) -> None:
        assert isinstance(parts.scheduler, SimulatedSchedulerDriver)
        self.parts, self.hands, self.scheduler = parts, hands, parts.scheduler
        self.driver = parts.scheduler
        self.hosts = hands.hosts()[:4]

    @classmethod
    async def open(cls, folder: Path) -> "SimulatedSchedulerCase":
        return cls(await world.opened(folder), world.cluster(folder))

    async def start_job(self, hosts: tuple[str, ...], *, requeueable: bool = True) -> str:
        kind = JobKind.REQUEUEABLE if requeueable else JobKind.NOT_REQUEUEABLE
        return self.hands.submit_job(hosts=hosts, kind=kind)

    async def queue_job(self, hosts: tuple[str, ...]) -> str:
        return self.hands.submit_job(hosts=hosts)

    async def end_job(self, job: str) -> None:
        self.hands.end_job(job)

    async def fail_job(self, job: str) -> None:
        self.hands.fail_job(job)

    async def hold_by_user(self, job: str) -> None:
        self.hands.hold_by_user(job)

    async def kill_daemon(self, host: str) -> None:
        self.hands.kill_daemon(host)

    async def drain_by_other(self, host: str, reason: str) -> None:
        self.hands.drain_by_other(host, reason)

    async def undrain_by_other(self, host: str) -> None:
        self.hands.undrain_by_other(host)

    async def leave_down(self, host: str) -> None:
        self.hands.leave_down(host)

    async def set_comment(self, host: str, comment: str) -> None:
        self.hands.set_comment(host, comment)

    async def set_features(self, host: str, features: tuple[str, ...]) -> None:
        self.hands.set_features(host, features)

    async def trouble(self, kind: Trouble | None) -> None:
        if kind is None:
            self.hands.clear_faults()
        else:
            self.hands.set_fault(SimulatedFault(kind=TROUBLES[kind], rate=1.0))

    async def signals(self, job: str) -> tuple[str, ...]:
        return tuple(r.detail["signal"] for r in self.hands.journal() if r.kind == "job_signalled" and r.job == job)

    async def readings(self) -> int:
        return self.driver.readings

    async def close(self) -> None:
        self.hands.close()
        await world.close(self.parts)


class SimulatedHardwareCase(HardwareCase):
    """A simulated host whose upgrades take a tenth of a second."""

    plain = ("bmc", "2.0")
    rebooting = ("gpu-driver", "550.2")

    def __init__(self, parts: SimulatedParts, hands: SimulatedCluster) -> None:
        assert parts.hardware is not None
        self.parts, self.hands, self.hardware = parts, hands, parts.hardware
        self.host = hands.hosts()[0]

    @classmethod
    async def open(cls, folder: Path) -> "SimulatedHardwareCase":
        settings, slow = world.stack("10s", "10s", "10s"), world.hardware(time_scale=100.0)
        return cls(await world.opened(folder, slow, stack_=settings), world.cluster(folder, slow, stack_=settings))

    async def fail_next_apply(self) -> None:
        self._fault("flash_fails")

    async def lie_next_apply(self) -> None:
        self._fault("version_unchanged")

    async def silence_bmc(self) -> None:
        self.hands.set_fault(SimulatedFault(kind="bmc_silent", host=self.host))

    async def hold_back_next_reboot(self) -> None:
        self._fault("host_not_back")

    async def gpu_resets(self) -> int:
        return sum(row.kind == "gpu_reset_started" for row in self.hands.journal())

    async def hold_gpus(self) -> None:
        await self.hardware.reboot(self.host, open_fence)

    async def close(self) -> None:
        self.hands.close()
        await world.close(self.parts)

    def _fault(self, kind: FaultKind) -> None:
        self.hands.set_fault(SimulatedFault(kind=kind, host=self.host, times=1))


class SimulatedVerifierCase(VerifierCase):
    """Two simulated hosts."""

    def __init__(self, parts: SimulatedParts, hands: SimulatedCluster) -> None:
        assert parts.verifier is not None
        self.parts, self.hands, self.verifier = parts, hands, parts.verifier
        self.hosts = (hands.hosts()[0], hands.hosts()[1])

    @classmethod
    async def open(cls, folder: Path) -> "SimulatedVerifierCase":
        return cls(await world.opened(folder), world.cluster(folder))

    async def break_health(self, host: str) -> None:
        self.hands.set_fault(SimulatedFault(kind="health_fails", host=host))

    async def slow_gpu(self, host: str) -> None:
        self.hands.set_fault(SimulatedFault(kind="gpu_slow", host=host))

    async def remove_tool(self, host: str) -> None:
        self.hands.set_fault(SimulatedFault(kind="health_inconclusive", host=host))

    async def close(self) -> None:
        self.hands.close()
        await world.close(self.parts)
