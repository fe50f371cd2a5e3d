"""Updates of sound BMCs."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.redfish import RedfishMechanism
from fleet.errors import InvalidInput, Refused, StaleAttempt
from fleet.models.hardware import TaskState
from fleet.models.images import Image
from fleet.ports.fence import open_fence
from fleet.ports.mechanism import Activation
from tests.drivers.redfish.build import BEFORE, INVENTORY, Fence, ended, mechanism, options, rules, until, version
from tests.drivers.redfish.webstore import serving
from tests.emulators.bmc.starting import Farm


@pytest.fixture
def store(farm: Farm) -> Iterator[str]:
    """An HTTP store that serves the farm's images."""
    with serving(farm.spec.folder / "images") as (address, _):
        yield address


async def test_versions_are_the_inventory_s_by_component(farm: Farm, tmp_path: Path) -> None:
    assert BEFORE == await mechanism(farm, tmp_path).versions("gpu01")


async def test_a_pushed_update_runs_to_its_end_and_shows_in_the_inventory(farm: Farm, tmp_path: Path) -> None:
    redfish = mechanism(farm, tmp_path)
    begun = await redfish.start_apply("gpu02", "bmc", "1.1.0", open_fence)
    done = await ended(redfish, "gpu02", "bmc")
    assert (begun.component, begun.version, begun.state) == ("bmc", "1.1.0", TaskState.RUNNING)
    assert (begun.id, TaskState.DONE, 100) == (done.id, done.state, done.percent)
    assert BEFORE | {"bmc": "1.1.0"} == await redfish.versions("gpu02")
    assert Activation.NOTHING is await redfish.pending("gpu02")


async def test_a_bmc_fetches_an_image_from_the_store_by_simple_update(farm: Farm, tmp_path: Path, store: str) -> None:
    images = options(farm, tmp_path).images.model_dump() | {"folder": None, "store": store}
    simple = {"components": rules(bios={"way": "simple", "targets": [f"{INVENTORY}/BIOS"], "apply_time": "immediate"})}
    redfish = mechanism(farm, tmp_path, simple, images=images)
    await redfish.start_apply("gpu03", "bios", "2.2.0", open_fence)
    assert TaskState.DONE is (await ended(redfish, "gpu03", "bios")).state
    assert Activation.REBOOT is await redfish.pending("gpu03")
    await redfish.cycle("gpu03", open_fence)
    assert "2.2.0" == await until(lambda: version(redfish, "gpu03", "bios"), "2.2.0")
    assert Activation.NOTHING is await redfish.pending("gpu03")


class Brought:
    """What rollouts bring: the images that the fleet file listed elsewhere."""

    def __init__(self, images: tuple[Image, ...]) -> None:
        self._images = images

    async def rollout_images(self) -> tuple[Image, ...]:
        return self._images


async def test_an_image_that_a_rollout_brings_is_flashed_and_its_task_known(farm: Farm, tmp_path: Path) -> None:
    whole = options(farm, tmp_path)
    empty = whole.model_copy(update={"images": whole.images.model_copy(update={"images": ()})})
    redfish, other = (RedfishMechanism(empty, tmp_path, Brought(whole.images.images)) for _ in range(2))

    begun = await redfish.start_apply("gpu09", "bmc", "1.1.0", open_fence)

    assert [(begun.id, "1.1.0")] == [(task.id, task.version) for task in await other.tasks("gpu09", "bmc")]
    assert TaskState.DONE is (await ended(redfish, "gpu09", "bmc")).state
    assert BEFORE | {"bmc": "1.1.0"} == await redfish.versions("gpu09")
    with pytest.raises(InvalidInput, match="no image of it"):
        await RedfishMechanism(empty, tmp_path).start_apply("gpu10", "bmc", "1.1.0", open_fence)


async def test_another_process_finds_the_task_with_its_component_and_version(farm: Farm, tmp_path: Path) -> None:
    begun = await mechanism(farm, tmp_path).start_apply("gpu04", "gpu-vbios", "97.00.01", open_fence)
    other = mechanism(farm, tmp_path)
    found = await other.tasks("gpu04", "gpu-vbios")
    assert [(begun.id, "gpu-vbios", "97.00.01")] == [(task.id, task.component, task.version) for task in found]
    assert () == await other.tasks("gpu04", "bios")


async def test_a_bmc_that_updates_is_given_no_second_update(farm: Farm, tmp_path: Path) -> None:
    begun = await mechanism(farm, tmp_path).start_apply("gpu05", "bmc", "1.1.0", open_fence)
    fence = Fence()
    with pytest.raises(Refused, match=f"is updating bmc 1.1.0 .task {begun.id}"):
        await mechanism(farm, tmp_path).start_apply("gpu05", "bios", "2.2.0", fence)
    assert 0 == fence.passes
    assert 1 == len(farm.journal("gpu05", "flash_started"))


async def test_two_attempts_of_one_process_begin_one_update(farm: Farm, tmp_path: Path) -> None:
    redfish = mechanism(farm, tmp_path)
    begun = [
        redfish.start_apply("gpu06", name, version, open_fence)
        for name, version in (("bmc", "1.1.0"), ("bios", "2.2.0"))
    ]
    answers = await asyncio.gather(*begun, return_exceptions=True)
    assert ["DeviceTask", "Refused"] == [type(answer).__name__ for answer in answers]
    assert 1 == len(farm.journal("gpu06", "flash_started"))


