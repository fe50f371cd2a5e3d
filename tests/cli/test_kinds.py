"""Pools of every kind in one fleet file: the example loads and plans, and promises that can't be kept are refused."""

import json

import pytest

from starter.fleetfile import read_fleet
from tests.cli.conftest import ROOT

KINDS = ROOT / "examples" / "kinds.yaml"
BECAUSE = ("--reason", "a try")


def test_the_example_loads_and_plans_a_train_for_each_kind(maintrain):
    assert 0 == maintrain("fleet", "load", KINDS, *BECAUSE).code
    assert 0 == maintrain("fleet", "sync").code
    plans = {
        pool.name: json.loads(maintrain("train", "plan", f"kinds/{pool.name}", "--json").out)
        for pool in read_fleet(KINDS)[0].clusters[0].pools
    }

    # Which comes first hangs on the jobs that run just now.
    stops = {pool: sorted(len(stop["hosts"]) for stop in plan["stops"]) for pool, plan in plans.items()}
    assert {"gpu-train": [6, 6], "gpu-inference": [1, 1, 2, 2], "compute": [3, 3], "storage": [3, 3, 3, 3]} == stops
    racks = [{int(host.removeprefix("sto")) > 6 for host in stop["hosts"]} for stop in plans["storage"]["stops"]]
    assert [{False}, {False}, {True}, {True}] == racks
    boarded = {pool: sorted(plan["stops"][0]["upgrades"]) for pool, plan in plans.items()}
    assert ["kernel 6.8.0-48"] == boarded["storage"] == boarded["compute"]
    assert ["gpu-driver 550.127.08", "kernel 6.8.0-48"] == boarded["gpu-train"] == boarded["gpu-inference"]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            'opens: "22:00", closes: "06:00"',
            'opens: "23:59", closes: "00:00"',
            "windows[0]: expected at least 12m, the drain deadline, the visit budget and 10m to begin in; "
            "daily 23:59-00:00 Europe/Berlin is 1m long",
        ),
        (
            "zone: Europe/Berlin}\n          - {days",
            "zone: Europe/Atlantis}\n          - {days",
            "pools[1].windows[0].zone: expected an IANA",
        ),
        ("{by: rack, at_once: 1}", "{by: feature, at_once: 1}", "replicas.prefix: expected with by feature"),
    ],
    ids=["a window that is too short", "a zone that is none", "groups by no feature"],
)
def test_a_file_with_a_promise_that_can_not_be_kept_is_refused_with_one_error(maintrain, tmp_path, before, after, told):
    text = KINDS.read_text()
    assert 1 == text.count(before)
    file = tmp_path / "fleet.yaml"
    file.write_text(
        text.replace(before, after).replace(
            "visit_budget: 20s\n        verify: [health, performance]",
            "visit_budget: 100s\n        verify: [health, performance]",
        )
    )
    found = maintrain("fleet", "load", file, *BECAUSE)

    assert 0 != found.code
    assert told in found.err.replace("\n", " ")


def test_hosts_whose_replica_group_nobody_tells_are_not_taken_in(maintrain, tmp_path):
    file = tmp_path / "fleet.yaml"
    file.write_text(KINDS.read_text().replace("{by: rack, at_once: 1}", '{by: feature, prefix: "replica="}'))
    assert 0 == maintrain("fleet", "load", file, *BECAUSE).code
    found = maintrain("fleet", "sync")

    assert 0 != found.code
    assert "pools.storage.replicas: expected the scheduler to tell exactly one feature replica=*" in found.err
