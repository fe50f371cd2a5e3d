"""The farm of hosts, as its users count on it."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulators.hosts import HostFarm, start_hosts


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[HostFarm]:
    faults = {"gpu002": [{"kind": "install_fails", "rate": 0.5, "seed": 7}]}
    with start_hosts(tmp_path / "farm", ["gpu001", "gpu002"], faults=faults) as started:
        yield started


def ssh(farm: HostFarm, host: str, command: str) -> subprocess.CompletedProcess[str]:
    """A command by OpenSSH's own client, which shares no code with ours."""
    options = ["-F", "none", "-i", farm.key_file, "-p", str(farm.port), "-o", "BatchMode=yes"]
    options += ["-o", f"UserKnownHostsFile={farm.known_hosts}", "-o", "StrictHostKeyChecking=yes"]
    words = ["ssh", *options, f"{farm.user}@{farm.addresses[host]}", command]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)


def install(farm: HostFarm, host: str, version: str) -> int:
    return ssh(farm, host, f"apt-get -y install datacenter-gpu-manager={version}").returncode


def test_each_host_has_a_root_and_doubles_of_its_own(farm: HostFarm) -> None:
    assert 0 == install(farm, "gpu001", "1:3.4.0")

    assert "1:3.4.0" == farm.state("gpu001")["packages"]["datacenter-gpu-manager"]
    assert "1:3.3.5" == farm.state("gpu002")["packages"]["datacenter-gpu-manager"]
    assert [("gpu001", "1:3.4.0")] == [(line["host"], line["version"]) for line in farm.journal("installed")]


def test_a_host_that_is_down_answers_nobody(farm: HostFarm) -> None:
    farm.go_down("gpu001")

    assert 255 == ssh(farm, "gpu001", "true").returncode
    assert 0 == ssh(farm, "gpu002", "true").returncode
    farm.come_up("gpu001")
    assert 0 == ssh(farm, "gpu001", "true").returncode


def test_a_host_with_another_key_is_refused_by_openssh_too(farm: HostFarm) -> None:
    farm.change_host_key("gpu001")

    assert (255, True) == (
        ssh(farm, "gpu001", "true").returncode,
        "HOST IDENTIFICATION HAS CHANGED" in ssh(farm, "gpu001", "true").stderr,
    )


def test_a_reboot_ends_what_runs_and_brings_what_waits_into_effect(farm: HostFarm) -> None:
    before = farm.boot_id("gpu001")
    ssh(farm, "gpu001", "apt-get -y install nvidia-driver=550.54.15; setsid sleep 600.5 </dev/null >left 2>&1 &")
    assert "550.54.14" == farm.state("gpu001")["running"]["driver"]

    assert 0 == ssh(farm, "gpu001", "systemctl reboot").returncode

    deadline = time.monotonic() + 10
    while not farm.journal("boot") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert farm.boot_id("gpu001") != before
    assert "550.54.15" == farm.state("gpu001")["running"]["driver"]
    assert not _runs(b"sleep\x00600.5\x00")
    assert ["reboot", "boot"] == [line["what"] for line in farm.journal() if line["what"] in ("reboot", "boot")]


def _runs(words: bytes) -> bool:
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if words in entry.read_bytes():
                return True
    return False


def test_a_fault_at_a_rate_is_drawn_from_its_seed(tmp_path: Path) -> None:
    drawn = []
    for number in range(2):
        faults = {"gpu001": [{"kind": "install_fails", "rate": 0.5, "seed": 7}]}
        with start_hosts(tmp_path / str(number), ["gpu001"], faults=faults) as farm:
            drawn.append([install(farm, "gpu001", f"1:3.4.{n}") for n in range(5)])

    assert drawn[0] == drawn[1]
    assert {0, 100} == set(drawn[0])
