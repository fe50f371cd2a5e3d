"""The files of `maintrain demo`: they load, and their rollouts can be planned as the demo needs them."""

import json

import pytest

from tests.cli.conftest import ROOT

DEMO = ROOT / "examples" / "demo"
ROLLOUTS = {
    "nic-firmware": {"canary": 8, "train": 56, "everywhere": 16},
    "kernel": {"canary": 8, "train": 56, "everywhere": 16},
    "gpu-driver": {"canary": 8, "everywhere": 72},
}


@pytest.fixture
def demo(maintrain):
    """The command line with the demo's fleet file in force and its hosts read."""
    assert maintrain("fleet", "load", DEMO / "fleet.yaml").code == 0
    assert "sim: added: gpu[001-080] (80)" in maintrain("fleet", "sync").out
    return maintrain


@pytest.mark.parametrize("name", ROLLOUTS)
def test_a_rollout_of_the_demo_reaches_every_host_by_its_phases(demo, name):
    plan = json.loads(demo("rollout", "plan", DEMO / f"{name}.yaml", "--json").out)

    assert ROLLOUTS[name] == {p["phase"]: sum(map(len, p["hosts"].values())) for p in plan["phases"]}


def test_the_hardware_that_the_bad_version_fails_is_not_in_its_canary(demo):
    plan = json.loads(demo("rollout", "plan", DEMO / "gpu-driver.yaml", "--json").out)

    canary = [host for hosts in plan["phases"][0]["hosts"].values() for host in hosts]
    assert [f"gpu{n:03}" for n in range(9, 17)] == sorted(canary)
