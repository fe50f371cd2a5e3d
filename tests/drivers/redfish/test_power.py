"""Power and restarts of hosts on the farm."""

from pathlib import Path

import pytest

from fleet.errors import Refused
from fleet.ports.fence import open_fence
from tests.drivers.redfish.build import Fence, mechanism, until
from tests.emulators.bmc.starting import Farm


def resets(farm: Farm, host: str) -> list[str]:
    return [happening.detail["type"] for happening in farm.journal(host, "reset")]


async def test_a_restart_asks_the_system_or_does_not(farm: Farm, tmp_path: Path) -> None:
    redfish = mechanism(farm, tmp_path)
    assert await redfish.is_on("gpu15")
    await redfish.restart("gpu15", open_fence, force=False)
    await redfish.restart("gpu15", open_fence, force=True)
    assert ["GracefulRestart", "ForceRestart"] == resets(farm, "gpu15")


async def test_a_closed_fence_restarts_nothing(farm: Farm, tmp_path: Path) -> None:
    redfish = mechanism(farm, tmp_path)
    with pytest.raises(Fence.Closed):
        await redfish.restart("gpu16", Fence(opens=0), force=True)
    with pytest.raises(Fence.Closed):
        await redfish.cycle("gpu16", Fence(opens=0))
    assert [] == resets(farm, "gpu16")


async def test_a_power_cycle_is_the_kind_that_the_model_wants_and_the_bmc_offers(farm: Farm, tmp_path: Path) -> None:
    await mechanism(farm, tmp_path).cycle("gpu17", open_fence)
    assert ["PowerCycle"] == resets(farm, "gpu17")


async def test_without_a_kind_of_power_cycle_the_power_goes_off_and_on(farm: Farm, tmp_path: Path) -> None:
    fence = Fence()
    await mechanism(farm, tmp_path, {"power_cycle": []}).cycle("gpu18", fence)
    assert ["ForceOff", "On"] == resets(farm, "gpu18")
    assert 2 == fence.passes


async def test_a_host_left_off_by_a_cycle_that_was_cut_short_is_switched_on(farm: Farm, tmp_path: Path) -> None:
    redfish = mechanism(farm, tmp_path, {"power_cycle": []})
    with pytest.raises(Fence.Closed):
        await redfish.cycle("gpu19", Fence(opens=1))
    assert not await until(lambda: redfish.is_on("gpu19"), False)
    with pytest.raises(Refused, match="gpu19 is off"):
        await redfish.restart("gpu19", open_fence, force=False)
    await redfish.restart("gpu19", open_fence, force=True)
    assert ["ForceOff", "On"] == resets(farm, "gpu19")
