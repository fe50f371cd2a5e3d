"""From a cluster of the fleet file to its open drivers, by kind."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from drivers.simulated import SimulatedParts, open_simulated
from fleet.errors import InvalidInput
from fleet.models.drivers import PluginDriver, SlurmScheduler
from fleet.models.fleetfile import Cluster
from fleet.ports.hardware import Hardware
from fleet.ports.scheduler import Scheduler
from fleet.ports.verifier import Verifier


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


async def open_drivers(cluster: Cluster, data: Path) -> OpenDrivers:
    """Open a cluster's drivers; relative paths are under the data folder. Raises `InvalidInput`, and what the drivers
    themselves raise when they can't be opened.
    """
    drivers = cluster.drivers
    where = f"clusters.{cluster.name}.drivers"
    simulated = await open_simulated(drivers, cluster.stack, data)
    try:
        return OpenDrivers(
            scheduler=await _scheduler(drivers.scheduler, simulated, where, data),
            hardware=simulated.hardware or cast(Hardware, await _plugin(drivers.hardware, f"{where}.hardware", data)),
            verifier=simulated.verifier or cast(Verifier, await _plugin(drivers.verifier, f"{where}.verifier", data)),
        )
    except BaseException:
        for part in (simulated.scheduler, simulated.hardware, simulated.verifier):
            if part is not None:
                await part.close()
        raise


async def _scheduler(options: object, simulated: SimulatedParts, where: str, data: Path) -> Scheduler:
    if simulated.scheduler is not None:
        return simulated.scheduler
    if isinstance(options, SlurmScheduler):
        # Loaded only where a cluster names it.
        module = import_module("drivers.slurm")
        return cast(Scheduler, module.SlurmDriver(options))
    return cast(Scheduler, await _plugin(options, f"{where}.scheduler", data))


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
