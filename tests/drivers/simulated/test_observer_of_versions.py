"""The outside observer of versions: what was offboarded, where it was taken back, and reboots without a cause."""

import pytest

from fleet.models.drivers import SimulatedFault
from fleet.models.verification import VerificationTask
from fleet.ports.fence import open_fence
from tests.drivers.simulated import world
from tests.drivers.simulated.stage import OLD, OURS, REPAIR, Stage


@pytest.fixture
async def stage(tmp_path):
    """Hosts that carry the old versions."""
    hardware, stack = world.hardware(hosts="gpu[001-008]"), world.stack("0s", "0s", "0s")
    parts = await world.opened(tmp_path, hardware, stack_=stack)
    hands = world.cluster(tmp_path, hardware, stack_=stack)
    yield Stage(tmp_path, parts, hands)
    hands.close()
    await world.close(parts)


async def taken_back(stage: Stage, host: str, reason: str) -> None:
    """The version before is brought back under that drain, and the host returns."""
    await stage.drain(host, reason=reason)
    for component, version in OLD.items():
        await stage.flash(host, component, version)
    await stage.reboot(host)
    await stage.verify(host)
    await stage.undrain(host, reason)


def found(stage: Stage) -> tuple[list[str], int, int]:
    report = stage.observer().report()
    return report["offboarded"], report["taken_back"], report["taken_back_in_visit"]


async def test_a_version_that_is_taken_back_wherever_it_was_is_offboarded(stage):
    for host in ("gpu001", "gpu002"):
        await stage.visit(host)
        await taken_back(stage, host, "maintrain:planned:later")

    assert (["bmc 2.0", "gpu-driver 550"], 4, 0) == found(stage)
    assert {"bmc": {"1.0": 8}, "gpu-driver": {"535.1": 8}} == stage.observer().report()["in_production"]


async def test_a_version_that_one_host_in_production_still_carries_is_not(stage):
    for host in ("gpu001", "gpu002"):
        await stage.visit(host)
    await taken_back(stage, "gpu001", "maintrain:planned:later")

    assert ([], 2, 0) == found(stage)


async def test_a_version_on_a_host_in_repair_only_is_offboarded_and_one_that_nobody_took_back_is_not(stage):
    await stage.visit("gpu001")
    await taken_back(stage, "gpu001", "maintrain:planned:later")
    await stage.drain("gpu002", reason=REPAIR)
    await stage.flash("gpu002")
    await stage.reboot("gpu002")

    assert (["bmc 2.0", "gpu-driver 550"], 2, 0) == found(stage)
    report = stage.observer().report()
    assert ({"visit": [], "repair": [], "later": ["gpu001"]}, ["gpu002"]) == (
        report["taken_back_by"],
        report["still_on_offboarded"],
    )


async def test_what_one_visit_brings_and_takes_back_is_told_apart(stage):
    await stage.drain("gpu001")
    await stage.flash("gpu001")
    await stage.reboot("gpu001")
    await stage.flash("gpu001", "bmc", "1.0")
    await stage.reboot("gpu001")

    assert (["bmc 2.0"], 1, 1) == found(stage)
    assert {"visit": ["gpu001"], "repair": [], "later": []} == stage.observer().report()["taken_back_by"]


def causes(stage: Stage) -> list[str]:
    """Violations, where each reboot needs a cause."""
    return stage.kinds(reboots_per_operation=None)


async def test_reboots_need_a_cause_each_where_their_number_is_not_bounded(stage):
    await stage.drain("gpu001")
    await stage.flash("gpu001")
    await stage.reboot("gpu001")
    stage.hands.set_fault(SimulatedFault(kind="gpu_slow", host="gpu001"))
    await stage.verify("gpu001", VerificationTask.PERFORMANCE)
    await stage.scheduler.rewrite_reason("gpu001", OURS, REPAIR, open_fence)
    await stage.reboot("gpu001")
    await stage.flash("gpu001", "bmc", "1.0")
    await stage.reboot("gpu001")
    before = causes(stage)

    await stage.reboot("gpu001")

    assert ([], ["duplicate_effect"]) == (before, causes(stage))
