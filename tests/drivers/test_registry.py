"""Drivers are opened by kind, and what can't be opened is said by field."""

import time
from pathlib import Path

import asyncssh
import pytest

from drivers.registry import open_drivers
from drivers.simulated.scheduler import SimulatedSchedulerDriver
from fleet.errors import InvalidInput, Unreachable
from fleet.models.drivers import Drivers, PluginDriver, SimulatedVerifier, SlurmScheduler
from fleet.models.fleetfile import Cluster
from fleet.models.hosts import HostsHardware
from fleet.models.verification import Verdict, VerificationTask
from fleet.models.verifiers import ToolsVerifier
from tests.drivers.simulated import world
from tests.drivers.verification.baselines import MemoryBaselines

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


kept = Nothing()


def make_kept(options: dict, data: Path) -> Nothing:
    return kept


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
    opened = await open_drivers(cluster(), tmp_path, MemoryBaselines())

    hosts = (await opened.scheduler.view(time.monotonic())).nodes

    assert len(hosts) == 16
    assert await opened.hardware.boot_id("gpu001") == "boot-gpu001-1"
    assert [p.name for p in tmp_path.glob("*.sqlite")] == ["sim.sqlite"]
    await opened.close()


@pytest.mark.parametrize("function", ["make_nothing", "make_nothing_slowly"])
async def test_a_plugin_is_called_with_its_options_and_the_data_folder(tmp_path, function):
    made.clear()

    opened = await open_drivers(cluster(scheduler=plugin(f"{HERE}:{function}")), tmp_path, MemoryBaselines())

    assert made == [({"url": "x"}, tmp_path)]
    assert isinstance(opened.scheduler, Nothing)
    await opened.close()
    assert opened.scheduler.closed


async def test_versions_can_t_be_published_through_a_plugin_that_does_not_know_how(tmp_path):
    publishing = cluster(scheduler=plugin(f"{HERE}:make_kept")).model_copy(update={"publish_versions": ("kernel",)})
    kept.closed = False

    with pytest.raises(InvalidInput, match=r"clusters\.sim: publish_versions: expected none, or a scheduler driver"):
        await open_drivers(publishing, tmp_path, MemoryBaselines())
    assert kept.closed


@pytest.mark.parametrize("factory", ["no_such_module:make", f"{HERE}:no_such_function", f"{HERE}:POOL"])
async def test_a_plugin_that_is_not_there_is_named_with_its_field(tmp_path, factory):
    with pytest.raises(InvalidInput) as error:
        await open_drivers(cluster(scheduler=plugin(factory)), tmp_path, MemoryBaselines())

    assert error.value.source == "clusters.sim.drivers.scheduler.factory"
    assert error.value.field == factory


async def test_a_simulated_scheduler_needs_simulated_hardware(tmp_path):
    with pytest.raises(InvalidInput, match="scheduler"):
        await open_drivers(cluster(hardware=plugin(f"{HERE}:make_nothing")), tmp_path, MemoryBaselines())


async def test_a_simulated_verifier_needs_simulated_hardware(tmp_path):
    other = plugin(f"{HERE}:make_nothing")

    with pytest.raises(InvalidInput, match="verifier"):
        await open_drivers(
            cluster(scheduler=other, hardware=other, verifier=SimulatedVerifier(kind="simulated")),
            tmp_path,
            MemoryBaselines(),
        )


async def test_scheduler_and_hardware_on_different_files_are_refused(tmp_path):
    apart = world.drivers().scheduler.model_copy(update={"state": "other.sqlite"})

    with pytest.raises(InvalidInput, match=r"scheduler\.state"):
        await open_drivers(cluster(scheduler=apart), tmp_path, MemoryBaselines())


async def test_a_slurm_scheduler_stands_beside_simulated_hardware(tmp_path):
    opened = await open_drivers(
        cluster(scheduler=SlurmScheduler(kind="slurm", bin="/nonexistent")), tmp_path, MemoryBaselines()
    )

    assert not isinstance(opened.scheduler, SimulatedSchedulerDriver)
    assert (await opened.hardware.versions("gpu001"))["bmc"] == "1.0"
    await opened.close()


def real_hosts(folder: Path) -> HostsHardware:
    """Hosts at an address where nobody answers."""
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(folder / "key")
    (folder / "known_hosts").write_text("")
    ssh = {"address": "127.0.0.1", "port": 1, "key": {"file": "key"}, "known_hosts": "known_hosts"}
    probe = {"kind": "probe", "probe": {"argv": ["nccl-version"]}}
    return HostsHardware.model_validate({"kind": "hosts", "ssh": {**ssh, "components": {"nccl": probe}}})


TOOLS = ToolsVerifier.model_validate({"kind": "tools", "health": [{"kind": "dcgm"}]})


async def test_real_hosts_and_the_tools_on_them_are_opened_without_a_connection(tmp_path):
    other = plugin(f"{HERE}:make_nothing")

    opened = await open_drivers(
        cluster(scheduler=other, hardware=real_hosts(tmp_path), verifier=TOOLS), tmp_path, MemoryBaselines()
    )
    with pytest.raises(Unreachable):
        await opened.hardware.versions("gpu001")
    found = await opened.verifier.verify(VerificationTask.HEALTH, "gpu001", (), pool="gpu")
    await opened.close()

    assert Verdict.INCONCLUSIVE == found.verdict


async def test_a_verifier_of_kind_tools_needs_hosts_of_kind_hosts(tmp_path):
    with pytest.raises(InvalidInput, match=r"hardware\.kind: expected 'hosts'"):
        await open_drivers(
            cluster(scheduler=plugin(f"{HERE}:make_nothing"), verifier=TOOLS), tmp_path, MemoryBaselines()
        )


async def test_what_was_opened_is_closed_when_another_driver_can_not_be(tmp_path):
    first = cluster(scheduler=plugin(f"{HERE}:make_kept"), hardware=plugin("no_such_module:make"), verifier=TOOLS)

    with pytest.raises(InvalidInput, match="no_such_module"):
        await open_drivers(first, tmp_path, MemoryBaselines())

    assert kept.closed
