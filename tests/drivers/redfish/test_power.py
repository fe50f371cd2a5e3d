"""Power of hosts: on the farm, and by BMCs that answer oddly in the middle of it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from fleet.errors import Refused, Unreachable
from fleet.ports.fence import open_fence
from tests.drivers.redfish.build import Fence, mechanism, odd_mechanism, until
from tests.drivers.redfish.oddbmc import ROOT, OddBmc
from tests.emulators.bmc.client import Client
from tests.emulators.bmc.starting import Farm


def resets(farm: Farm, host: str) -> list[str]:
    return [happening.detail["type"] for happening in farm.journal(host, "reset")]


async def test_a_closed_fence_switches_nothing(farm: Farm, tmp_path: Path) -> None:
    for model in ({}, {"power_cycle": []}):
        with pytest.raises(Fence.Closed):
            await mechanism(farm, tmp_path, model).cycle("gpu16", Fence(opens=0))
    assert [] == resets(farm, "gpu16")


async def test_a_power_cycle_is_the_kind_that_the_model_wants_and_the_bmc_offers(farm: Farm, tmp_path: Path) -> None:
    await mechanism(farm, tmp_path).cycle("gpu17", open_fence)
    assert ["PowerCycle"] == resets(farm, "gpu17")


async def test_without_a_kind_of_power_cycle_the_power_goes_off_and_on(farm: Farm, tmp_path: Path) -> None:
    """A fence that closes in between, as by a freeze, leaves no host off."""
    fence = Fence(opens=1)
    await mechanism(farm, tmp_path, {"power_cycle": []}).cycle("gpu18", fence)
    assert ["ForceOff", "On"] == resets(farm, "gpu18")
    assert 1 == fence.passes


async def test_power_is_given_to_a_host_that_has_none_and_to_no_other(farm: Farm, tmp_path: Path) -> None:
    by = mechanism(farm, tmp_path)
    assert not await by.give("gpu19", open_fence)
    Client(farm, "gpu19").reset("ForceOff")
    with pytest.raises(Fence.Closed):
        await by.give("gpu19", Fence(opens=0))
    assert await by.give("gpu19", open_fence)
    assert ["ForceOff", "On"] == resets(farm, "gpu19")


class Reset:
    """Answers of an odd BMC to resets, which it does as told; its first answers to each kind may be others."""

    def __init__(self, bmc: OddBmc, **first: list[Any]) -> None:
        self.bmc, self.first, self.done = bmc, first, []
        bmc.answer = self

    def __call__(self, path: str) -> tuple[int, dict[str, str], Any]:
        kind = json.loads(self.bmc.posts[-1][2])["ResetType"]
        self.done.append(kind)
        before = self.first.get(kind, [])
        answer = before.pop(0) if before else (204, {}, None)
        if answer[0] < 400:
            self.bmc.resources[f"{ROOT}/Systems/1"]["PowerState"] = {"On": "On", "ForceOff": "Off"}[kind]
        return answer


async def test_a_cycle_that_is_cancelled_in_the_middle_ends_with_power(bmc: OddBmc, tmp_path: Path) -> None:
    told = Reset(bmc, On=[(503, {}, None)] * 4)
    cycling = asyncio.create_task(odd_mechanism(bmc, tmp_path, poll="200ms").cycle("one", open_fence))

    async def switching() -> bool:
        return "On" in told.done

    assert await until(switching, True)
    cycling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cycling
    assert (["ForceOff", *["On"] * 5], "On") == (told.done, bmc.resources[f"{ROOT}/Systems/1"]["PowerState"])


@pytest.mark.parametrize(
    ("first", "done"),
    [
        ({"On": [(500, {}, None), (403, {}, None), (409, {}, None)]}, ["ForceOff", "On", "On", "On", "On"]),
        ({"ForceOff": [(200, {}, b"no json")]}, ["ForceOff", "On"]),
    ],
)
async def test_power_is_given_back_whatever_the_bmc_says_in_between(
    bmc: OddBmc, tmp_path: Path, first: dict[str, Any], done: list[str]
) -> None:
    told = Reset(bmc, **first)
    await odd_mechanism(bmc, tmp_path).cycle("one", open_fence)
    assert (done, "On") == (told.done, bmc.resources[f"{ROOT}/Systems/1"]["PowerState"])


async def test_a_bmc_that_does_not_switch_off_was_begun_with_and_one_that_says_no_was_not(
    bmc: OddBmc, tmp_path: Path
) -> None:
    Reset(bmc, ForceOff=[(409, {}, None)])
    with pytest.raises(Refused, match="HTTP 409"):
        await odd_mechanism(bmc, tmp_path).cycle("one", open_fence)
    bmc.answer = lambda path: (204, {}, None)
    with pytest.raises(Unreachable, match="its power is still on"):
        await odd_mechanism(bmc, tmp_path, off_within="300ms").cycle("one", open_fence)


async def test_a_bmc_that_could_not_switch_it_on_again_is_not_asked_to_switch_it_off(
    bmc: OddBmc, tmp_path: Path
) -> None:
    actions = bmc.resources[f"{ROOT}/Systems/1"]["Actions"]["#ComputerSystem.Reset"]
    actions["ResetType@Redfish.AllowableValues"] = ["ForceOff"]
    with pytest.raises(Refused, match="wanted On or ForceOn"):
        await odd_mechanism(bmc, tmp_path).cycle("one", open_fence)
    assert [] == bmc.posts
