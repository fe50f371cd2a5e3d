"""`maintrain fleet publish` and `maintrain job stack` on the simulated cluster."""

import json
from pathlib import Path

import pytest

from drivers.simulated import SimulatedCluster
from tests.cli.conftest import SIMULATED

BECAUSE = ("--reason", "a try")


@pytest.fixture
def publishing(maintrain, tmp_path):
    path = tmp_path / "fleet.yaml"
    text = SIMULATED.read_text()
    path.write_text(text.replace("    pins: #", "    publish_versions: [gpu-driver, kernel]\n    pins: #", 1))
    assert 0 == maintrain("fleet", "load", path).code
    assert 0 == maintrain("fleet", "sync").code
    return maintrain


def world(maintrain) -> SimulatedCluster:
    return SimulatedCluster.at(Path(maintrain.data) / "sim" / "cluster.sqlite")


def features(maintrain):
    with_features = [r for r in world(maintrain).journal() if r.kind == "features"]
    return {r.host: r.detail["names"] for r in with_features}


def test_hosts_in_production_show_their_versions_once(publishing):
    first, second = publishing("fleet", "publish", *BECAUSE), publishing("fleet", "publish", *BECAUSE)

    assert "63 hosts changed, 0 showed it already" in first.out
    assert "0 hosts changed, 63 showed it already" in second.out
    shown = features(publishing)
    assert ["maintrain.gpu-driver=550.90.07", "maintrain.kernel=6.8.0-45"] == shown["gpu001"]
    assert "gpu053" not in shown
    assert "fleet publish" == json.loads(publishing("log", "--json").out)[1]["action"]


def test_publishing_can_be_tried_dry(publishing):
    before = publishing.facts()

    result = publishing("fleet", "publish", *BECAUSE, "--dry-run")

    assert "(63): maintrain.gpu-driver=550.90.07, maintrain.kernel=6.8.0-45" in result.out
    assert (before, {}) == (publishing.facts(), features(publishing))


def test_a_cluster_that_publishes_nothing_says_where_to_name_components(synced):
    result = synced("fleet", "publish", *BECAUSE)

    assert (1, True) == (result.code, "name components in publish_versions of its fleet file" in result.err)


def test_a_component_that_the_stack_lacks_is_no_version_to_publish(maintrain, tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text(SIMULATED.read_text().replace("    pins: #", "    publish_versions: [gpu]\n    pins: #", 1))

    result = maintrain("fleet", "load", path)

    assert (2, True) == (result.code, "publish_versions: expected components of the stack, found 'gpu'" in result.err)


def test_the_versions_under_a_job_are_those_of_its_start(maintrain, tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text(SIMULATED.read_text().replace("load: 0.85", "load: 0", 1))
    maintrain("fleet", "load", path)
    maintrain("fleet", "sync")
    early = world(maintrain).submit_job(hosts=["gpu001", "gpu002"])
    maintrain("compat", "adopt", *BECAUSE)
    world(maintrain).end_job(early)
    later = world(maintrain).submit_job(hosts=["gpu001", "gpu002"])

    unknown, known = (json.loads(maintrain("job", "stack", number, "--json").out) for number in (early, later))

    assert [{}] == [group["versions"] for group in unknown["groups"]]
    (group,) = known["groups"]
    assert (["gpu001", "gpu002"], "550.90.07", []) == (
        group["hosts"],
        group["versions"]["gpu-driver"],
        group["unknown"],
    )
    assert ("accounting", "scheduler") == (unknown["run"]["source"], known["run"]["source"])
    text = maintrain("job", "stack", later).out
    assert ["driver", "gpu-driver", "550.90.07"] in [line.split() for line in text.splitlines()]
    assert text.endswith("all its hosts carried the same\n")
    assert "they were read later, or never" in maintrain("job", "stack", early).out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["stack", "9999"], 1, "no job 9999 has run on the simulated cluster"),
        (["stack", "7;reboot"], 2, "JOB: expected a job id such as 4711"),
        (["stack", "--", "-x"], 2, "JOB: expected a job id such as 4711"),
        (["stack", "7", "--cluster", "moon"], 2, "clusters.moon: expected one of sim"),
        (["stack"], 2, "JOB"),
    ],
)
def test_a_bad_job_is_one_error(synced, arguments, code, message):
    result = synced("job", *arguments)

    assert (code, "", 1) == (result.code, result.out, len(result.err.splitlines()))
    assert message in result.err