async def test_a_closed_fence_sends_nothing(farm: Farm, tmp_path: Path) -> None:
    with pytest.raises(Fence.Closed):
        await mechanism(farm, tmp_path).start_apply("gpu07", "bmc", "1.1.0", Fence(opens=0))
    assert [] == farm.journal("gpu07", "flash_started")


async def test_a_fence_that_closes_during_the_upload_leaves_it_unfinished(farm: Farm, tmp_path: Path) -> None:
    redfish = mechanism(farm, tmp_path)
    with pytest.raises(Fence.Closed):
        await redfish.start_apply("gpu07", "bmc", "1.1.0", Fence(opens=1))
    assert () == await redfish.tasks("gpu07", "bmc")
    assert [] == farm.journal("gpu07", "flash_started")


async def test_an_image_that_is_not_the_one_listed_is_not_sent(farm: Farm, tmp_path: Path) -> None:
    images = options(farm, tmp_path).images.model_dump()
    for image in images["images"]:
        image["sha256"] = "0" * 64
    fence = Fence()
    with pytest.raises(InvalidInput, match="is not the image listed"):
        await mechanism(farm, tmp_path, images=images).start_apply("gpu08", "bmc", "1.1.0", fence)
    assert 0 == fence.passes
    with pytest.raises(InvalidInput, match=r"bmc 9\.9: the catalogue has no image of it"):
        await mechanism(farm, tmp_path).start_apply("gpu08", "bmc", "9.9", open_fence)


async def test_the_bmc_is_reset_once_where_that_activates_the_firmware(farm: Farm, tmp_path: Path) -> None:
    redfish, fence = mechanism(farm, tmp_path), Fence()
    begun = await redfish.start_apply("gpu09", "fpga", "4.0", fence)
    done = await ended(redfish, "gpu09", "fpga")
    assert (begun.id, TaskState.DONE) == (done.id, done.state)
    assert "4.0" == (await redfish.versions("gpu09"))["fpga"]
    assert ["manager"] == [reset.detail["what"] for reset in farm.journal("gpu09", "reset")]
    assert 3 == fence.passes


async def test_a_stop_holds_the_reset_of_the_bmc_back_and_the_update_never_ends_well(
    farm: Farm, tmp_path: Path
) -> None:
    redfish = mechanism(farm, tmp_path, activates_within="1s")
    await redfish.start_apply("gpu10", "fpga", "4.0", Fence(opens=2))
    done = await ended(redfish, "gpu10", "fpga")
    assert TaskState.DONE is done.state
    assert "3.0" == (await redfish.versions("gpu10"))["fpga"]
    assert [] == farm.journal("gpu10", "reset")


async def test_a_process_that_began_nothing_never_resets_a_bmc(farm: Farm, tmp_path: Path) -> None:
    await mechanism(farm, tmp_path).start_apply("gpu11", "fpga", "4.0", open_fence)
    await ended(mechanism(farm, tmp_path, activates_within="500ms"), "gpu11", "fpga")
    assert [] == farm.journal("gpu11", "reset")


async def test_a_later_process_resets_the_bmc_with_a_fence_of_its_own(farm: Farm, tmp_path: Path) -> None:
    await mechanism(farm, tmp_path).start_apply("gpu14", "fpga", "4.0", open_fence)
    other, fence = mechanism(farm, tmp_path), Fence()
    task = await ended(other, "gpu14", "fpga", fence)
    assert (TaskState.DONE, "4.0") == (task.state, await version(other, "gpu14", "fpga"))
    assert (1, 1) == (fence.passes, len(farm.journal("gpu14", "reset")))


async def test_an_attempt_that_was_taken_over_does_not_reset_the_bmc(farm: Farm, tmp_path: Path) -> None:
    redfish = mechanism(farm, tmp_path, activates_within="1s")
    await redfish.start_apply("gpu20", "fpga", "4.0", Fence(opens=2, then=StaleAttempt("taken over")))
    assert TaskState.DONE is (await ended(redfish, "gpu20", "fpga")).state
    assert [] == farm.journal("gpu20", "reset")
    with pytest.raises(StaleAttempt):
        await mechanism(farm, tmp_path).tasks("gpu20", "fpga", Fence(opens=0, then=StaleAttempt("taken over")))


async def test_an_update_at_the_next_reset_is_done_when_staged_and_pending_until_then(
    farm: Farm, tmp_path: Path
) -> None:
    staged = {"components": rules(bios={"apply_time": "on_reset"})}
    redfish = mechanism(farm, tmp_path, staged)
    task = await redfish.start_apply("gpu12", "bios", "2.2.0", open_fence)
    assert (TaskState.DONE, "staged until the reset") == (task.state, task.message)
    assert Activation.REBOOT is await mechanism(farm, tmp_path, staged).pending("gpu12")
    await redfish.cycle("gpu12", open_fence)
    assert "2.2.0" == await until(lambda: version(redfish, "gpu12", "bios"), "2.2.0")
    assert Activation.NOTHING is await redfish.pending("gpu12")


async def test_firmware_that_needs_a_power_cycle_gets_one(farm: Farm, tmp_path: Path) -> None:
    redfish = mechanism(farm, tmp_path)
    await redfish.start_apply("gpu13", "nic-firmware", "28.40.1000", open_fence)
    assert TaskState.DONE is (await ended(redfish, "gpu13", "nic-firmware")).state
    assert Activation.POWER_CYCLE is await redfish.pending("gpu13")
    await redfish.cycle("gpu13", open_fence)
    assert "28.40.1000" == await until(lambda: version(redfish, "gpu13", "nic-firmware"), "28.40.1000")
