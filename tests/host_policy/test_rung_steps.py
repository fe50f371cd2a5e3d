"""What a rung does before the host is verified again, and ladders that the drivers can't climb."""

from datetime import timedelta

import pytest

from fleet.models.ladder import Ladder, Reflash, Repair, Rung
from fleet.models.stack import Upgrade
from fleet.models.work import StepKind
from fleet.policy.rung_steps import impossible, rung_steps
from tests.host_policy.build import OBSERVED, cluster, pool


def repair(*rungs: Rung, components: tuple[str, ...] = ("bmc", "kernel")) -> Repair:
    return Repair(ladder=Ladder(hardware=rungs), reflash=Reflash(components=components))


def test_a_retry_only_verifies_again():
    assert () == rung_steps(cluster(), pool(), Rung.RETRY, OBSERVED)


@pytest.mark.parametrize("rung", [Rung.GPU_RESET, Rung.REBOOT, Rung.POWER_CYCLE, Rung.REIMAGE])
def test_a_rung_is_one_step_of_its_kind_with_a_book_of_its_own(rung):
    (step,) = rung_steps(cluster(), pool(), rung, OBSERVED)
    assert (f"rung:{rung}", StepKind(rung.value), True) == (step.key, step.kind, step.rung)


def test_a_reflash_writes_what_the_host_should_have_and_reboots_where_that_needs_it():
    found = rung_steps(cluster(repair=repair(Rung.REFLASH)), pool(), Rung.REFLASH, OBSERVED)
    assert ["reflash:kernel", "reflash:bmc", "rung:reboot"] == [step.key for step in found]
    assert Upgrade(component="bmc", version="1.1") == found[1].upgrade


def test_a_reflash_without_a_desired_version_writes_the_one_that_is_there():
    own = cluster(repair=repair(Rung.REFLASH, components=("nic",)))
    (step,) = rung_steps(own, pool(), Rung.REFLASH, OBSERVED)
    assert (Upgrade(component="nic", version="28.1"), timedelta(minutes=10)) == (step.upgrade, step.expected)


@pytest.mark.parametrize("nic", [{}, {"nic": "mixed:28.1"}])
def test_a_version_that_nobody_knows_is_not_written_again(nic):
    own = cluster(repair=repair(Rung.REFLASH, components=("nic",)))
    seen = {name: version for name, version in OBSERVED.items() if name != "nic"}
    assert () == rung_steps(own, pool(), Rung.REFLASH, {**seen, **nic})


def test_simulated_hosts_can_do_every_rung():
    assert [] == list(impossible(cluster(repair=repair(*Rung))))


def test_only_firmware_and_packages_of_the_stack_are_written_again():
    own = cluster(repair=repair(Rung.REFLASH, components=("cuda", "bios")))
    assert ["repair.reflash.components: cuda", "repair.reflash.components: bios"] == [p for p, _ in impossible(own)]


def test_a_reflash_writes_what_rollouts_want_of_the_host_and_not_what_the_fleet_file_desires():
    own = cluster(repair=repair(Rung.REFLASH, components=("bmc",)))
    (step,) = rung_steps(own, pool(), Rung.REFLASH, OBSERVED, {"bmc": "1.0"})
    assert Upgrade(component="bmc", version="1.0") == step.upgrade
