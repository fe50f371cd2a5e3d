"""Simulated clusters for tests, on a clock that the test moves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from drivers.clock import wall
from drivers.simulated import SimulatedCluster, SimulatedParts, open_simulated
from drivers.simulated.schema import WorldSettings
from fleet.models.drivers import Drivers, SimulatedHardware, SimulatedJobs
from fleet.models.stack import Stack

INSTALLED = {"bmc": "1.0", "gpu-driver": "535.1", "cuda": "12.4"}


class Clock:
    """Wall clock that stands still until told."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


def stack(bmc: str = "10m", driver: str = "5m", reboot: str = "4m") -> Stack:
    return Stack.model_validate(
        {
            "layers": ["firmware", "driver", "libraries"],
            "split": "driver",
            "reboot_duration": reboot,
            "components": [
                {"name": "bmc", "layer": "firmware", "duration": bmc},
                {"name": "gpu-driver", "layer": "driver", "duration": driver, "reboot": True, "relates_to": ["cuda"]},
                {"name": "cuda", "layer": "libraries", "duration": "1m"},
            ],
        }
    )


def hardware(**changes: Any) -> SimulatedHardware:
    options: dict[str, Any] = {
        "kind": "simulated",
        "state": "sim.sqlite",
        "hosts": "gpu[001-016]",
        "installed": INSTALLED,
        "spread": 0.0,
        "verify_duration": "0s",
    }
    return SimulatedHardware.model_validate({**options, **changes})


def no_jobs() -> SimulatedJobs:
    return SimulatedJobs(load=0.0)


def drivers(hardware_: SimulatedHardware | None = None, jobs: SimulatedJobs | None = None, poll: str = "1s") -> Drivers:
    return Drivers.model_validate(
        {
            "scheduler": {
                "kind": "simulated",
                "state": "sim.sqlite",
                "jobs": (jobs or no_jobs()).model_dump(),
                "poll": poll,
            },
            "hardware": (hardware_ or hardware()).model_dump(),
            "verifier": {"kind": "simulated"},
        }
    )


def cluster(
    folder: Path,
    hardware_: SimulatedHardware | None = None,
    jobs: SimulatedJobs | None = None,
    clock: Callable[[], float] = wall,
    stack_: Stack | None = None,
) -> SimulatedCluster:
    """Hands on the cluster that `opened` opens with the same arguments."""
    settings = WorldSettings(hardware=hardware_ or hardware(), stack=stack_ or stack(), jobs=jobs or no_jobs())
    return SimulatedCluster(folder / "sim.sqlite", settings, clock)


async def opened(
    folder: Path,
    hardware_: SimulatedHardware | None = None,
    jobs: SimulatedJobs | None = None,
    clock: Callable[[], float] = wall,
    stack_: Stack | None = None,
) -> SimulatedParts:
    """Open all three parts of the simulated cluster in `folder`."""
    return await open_simulated(drivers(hardware_, jobs), stack_ or stack(), folder, clock)


async def close(parts: SimulatedParts) -> None:
    for part in (parts.scheduler, parts.hardware, parts.verifier):
        if part is not None:
            await part.close()
