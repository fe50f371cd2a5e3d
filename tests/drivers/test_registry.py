"""Drivers are opened by kind, and what can't be opened is said by field."""

import time
from pathlib import Path

import pytest

from drivers.registry import open_drivers
from drivers.simulated.scheduler import SimulatedSchedulerDriver
from fleet.errors import InvalidInput
from fleet.models.drivers import Drivers, PluginDriver, SimulatedVerifier, SlurmScheduler
from fleet.models.fleetfile import Cluster
from tests.drivers.simulated import world

POOL = {
    "name": "gpu",
    "hosts": {"names": "gpu[001-016]"},
    "domain": {"size": 4},
    "failure_buffer": 2,
    "cycle_bound": "30d",
    "drain": {"deadline": "1h"},
    "visit_budget": "4h",
}
HERE = "tests.drivers.test_registry"
made: list[tuple[dict, Path]] = []


class Nothing:
    """A driver that is only opened and closed."""

    closed = False

    async def close(self) -> None:
        self.closed = True


def make_nothing(options: dict, data: Path) -> Nothing:
    made.append((options, data))
    return Nothing()


async def make_nothing_slowly(options: dict, data: Path) -> Nothing:
    return make_nothing(options, data)


def cluster(**parts) -> Cluster:
    drivers = Drivers.model_construct(**{**dict(world.drivers()), **parts})
    return Cluster.model_construct(**{**dict(Cluster.model_validate(base())), "drivers": drivers})


def base() -> dict:
    return {
        "name": "sim",
        "drivers": world.drivers().model_dump(),
        "stack": world.stack().model_dump(),
        "pools": [POOL],
    }


def plugin(factory: str) -> PluginDriver:
    return PluginDriver(kind="plugin", factory=factory, options={"url": "x"})


async def test_a_simulated_cluster_opens_with_all_three_ports_on_one_file(tmp_path):
    opened = await open_drivers(cluster(), tmp_path)

    hosts = (await opened.scheduler.view(time.monotonic())).nodes

    assert len(hosts) == 16
    assert await opened.hardware.boot_id("gpu001") == "boot-gpu001-1"
    assert [p.name for p in tmp_path.glob("*.sqlite")] == ["sim.sqlite"]
    await opened.close()


@pytest.mark.parametrize("function", ["make_nothing", "make_nothing_slowly"])
async def test_a_plugin_is_called_with_its_options_and_the_data_folder(tmp_path, function):
    made.clear()

    opened = await open_drivers(cluster(scheduler=plugin(f"{HERE}:{function}")), tmp_path)

    assert made == [({"url": "x"}, tmp_path)]
    assert isinstance(opened.scheduler, Nothing)
    await opened.close()
    assert opened.scheduler.closed


@pytest.mark.parametrize("factory", ["no_such_module:make", f"{HERE}:no_such_function", f"{HERE}:POOL"])
async def test_a_plugin_that_is_not_there_is_named_with_its_field(tmp_path, factory):
    with pytest.raises(InvalidInput) as error:
        await open_drivers(cluster(scheduler=plugin(factory)), tmp_path)

    assert error.value.source == "clusters.sim.drivers.scheduler.factory"
    assert error.value.field == factory


async def test_a_simulated_scheduler_needs_simulated_hardware(tmp_path):
    with pytest.raises(InvalidInput, match="scheduler"):
        await open_drivers(cluster(hardware=plugin(f"{HERE}:make_nothing")), tmp_path)


async def test_a_simulated_verifier_needs_simulated_hardware(tmp_path):
    other = plugin(f"{HERE}:make_nothing")

    with pytest.raises(InvalidInput, match="verifier"):
        await open_drivers(
            cluster(scheduler=other, hardware=other, verifier=SimulatedVerifier(kind="simulated")), tmp_path
        )


async def test_scheduler_and_hardware_on_different_files_are_refused(tmp_path):
    apart = world.drivers().scheduler.model_copy(update={"state": "other.sqlite"})

    with pytest.raises(InvalidInput, match=r"scheduler\.state"):
        await open_drivers(cluster(scheduler=apart), tmp_path)


async def test_a_slurm_scheduler_stands_beside_simulated_hardware(tmp_path):
    opened = await open_drivers(cluster(scheduler=SlurmScheduler(kind="slurm", bin="/nonexistent")), tmp_path)

    assert not isinstance(opened.scheduler, SimulatedSchedulerDriver)
    assert (await opened.hardware.versions("gpu001"))["bmc"] == "1.0"
    await opened.close()
