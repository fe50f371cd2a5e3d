"""Fleet files of real hosts: the example loads, and what nobody could read or change there is refused."""

import json
from typing import Any

import pytest
import yaml

from drivers.ssh.bound import bound
from fleet.models.fleetfile import FleetFile
from fleet.models.ladder import Rung
from fleet.policy.rung_steps import rung_steps
from starter.fleetfile import read_fleet
from tests.cli.conftest import ROOT, SIMULATED

LAB = ROOT / "examples" / "lab.yaml"
HANDS = "clusters[0].drivers"


def test_the_example_of_a_lab_is_valid_and_loads(maintrain):
    fleet, text = read_fleet(LAB)

    assert LAB.read_text() == text
    assert {"bmc", "bios", "gpu-driver", "dcgm", "container-toolkit", "cuda", "nccl"} == (
        fleet.clusters[0].drivers.hardware.components
    )
    assert 0 == maintrain("fleet", "load", LAB).code


def test_the_schema_knows_the_mechanisms_of_real_hosts(maintrain):
    schema = json.loads(maintrain("fleet", "schema").out)

    assert {"HostsHardware", "ProbeRecipe", "Redfish", "Ssh", "ToolsVerifier"} <= schema["$defs"].keys()


def change(**at: Any) -> dict[str, Any]:
    """The lab with some of its cluster's fields changed; `a__b` is the field b in a."""
    document = yaml.safe_load(LAB.read_text())
    for path, value in at.items():
        *way, last = path.split("__")
        place = document["clusters"][0]
        for name in way:
            place = place[name]
        place[last] = value
    return document


SIM = yaml.safe_load(SIMULATED.read_text())["clusters"][0]["drivers"]
PROBE = {"kind": "probe", "probe": {"argv": ["uname", "-r"]}}
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a simulated verifier": (
        {"drivers__verifier": {"kind": "simulated"}},
        f"{HANDS}.verifier.kind: expected another than 'simulated'",
    ),
    "a simulated scheduler": ({"drivers__scheduler": SIM["scheduler"]}, f"{HANDS}.hardware.kind: expected 'simulated'"),
    "tools on simulated hosts": ({"drivers__hardware": SIM["hardware"]}, f"{HANDS}.hardware.kind: expected 'hosts'"),
    "a component of no layer": (
        {"drivers__hardware__ssh__components__kernel": PROBE},
        "kernel: expected a component of the stack",
    ),
    "a pin that nothing reads": (
        {"drivers__hardware__ssh__components": {"gpu-driver": PROBE, "dcgm": PROBE, "cuda": PROBE}},
        "pins.nccl: expected drivers.hardware to say how it is read",
    ),
    "a wish that nothing changes": (
        {"drivers__hardware__redfish": None},
        "desired.bmc: expected drivers.hardware to say how it is read",
    ),
    "one component by two mechanisms": (
        {"drivers__hardware__ssh__components__bmc": PROBE},
        "bmc: expected it under ssh.components or in redfish.models, found both",
    ),
    "a placeholder that a probe does not know": (
        {"drivers__hardware__ssh__components__nccl": {"kind": "probe", "probe": {"argv": ["cat", "{version}"]}}},
        "is not known here, only {component}",
    ),
    "a power cycle without a BMC": (
        {
            "drivers__hardware__redfish": None,
            "desired": {"gpu-driver": "550.127.08"},
            "repair": {"ladder": {"hardware": ["retry", "power_cycle"]}},
        },
        "repair.ladder.hardware: expected no power_cycle, or drivers.hardware.redfish",
    ),
    "a reinstallation without a program": (
        {"repair__ladder__unknown": ["reimage"]},
        "repair.ladder.unknown: expected no reimage, or repair.reimage with the program that does it",
    ),
    "a reflash of nothing": ({"repair__reflash": None}, "reflash: expected its components, since the ladder names"),
    "a reflash of what is only read": (
        {"repair__reflash__components": ["nccl"]},
        "repair.reflash.components: nccl: expected a host-facing component of the stack",
    ),
    "a reflash of firmware without an image": (
        {"drivers__hardware__redfish__images__images": []},
        "repair.reflash.components: bios: expected an image of it in drivers.hardware.redfish.images",
    ),
    "rungs that go down": ({"repair__ladder__software": ["reboot", "retry"]}, "expected each rung once, in the order"),
    "a program without its host": ({"repair__reimage": {"argv": ["reinstall"]}}, "expected {host} among the arguments"),
    "an install of what is only read": (
        {"drivers__hardware__ssh__components__nccl": PROBE | {"install": ["true"]}},
        "install",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_whose_hosts_nobody_could_handle_is_refused(loaded, tmp_path, name):
    changes, told = BAD[name]
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(change(**changes)))
    before = loaded.facts()

    result = loaded("fleet", "load", path)

    assert (2, before) == (result.code, loaded.facts())
    assert told in result.err


@pytest.mark.parametrize(
    ("component", "answer", "version"),
    [
        (
            "cuda",
            '{\n  "cuda" : {\n    "name" : "CUDA SDK",\n    "version" : "12.4.1"\n  },\n  "nsight" : {}\n}\n',
            "12.4.1",
        ),
        ("nccl", "2.21.5-1+cuda12.4\n", "2.21.5"),
    ],
)
def test_the_probes_of_the_example_find_the_version_in_what_is_printed(component, answer, version):
    cluster = read_fleet(LAB)[0].clusters[0]
    chosen = cluster.drivers.hardware.ssh.components[component]

    assert version == bound(component, chosen).version("gpu001", 0, answer)
    assert version == cluster.pins[component]


def test_a_reflash_ends_with_what_its_mechanism_declares_to_bring_it_into_effect():
    """Written again in the same version, nothing in the inventory would tell that a power cycle is missing."""
    document = change(stack__components=[c | {"reboot": False} for c in change()["clusters"][0]["stack"]["components"]])
    cluster = FleetFile.model_validate(document).clusters[0]
    steps = rung_steps(cluster, cluster.pools[0], Rung.REFLASH, {"bios": "1.5.3"})
    assert ["reflash:bios", "rung:power_cycle"] == [step.key for step in steps]
