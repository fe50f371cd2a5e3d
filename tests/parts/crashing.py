"""A plugin driver over the simulated cluster whose worker dies by SIGKILL at named points, once each.

A point is `host@call:when` (of a reservation: `name@call:when`): the call is a port's method, `when` is `before` or
`after` its effect. A mark in a folder shared by all worker processes says which have fired.
"""

import os
import signal
from pathlib import Path

from drivers.simulated import SimulatedParts, open_simulated
from fleet.models.command import CommandResult
from fleet.models.hardware import DeviceTask
from fleet.models.scheduler import ClusterView, JobRun
from fleet.models.verification import Verification, VerificationTask
from fleet.ports.fence import Fence
from fleet.ports.hardware import Hardware
from fleet.ports.scheduler import Scheduler
from fleet.ports.verifier import Verifier
from starter.fleetfile import read_fleet

Options = dict[str, str | int | float | bool]


class Points:
    """The points at which a worker dies."""

    def __init__(self, options: Options) -> None:
        self._points = set(str(options["points"]).split(","))
        self._marks = Path(str(options["marks"]))

    def reach(self, host: str, call: str, when: str) -> None:
        """Die here if this point is named and has not fired."""
        point = f"{host}@{call}:{when}"
        if point not in self._points:
            return
        try:
            (self._marks / point).touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


async def _inner(options: Options, data: Path) -> SimulatedParts:
    fleet, _ = read_fleet(Path(str(options["inner"])))
    cluster = fleet.clusters[0]
    return await open_simulated(cluster.drivers, cluster.stack, data)


class CrashingScheduler:
    """The simulated scheduler, deadly around drain, undrain, rewrite_reason, closing and opening."""

    def __init__(self, inner: Scheduler, points: Points) -> None:
        self._inner, self._points = inner, points

    async def view(self, not_before: float = 0.0) -> ClusterView:
        return await self._inner.view(not_before)

    async def drain(self, host: str, reason: str, fence: Fence) -> None:
        self._points.reach(host, "drain", "before")
        await self._inner.drain(host, reason, fence)
        self._points.reach(host, "drain", "after")

    async def rewrite_reason(self, host: str, owned: str, reason: str, fence: Fence) -> None:
        self._points.reach(host, "rewrite_reason", "before")
        await self._inner.rewrite_reason(host, owned, reason, fence)
        self._points.reach(host, "rewrite_reason", "after")

    async def replace_hold(self, host: str, found: str, reason: str, fence: Fence) -> None:
        self._points.reach(host, "replace_hold", "before")
        await self._inner.replace_hold(host, found, reason, fence)
        self._points.reach(host, "replace_hold", "after")

    async def undrain(self, host: str, owned: str, fence: Fence, *, rebooted: bool) -> None:
        self._points.reach(host, "undrain", "before")
        await self._inner.undrain(host, owned, fence, rebooted=rebooted)
        self._points.reach(host, "undrain", "after")

    async def signal_jobs(self, jobs: tuple[str, ...], signal: str) -> None:
        await self._inner.signal_jobs(jobs, signal)

    async def requeue(self, jobs: tuple[str, ...], fence: Fence) -> None:
        await self._inner.requeue(jobs, fence)

    async def cancel(self, jobs: tuple[str, ...], fence: Fence) -> None:
        await self._inner.cancel(jobs, fence)

    async def requeue_held(self, jobs: tuple[str, ...], fence: Fence) -> None:
        await self._inner.requeue_held(jobs, fence)

    async def release_held(self, jobs: tuple[str, ...], fence: Fence) -> None:
        await self._inner.release_held(jobs, fence)

    async def close_to_jobs(self, hosts: tuple[str, ...], name: str, limit: float, fence: Fence) -> None:
        self._points.reach(name, "close", "before")
        await self._inner.close_to_jobs(hosts, name, limit, fence)
        self._points.reach(name, "close", "after")

    async def open_to_jobs(self, name: str, fence: Fence) -> None:
        self._points.reach(name, "open", "before")
        await self._inner.open_to_jobs(name, fence)
        self._points.reach(name, "open", "after")

    async def note_on_job(self, job: str, note: str) -> None:
        await self._inner.note_on_job(job, note)

    async def publish_features(self, host: str, features: tuple[str, ...], fence: Fence) -> None:
        self._points.reach(host, "publish", "before")
        await self._inner.publish_features(host, features, fence)
        self._points.reach(host, "publish", "after")

    async def job_run(self, job: str) -> JobRun:
        return await self._inner.job_run(job)

    async def borrow(self, host: str, why: str, limit: float, fence: Fence) -> str | None:
        self._points.reach(host, "borrow", "before")
        job = await self._inner.borrow(host, why, limit, fence)
        self._points.reach(host, "borrow", "after")
        return job

    async def give_back(self, job: str) -> None:
        await self._inner.give_back(job)

    async def close(self) -> None:
        await self._inner.close()


