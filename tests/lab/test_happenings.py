"""What the lab's observer is told of the hosts, and reads from them, without our drivers."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.snapshot import Event
from starter.demo.slurm_conf import free_ports
from starter.fleetfile import read_fleet
from tests.emulators.bmc.client import Client, eventually
from tests.emulators.hosts.farm import sshd
from tests.lab.farms import Lab, open_lab
from tests.lab.fleetfile import EXAMPLE
from tests.lab.happenings import Happenings
from tests.lab.readback import read_back, ssh
from tests.require import require

RESET, CYCLED = "gpu001", "gpu002"
"""What is written to the GPUs of the first waits for a reset, to those of the second for a power cycle."""
BEFORE = {"bmc": "1.0.0", "gpu-vbios": "96.00.74", "kernel": "5.15.0-100-generic", "gpu-driver": "550.54.14"}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    require("sshd", sshd() is not None, "no OpenSSH server on this machine")
    cluster = read_fleet(EXAMPLE)[0].clusters[0]
    # The example's ports are fixed, and another lab may have them: this one has its own.
    hands = cluster.drivers.hardware
    by_ssh, by_bmc = free_ports(2)
    ssh_there = hands.ssh.model_copy(update={"port": by_ssh})
    bmcs_there = hands.redfish.model_copy(update={"address": f"https://127.2.0.{{number}}:{by_bmc}"})
    moved = hands.model_copy(update={"ssh": ssh_there, "redfish": bmcs_there})
    drivers = cluster.drivers.model_copy(update={"hardware": moved})
    with open_lab(tmp_path, cluster.model_copy(update={"drivers": drivers}), (RESET, CYCLED)) as opened:
        yield opened


def told(events: tuple[Event, ...]) -> list[tuple[str, ...]]:
    """Kind of each event, and what it is about."""
    keys = ("component", "version", "task", "verdict")
    return [(e.kind, *(str(e.detail[k]) for k in keys if k in e.detail)) for e in events]


def until(happenings: Happenings, kind: str, count: int = 1) -> list[tuple[str, ...]]:
    """The events up to the last of so many of a kind."""
    found: list[tuple[str, ...]] = []
    deadline = time.monotonic() + 15
    while sum(event[0] == kind for event in found) < count:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
        found += told(happenings())
    return found


def test_upgrades_by_ssh_and_by_the_bmc_are_told_and_read_back(lab: Lab) -> None:
    happenings = Happenings(lab)
    assert {RESET: BEFORE, CYCLED: BEFORE} == read_back(lab)

    ssh(lab, CYCLED, "apt-get -y install nvidia-driver=550.54.15")
    image = lab.bmcs.image("gpu-vbios", "97.00.01")
    Client(lab.bmcs, CYCLED).update(image.as_uri())
    assert [
        ("flash_started", "gpu-driver", "550.54.15", "ssh gpu-driver"),
        ("flash_ended", "gpu-driver", "550.54.15", "ssh gpu-driver"),
        ("flash_started", "gpu-vbios", "97.00.01", "bmc 1"),
        ("flash_ended", "gpu-vbios", "97.00.01", "bmc 1"),
    ] == until(happenings, "flash_ended", 2)
    assert {RESET: BEFORE, CYCLED: BEFORE} == read_back(lab)

    Client(lab.bmcs, CYCLED).reset("PowerCycle")
    events = until(happenings, "host_up")

    assert {
        ("reboot_started",),
        ("version_active", "gpu-vbios", "97.00.01"),
        ("host_up",),
        ("version_active", "gpu-driver", "550.54.15"),
        ("version_active", "kernel", BEFORE["kernel"]),
    } == set(events)
    assert len(events) == 5
    assert {RESET: BEFORE, CYCLED: BEFORE | {"gpu-vbios": "97.00.01", "gpu-driver": "550.54.15"}} == read_back(lab)


def test_a_reboot_by_the_host_itself_is_one_reboot_though_its_bmc_sees_it_too(lab: Lab) -> None:
    happenings = Happenings(lab)

    ssh(lab, RESET, "systemctl reboot")
    events = until(happenings, "host_up")
    eventually(lambda: lab.bmcs.journal(RESET, "boot"))

    assert [("reboot_started",)] == [e for e in (*events, *told(happenings())) if e[0] == "reboot_started"]


def test_a_task_has_passed_when_all_its_tools_ran_well_since_the_last_change(lab: Lab) -> None:
    happenings = Happenings(lab)
    bandwidth, reduce = "nvbandwidth -j -t host_to_device_memcpy_ce", "all_reduce_perf -b 8M -e 1G -f 2 -g 8"

    ssh(lab, RESET, bandwidth)
    assert [] == told(happenings())
    ssh(lab, RESET, reduce)
    assert [("verified", "performance", "passed")] == told(happenings())

    ssh(lab, RESET, "apt-get -y install nvidia-driver=550.54.15")
    ssh(lab, RESET, reduce)
    assert ("verified", "performance", "passed") not in told(happenings())

    lab.hosts.fault(RESET, "gpu_slow")
    ssh(lab, RESET, bandwidth)
    assert [("verified", "performance", "failed")] == told(happenings())
    assert {"gpu_slow"} == happenings.shown(RESET)


def test_a_fabric_run_counts_for_every_host_that_took_part(lab: Lab) -> None:
    happenings = Happenings(lab)

    ssh(lab, RESET, f"mpirun -np 16 -H {RESET}:8,{CYCLED}:8 all_reduce_perf -g 1")

    passed = [(e.host, e.detail["task"], e.detail["verdict"]) for e in happenings()]
    assert [(RESET, "fabric", "passed"), (CYCLED, "fabric", "passed")] == passed
