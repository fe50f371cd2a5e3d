"""From a fleet file's drivers to the simulated parts among them, all on one file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from drivers.clock import wall
from drivers.simulated.happenings import open_world
from drivers.simulated.hardware import SimulatedHardwareDriver
from drivers.simulated.scheduler import SimulatedSchedulerDriver
from drivers.simulated.schema import WorldSettings, host_names
from drivers.simulated.verifier import SimulatedVerifierDriver
from fleet.errors import InvalidInput
from fleet.models.drivers import Drivers, SimulatedHardware, SimulatedScheduler, SimulatedVerifier
from fleet.models.stack import Stack
from fleet.ports.hardware import Hardware
from fleet.ports.scheduler import Scheduler
from fleet.ports.verifier import Verifier


@dataclass(frozen=True)
class SimulatedParts:
    """The parts that are simulated; None for those that are not."""

    scheduler: Scheduler | None = None
    hardware: Hardware | None = None
    verifier: Verifier | None = None


async def open_simulated(
    drivers: Drivers, stack: Stack, data: Path, clock: Callable[[], float] = wall
) -> SimulatedParts:
    """Open the simulated parts; the file is made if there is none.

    Raises `InvalidInput` when a simulated scheduler or verifier has no simulated hardware to be about, when the two
    name different files, or when the file there is that of another cluster.
    """
    scheduler, hardware, verifier = drivers.scheduler, drivers.hardware, drivers.verifier
    simulated_scheduler = scheduler if isinstance(scheduler, SimulatedScheduler) else None
    simulated_verifier = verifier if isinstance(verifier, SimulatedVerifier) else None
    if not isinstance(hardware, SimulatedHardware):
        for name, part in (("scheduler", simulated_scheduler), ("verifier", simulated_verifier)):
            if part is not None:
                raise InvalidInput("drivers", name, "a simulated one needs hardware of kind simulated beside it")
        return SimulatedParts()
    if simulated_scheduler is not None and simulated_scheduler.state != hardware.state:
        raise InvalidInput("drivers", "scheduler.state", f"expected the hardware's file {hardware.state!r}")
    jobs = None if simulated_scheduler is None else simulated_scheduler.jobs
    host_names(hardware, "drivers")
    world = open_world(data / hardware.state, WorldSettings(hardware=hardware, stack=stack, jobs=jobs), clock)
    await world.looking(lambda tx: tx.sim)  # opens the file now, so that what is wrong with it is told now
    return SimulatedParts(
        scheduler=None
        if simulated_scheduler is None
        else SimulatedSchedulerDriver(world.attach(), simulated_scheduler.poll.total_seconds()),
        hardware=SimulatedHardwareDriver(world),
        verifier=None if simulated_verifier is None else SimulatedVerifierDriver(world.attach()),
    )