class CrashingHardware:
    """The simulated hardware, deadly around the starts of upgrades and reboots, and while they run."""

    def __init__(self, inner: Hardware, points: Points) -> None:
        self._inner, self._points = inner, points

    async def versions(self, host: str) -> dict[str, str]:
        found = await self._inner.versions(host)
        if found.get("nic-firmware") == "1.1":  # the first look after the reboot, and the gate's
            self._points.reach(host, "versions", "after")
        return found

    async def boot_id(self, host: str) -> str | None:
        found = await self._inner.boot_id(host)
        if found is None:
            self._points.reach(host, "boot_id", "after")
        return found

    async def prepare(self, host: str, component: str, version: str, fence: Fence) -> None:
        self._points.reach(host, f"prepare-{component}", "before")
        await self._inner.prepare(host, component, version, fence)
        self._points.reach(host, f"prepare-{component}", "after")

    async def start_apply(self, host: str, component: str, version: str, fence: Fence) -> DeviceTask:
        self._points.reach(host, f"apply-{component}", "before")
        task = await self._inner.start_apply(host, component, version, fence)
        self._points.reach(host, f"apply-{component}", "after")
        return task

    async def remembers_since(self, host: str, component: str) -> str | None:
        return await self._inner.remembers_since(host, component)

    async def tasks(self, host: str, component: str, fence: Fence | None = None) -> tuple[DeviceTask, ...]:
        found = await self._inner.tasks(host, component, fence)
        if any(t.state == "running" for t in found):
            self._points.reach(host, f"apply-{component}", "during")
        return found

    async def reboot(self, host: str, fence: Fence) -> None:
        self._points.reach(host, "reboot", "before")
        await self._inner.reboot(host, fence)
        self._points.reach(host, "reboot", "after")

    async def reset_gpus(self, host: str, fence: Fence) -> None:
        self._points.reach(host, "gpu_reset", "before")
        await self._inner.reset_gpus(host, fence)
        self._points.reach(host, "gpu_reset", "after")

    async def power_cycle(self, host: str, fence: Fence) -> None:
        self._points.reach(host, "power_cycle", "before")
        await self._inner.power_cycle(host, fence)
        self._points.reach(host, "power_cycle", "after")

    async def give_power(self, host: str, fence: Fence) -> bool:
        return await self._inner.give_power(host, fence)

    async def model(self, host: str) -> str | None:
        return await self._inner.model(host)

    async def reimage(self, host: str, fence: Fence) -> CommandResult:
        return await self._inner.reimage(host, fence)

    async def close(self) -> None:
        await self._inner.close()


class CrashingVerifier:
    """The simulated verifier, deadly around each task."""

    def __init__(self, inner: Verifier, points: Points) -> None:
        self._inner, self._points = inner, points

    async def verify(self, task: VerificationTask, host: str, partners: tuple[str, ...], *, pool: str) -> Verification:
        self._points.reach(host, f"verify-{task}", "before")
        found = await self._inner.verify(task, host, partners, pool=pool)
        self._points.reach(host, f"verify-{task}", "after")
        return found

    async def close(self) -> None:
        await self._inner.close()


async def scheduler(options: Options, data: Path) -> Scheduler:
    """Factory of `drivers.scheduler`."""
    inner = (await _inner(options, data)).scheduler
    assert inner is not None
    return CrashingScheduler(inner, Points(options))


async def hardware(options: Options, data: Path) -> Hardware:
    """Factory of `drivers.hardware`."""
    inner = (await _inner(options, data)).hardware
    assert inner is not None
    return CrashingHardware(inner, Points(options))


async def verifier(options: Options, data: Path) -> Verifier:
    """Factory of `drivers.verifier`."""
    inner = (await _inner(options, data)).verifier
    assert inner is not None
    return CrashingVerifier(inner, Points(options))
