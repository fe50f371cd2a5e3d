"""From a cluster of the fleet file to its open drivers, by kind."""

import inspect
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fleet.errors import InvalidInput
from fleet.models.drivers import PluginDriver, SlurmScheduler
from fleet.models.fleetfile import Announce, Cluster
from fleet.models.hosts import HostsHardware
from fleet.models.verifiers import ToolsVerifier
from fleet.ports.baselines import Baselines
from fleet.ports.hardware import Hardware
from fleet.ports.images import ImageBook
from fleet.ports.remote import Remote
from fleet.ports.scheduler import Scheduler
from fleet.ports.verifier import Verifier

if TYPE_CHECKING:
    from drivers.simulated import SimulatedParts


@dataclass(frozen=True)
class OpenDrivers:
    """The hands of a cluster, open."""

    scheduler: Scheduler
    hardware: Hardware
    verifier: Verifier

    async def close(self) -> None:
        """Close all three, also when one of them fails to."""
        try:
            await self.scheduler.close()
        finally:
            try:
                await self.hardware.close()
            finally:
                await self.verifier.close()


async def open_drivers(
    cluster: Cluster, data: Path, baselines: Baselines, images: ImageBook | None = None
) -> OpenDrivers:
    """Open a cluster's drivers; relative paths are under the data folder. `baselines` is what verifications compare
    their measurements with, `images` has those that rollouts bring. Raises `InvalidInput`, and what the drivers
    themselves raise when they can't be opened.
    """
    drivers = cluster.drivers
    where = f"clusters.{cluster.name}.drivers"
    async with AsyncExitStack() as opening:
        opened = import_module("drivers.simulated").open_simulated(drivers, cluster.stack, data)
        simulated = cast("SimulatedParts", await opened)
        for part in (simulated.scheduler, simulated.hardware, simulated.verifier):
            if part is not None:
                opening.push_async_callback(part.close)
        scheduler = simulated.scheduler
        if scheduler is None:
            scheduler = await _scheduler(drivers.scheduler, where, data)
            opening.push_async_callback(scheduler.close)
        if cluster.publish_versions and not hasattr(scheduler, "publish_features"):
            expected = "expected none, or a scheduler driver with publish_features"
            raise InvalidInput(f"clusters.{cluster.name}", "publish_versions", expected)
        if cluster.announce is Announce.RESERVATION and not hasattr(scheduler, "announce"):
            expected = "expected none, or a scheduler driver with announce"
            raise InvalidInput(f"clusters.{cluster.name}", "announce", expected)
        hardware, remote = simulated.hardware, None
        if hardware is None:
            hardware, remote = await _hardware(cluster, where, data, images)
            opening.push_async_callback(hardware.close)
        verifier = simulated.verifier
        if isinstance(drivers.verifier, ToolsVerifier):
            verifier = _tools(drivers.verifier, remote, baselines, cluster.name)
        elif verifier is None:
            verifier = cast(Verifier, await _plugin(drivers.verifier, f"{where}.verifier", data))
        opening.pop_all()  # open from here on: whoever asked for them closes them
        return OpenDrivers(scheduler, hardware, verifier)


async def _scheduler(options: object, where: str, data: Path) -> Scheduler:
    if isinstance(options, SlurmScheduler):
        # Loaded only where a cluster names it, as everything here that needs more than the standard library.
        module = import_module("drivers.slurm")
        return cast(Scheduler, module.SlurmDriver(options))
    return cast(Scheduler, await _plugin(options, f"{where}.scheduler", data))


async def _hardware(
    cluster: Cluster, where: str, data: Path, images: ImageBook | None
) -> tuple[Hardware, Remote | None]:
    """The driver, and the connections to its hosts where it has some."""
    options = cluster.drivers.hardware
    if isinstance(options, HostsHardware):
        parts = import_module("drivers.hosts").open_hosts(options, data, cluster.repair.reimage, images)
        return cast(Hardware, parts.hardware), cast(Remote, parts.remote)
    return cast(Hardware, await _plugin(options, f"{where}.hardware", data)), None


def _tools(options: ToolsVerifier, remote: Remote | None, baselines: Baselines, cluster: str) -> Verifier:
    if remote is None:
        expected = "expected 'hosts': a verifier of kind tools runs through their SSH"
        raise InvalidInput(f"clusters.{cluster}.drivers", "hardware.kind", expected)
    module = import_module("drivers.verification")
    return cast(Verifier, module.ToolVerifier(options, remote, baselines, cluster))


async def _plugin(options: object, where: str, data: Path) -> object:
    """Call `module:function` with (options, data folder). Raises `InvalidInput` when there is no such thing."""
    assert isinstance(options, PluginDriver)
    module_name, _, function = options.factory.partition(":")
    try:
        factory: Callable[..., Any] = getattr(import_module(module_name), function)
    except (ImportError, AttributeError) as error:
        raise InvalidInput(f"{where}.factory", options.factory, f"expected an importable function: {error}") from error
    if not callable(factory):
        raise InvalidInput(f"{where}.factory", options.factory, "expected a function")
    made = factory(dict(options.options), data)
    return await made if inspect.isawaitable(made) else made
