"""Faults that a rung of the repair ladder cures: on their host, by the rungs that they name, and in the journal."""

import pytest
from pydantic import ValidationError

from fleet.errors import Refused
from fleet.models.drivers import SimulatedFault
from fleet.models.ladder import Rung
from fleet.models.verification import Verdict, VerificationTask
from fleet.ports.fence import open_fence
from tests.drivers.simulated.test_faults import Scene

HOST = "gpu001"


@pytest.fixture
async def sick(tmp_path):
    """A host whose GPU is slow until something cures it."""
    opened = []

    async def make(*cured_by: Rung) -> Scene:
        opened.append(await Scene.open(tmp_path, SimulatedFault(kind="gpu_slow", host=HOST, cured_by=cured_by)))
        return opened[-1]

    yield make
    for scene in opened:
        await scene.close()


async def slow(scene: Scene) -> bool:
    found = await scene.verifier.verify(VerificationTask.PERFORMANCE, HOST, (), pool="p")
    return found.verdict is Verdict.FAILED


async def boot(scene: Scene, begin) -> None:
    await begin(HOST, open_fence)
    scene.clock.pass_(60)


async def test_a_gpu_reset_cures_what_it_can(sick):
    scene = await sick(Rung.GPU_RESET, Rung.POWER_CYCLE)
    assert await slow(scene)

    await scene.hardware.reset_gpus(HOST, open_fence)

    assert not await slow(scene)
    cured = [(r.host, r.detail) for r in scene.hands.journal() if r.kind == "fault_cured"]
    assert [(HOST, {"fault": "gpu_slow", "by": "gpu_reset"})] == cured


async def test_other_rungs_cure_nothing(sick):
    scene = await sick(Rung.POWER_CYCLE)
    await scene.hardware.reset_gpus(HOST, open_fence)
    await boot(scene, scene.hardware.reboot)
    assert await slow(scene)
    await boot(scene, scene.hardware.power_cycle)
    assert not await slow(scene)


async def test_writing_the_same_version_again_is_a_reflash(sick):
    scene = await sick(Rung.REFLASH)
    await scene.flash(HOST, "2.0")
    assert await slow(scene)
    await scene.flash(HOST, "2.0")
    assert not await slow(scene)


async def test_a_reinstalled_host_has_its_versions_and_another_boot(sick):
    scene = await sick(Rung.REIMAGE)
    before = await scene.hardware.boot_id(HOST), await scene.hardware.versions(HOST)
    await boot(scene, scene.hardware.reimage)
    assert before[0] != await scene.hardware.boot_id(HOST)
    assert before[1] == await scene.hardware.versions(HOST)
    assert not await slow(scene)


async def test_a_lost_host_comes_back_with_a_power_cycle_and_until_then_its_gpus_are_not_reset(sick):
    scene = await sick()
    scene.hands.set_fault(SimulatedFault(kind="host_not_back", host=HOST, cured_by=(Rung.POWER_CYCLE,)))
    await boot(scene, scene.hardware.reboot)
    assert None is await scene.hardware.boot_id(HOST)
    with pytest.raises(Refused, match="lost"):
        await scene.hardware.reset_gpus(HOST, open_fence)

    await boot(scene, scene.hardware.power_cycle)
    assert None is not await scene.hardware.boot_id(HOST)


def test_only_the_fault_of_one_host_is_cured():
    with pytest.raises(ValidationError, match="expected a host"):
        SimulatedFault(kind="gpu_slow", rate=0.5, cured_by=(Rung.REBOOT,))
