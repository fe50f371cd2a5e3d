"""What the mechanism makes of each fault of the farm: it never takes one for success."""

import base64
import logging
import time
from pathlib import Path

import pytest

from drivers.redfish.mechanism import RedfishMechanism
from fleet.errors import BadAnswer, DriverError, OutcomeUnknown, Refused, Unreachable
from fleet.models.hardware import TaskState
from fleet.ports.fence import open_fence
from tests.drivers.redfish.build import BEFORE, PASSWORD, USER, Fence, ended, mechanism, until
from tests.emulators.bmc.starting import Farm


async def test_a_bmc_that_accepts_and_never_answers_is_unreachable_in_bounded_time(farm: Farm, tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(Unreachable, match="slow-answers"):
        await mechanism(farm, tmp_path, timeout="300ms").versions("slow-answers")
    assert time.monotonic() - began < 3


async def test_a_silent_bmc_is_unreachable(farm: Farm, tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="silent"):
        await mechanism(farm, tmp_path).versions("silent")


async def test_half_an_answer_is_a_bad_one(farm: Farm, tmp_path: Path) -> None:
    with pytest.raises(BadAnswer, match="expected JSON"):
        await mechanism(farm, tmp_path).versions("malformed")


async def test_wrong_credentials_are_a_refusal_that_names_the_host_and_no_secret(farm: Farm, tmp_path: Path) -> None:
    redfish = mechanism(farm, tmp_path)
    with pytest.raises(Refused, match=r"^denied: its BMC refuses our user and password") as refusal:
        await redfish.versions("denied")
    told = [
        repr(refusal.value),
        *(repr(c) for c in (refusal.value.__cause__, refusal.value.__context__)),
        repr(redfish),
    ]
    assert not [text for text in told if PASSWORD in text]


async def test_no_log_at_any_level_tells_a_secret(farm: Farm, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await mechanism(farm, tmp_path).versions("gpu01")
    with pytest.raises(Refused):
        await mechanism(farm, tmp_path).versions("denied")
    encoded = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert not [secret for secret in (PASSWORD, encoded) if secret in caplog.text]


async def test_a_certificate_of_another_authority_is_a_bad_answer(farm: Farm, tmp_path: Path) -> None:
    with pytest.raises(BadAnswer, match="certificate is not trusted"):
        await mechanism(farm, tmp_path).versions("impostor")


async def test_a_certificate_is_not_checked_where_the_fleet_file_says_so(farm: Farm, tmp_path: Path) -> None:
    trusting = mechanism(farm, tmp_path, insecure=True, ca_file=None)
    assert BEFORE == await trusting.versions("impostor")


async def test_a_monitor_that_leads_nowhere_does_not_lose_the_update(farm: Farm, tmp_path: Path) -> None:
    redfish = mechanism(farm, tmp_path)
    begun = await redfish.start_apply("bad-monitor", "bios", "2.2.0", open_fence)
    done = await ended(redfish, "bad-monitor", "bios")
    assert (begun.id, TaskState.DONE) == (done.id, done.state)
    assert 1 == len(farm.journal("bad-monitor", "flash_started"))


async def test_a_bmc_that_vanishes_during_its_update_is_borne_with(farm: Farm, tmp_path: Path) -> None:
    redfish = mechanism(farm, tmp_path)
    begun = await redfish.start_apply("vanishes", "bios", "2.2.0", open_fence)
    done = await ended(redfish, "vanishes", "bios")
    assert (begun.id, TaskState.DONE) == (done.id, done.state)


async def test_a_bmc_that_stays_away_for_too_long_is_unreachable(farm: Farm, tmp_path: Path) -> None:
    redfish = mechanism(farm, tmp_path, silent_for="200ms")
    # On a busy machine it is away already when what it accepted is looked at for the first time.
    with pytest.raises((Unreachable, OutcomeUnknown), match="vanishes"):
        await flashed(redfish, "vanishes", "gpu-vbios", "97.00.01")


async def flashed(redfish: RedfishMechanism, host: str, component: str, version: str) -> None:
    await redfish.start_apply(host, component, version, open_fence)
    await ended(redfish, host, component)


async def test_an_update_that_dies_with_its_bmc_has_failed(farm: Farm, tmp_path: Path) -> None:
    redfish = mechanism(farm, tmp_path)
    await redfish.start_apply("dies", "bios", "2.2.0", open_fence)
    assert TaskState.FAILED is (await ended(redfish, "dies", "bios")).state
    assert BEFORE == await redfish.versions("dies")


async def test_completed_without_the_version_shows_in_the_inventory(farm: Farm, tmp_path: Path) -> None:
    redfish = mechanism(farm, tmp_path, activates_within="1s")
    await redfish.start_apply("unchanged", "bmc", "1.1.0", open_fence)
    assert TaskState.DONE is (await ended(redfish, "unchanged", "bmc")).state
    assert BEFORE == await redfish.versions("unchanged")


async def test_members_that_differ_are_no_version_that_anyone_wants(farm: Farm, tmp_path: Path) -> None:
    redfish = mechanism(farm, tmp_path)
    await redfish.start_apply("partial", "gpu-vbios", "97.00.01", open_fence)
    await ended(redfish, "partial", "gpu-vbios")
    await redfish.cycle("partial", open_fence)
    deadline = time.monotonic() + 10
    while (found := (await redfish.versions("partial"))["gpu-vbios"]) == "96.00.74":
        assert time.monotonic() < deadline
    assert "mixed:96.00.74~97.00.01" == found


async def test_a_task_that_ends_in_an_exception_has_failed_with_its_message(farm: Farm, tmp_path: Path) -> None:
    redfish = mechanism(farm, tmp_path)
    await redfish.start_apply("fails", "bios", "2.2.0", open_fence)
    failed = await ended(redfish, "fails", "bios")
    assert (TaskState.FAILED, "Writing the image to the device failed.") == (failed.state, failed.message)


async def test_a_bmc_that_forgets_its_tasks_is_told_as_one_that_has_none(farm: Farm, tmp_path: Path) -> None:
    redfish = mechanism(farm, tmp_path)
    await redfish.start_apply("forgets", "fpga", "4.0", open_fence)
    assert () == await until(lambda: redfish.tasks("forgets", "fpga"), ())
    assert "4.0" == (await redfish.versions("forgets"))["fpga"]


async def test_a_bmc_that_can_t_now_is_asked_once(farm: Farm, tmp_path: Path) -> None:
    redfish, fence = mechanism(farm, tmp_path), Fence()
    with pytest.raises(DriverError, match="HTTP 503: The update service is busy"):
        await redfish.start_apply("busy-once", "bios", "2.2.0", fence)
    assert 1 == len(farm.journal("busy-once", "refused"))
    assert () == await redfish.tasks("busy-once", "bios")


async def test_a_host_name_that_is_none_reaches_no_address(farm: Farm, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="expected a host name"):
        await mechanism(farm, tmp_path).versions("gpu01@evil.example/")


async def test_no_model_of_the_fleet_file_fits(farm: Farm, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="gpu14: no hardware model of the fleet file fits 'Loopback' 'HGX-8'"):
        await mechanism(farm, tmp_path, {"model": "DGX.*"}).versions("gpu14")
