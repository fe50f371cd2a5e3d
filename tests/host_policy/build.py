"""A small cluster to decide about: bmc, kernel and gpu-driver slide under pinned cuda and nccl."""

from datetime import UTC, datetime, timedelta

from fleet.models.drivers import Drivers, SimulatedHardware, SimulatedScheduler, SimulatedVerifier
from fleet.models.fleetfile import Cluster
from fleet.models.matrix import MatrixEntry, Verdict
from fleet.models.pool import DomainSpec, DrainPolicy, HostSelector, Pool
from fleet.models.stack import Component, Stack

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OBSERVED = {"bmc": "1.0", "nic": "28.1", "kernel": "6.1.0", "gpu-driver": "550.54", "cuda": "12.4", "nccl": "2.20"}
PINS = {"cuda": "12.4", "nccl": "2.20"}
DESIRED = {"bmc": "1.1", "kernel": "6.1.9", "gpu-driver": "550.90"}


def component(name: str, layer: str, **changes) -> Component:
    return Component(name=name, layer=layer, **{"duration": timedelta(minutes=10), **changes})


COMPONENTS = (
    component("gpu-driver", "driver", relates_to=("cuda", "nccl")),
    component("kernel", "os", reboot=True, relates_to=("cuda",)),
    component("bmc", "firmware"),
    component("nic", "firmware", relates_to=("nccl",)),
    component("cuda", "runtime"),
    component("nccl", "runtime"),
)


def entry(components: dict[str, str], pins: dict[str, str], verdict: Verdict = Verdict.TESTED) -> MatrixEntry:
    return MatrixEntry(components=components, pins=pins, verdict=verdict, evidence="ticket 7")


ANYTHING = entry({"gpu-driver": "*", "kernel": "*", "nic": "*"}, PINS)


def pool(**changes) -> Pool:
    values = {
        "name": "gpu-train",
        "hosts": HostSelector(names="gpu[001-016]"),
        "domain": DomainSpec(size=4),
        "failure_buffer": 2,
        "cycle_bound": timedelta(days=7),
        "drain": DrainPolicy(deadline=timedelta(hours=1)),
        "visit_budget": timedelta(hours=2),
    }
    return Pool(**{**values, **changes})


def cluster(**changes) -> Cluster:
    values = {
        "name": "east",
        "drivers": Drivers(
            scheduler=SimulatedScheduler(kind="simulated", state="east.db"),
            hardware=SimulatedHardware(kind="simulated", state="east.db", hosts="gpu[001-016]", installed=OBSERVED),
            verifier=SimulatedVerifier(kind="simulated"),
        ),
        "stack": stack(COMPONENTS),
        "pins": PINS,
        "desired": DESIRED,
        "pools": (pool(),),
    }
    return Cluster(**{**values, **changes})


def stack(components: tuple[Component, ...]) -> Stack:
    return Stack(
        layers=("firmware", "os", "driver", "runtime"),
        split="driver",
        components=components,
        reboot_duration=timedelta(minutes=15),
    )
