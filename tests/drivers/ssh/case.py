"""What the tests of upgrades by SSH share."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from drivers.ssh import SshMechanism, SshRemote
from fleet.errors import Unreachable
from fleet.models.hardware import DeviceTask, TaskState
from fleet.models.ssh import Ssh
from fleet.ports.fence import open_fence
from tests.emulators.hosts import HostFarm

HOST = "gpu001"
COMPONENTS: dict[str, dict[str, Any]] = {
    "dcgm": {"kind": "ready", "name": "apt-dcgm"},
    "toolkit": {"kind": "ready", "name": "apt-container-toolkit"},
    "gpu-driver": {"kind": "ready", "name": "apt-nvidia-driver", "parameters": {"proc": "proc"}},
    "kernel": {"kind": "ready", "name": "apt-kernel"},
}


def settings(farm: HostFarm, components: dict[str, Any] | None = None, **more: Any) -> Ssh:
    return Ssh(**farm.options(components=COMPONENTS if components is None else components, **more))


@asynccontextmanager
async def opened(farm: HostFarm, components: dict[str, Any] | None = None, **more: Any) -> AsyncIterator[SshMechanism]:
    """A mechanism of its own: another process's, as far as it knows."""
    options = settings(farm, components, **more)
    remote = SshRemote(options, Path("/"))
    mechanism = SshMechanism(options, remote)
    try:
        yield mechanism
    finally:
        await mechanism.close()
        await remote.close()


async def ended(mechanism: SshMechanism, task: DeviceTask, host: str = HOST) -> DeviceTask:
    """The task once it has ended."""
    deadline = time.monotonic() + 20
    while True:
        found = next(t for t in await mechanism.tasks(host, task.component) if t.id == task.id)
        if found.state is not TaskState.RUNNING:
            return found
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)


def own(install: list[str], **more: Any) -> dict[str, Any]:
    """A recipe of the fleet file's own for a component that is a file on the host."""
    probe = {"argv": ["cat", "installed"], "absent_exits": [1]}
    return {"kind": "own", "probe": probe, "install": install, **more}


def installs(farm: HostFarm) -> list[tuple[str, str]]:
    return [(line["package"], line["version"]) for line in farm.journal("install")]


async def apply(mechanism: SshMechanism, component: str, version: str) -> DeviceTask:
    return await ended(mechanism, await mechanism.start_apply(HOST, component, version, open_fence))


async def reboot(mechanism: SshMechanism) -> None:
    before = await mechanism.boot_id(HOST)
    await mechanism.reboot(HOST, open_fence)
    for _ in range(200):
        try:
            if await mechanism.boot_id(HOST) != before:
                return
        except Unreachable:
            pass
        await asyncio.sleep(0.05)
    raise AssertionError("the host did not come back")
