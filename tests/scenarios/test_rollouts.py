"""Two rollouts board together; one is offboarded by hand in mid visit and rolled back there, the other completes."""

import json
from pathlib import Path
from typing import Any

import yaml

from tests.scenarios.fleets import quiet
from tests.scenarios.site import Site, fleet_document

CANARY = ("gpu001", "gpu002", "gpu003")
DRIVER, NIC = "gpu-driver/550.2", "nic-firmware/1.1"
BY = ("--actor", "operator", "--reason")


def _spec(component: str, version: str, prior: str) -> dict[str, Any]:
    """A canary of one domain, then everywhere."""
    canary = {"name": "canary", "cohort": {"count": 3, "hosts": {"names": "gpu[001-003]"}}}
    return {
        "component": component,
        "version": version,
        "prior": prior,
        "phases": [{**canary, "min_successes": 2, "soak": "1s"}, {"name": "everywhere"}],
    }


def _start(site: Site, folder: Path, spec: dict[str, Any]) -> None:
    file = folder / f"{spec['component']}.yaml"
    file.write_text(yaml.safe_dump(spec))
    site.stage.run("rollout", "start", str(file), *BY, "a scenario")


def _status(site: Site, rollout: str) -> dict[str, Any]:
    return json.loads(site.stage.run("rollout", "status", rollout, "--json"))[0]


def test_one_of_two_that_board_together_is_offboarded_and_rolled_back_in_the_same_visit(tmp_path: Path) -> None:
    document = quiet(fleet_document())
    cluster = document["clusters"][0]
    cluster["desired"] = {}
    cluster["stack"]["components"][1]["duration"] = "2s"
    with Site(tmp_path, document) as site:
        _start(site, tmp_path, _spec("gpu-driver", "550.2", "550.1"))
        _start(site, tmp_path, _spec("nic-firmware", "1.1", "1.0"))
        for rollout in (DRIVER, NIC):
            site.until(lambda r=rollout: _status(site, r)["open_phase"] == "canary", 30, f"{rollout} opens its canary")
        site.start_train(cycles=4)
        first = site.until_happened("flash_started", component="gpu-driver", version="550.2")
        assert first.host in CANARY
        told = site.stage.run("rollout", "offboard", DRIVER, *BY, "kernels hang")
        assert f"offboarded: {DRIVER} (kernels hang)" in told

        site.until(lambda: _status(site, NIC)["state"] == "complete", 200, f"{NIC} is complete")
        outcomes = {o.host: o.outcome.value for o in site.outcomes().values()}
        ends = site.all_outcomes()
        back = {o.host for o in ends if o.outcome == "rolled_back"}
        assert first.host in back
        assert back <= set(CANARY)
        assert [] == [h for h, o in outcomes.items() if o == "handed_over"]
        seen = site.versions()
        assert {"550.1"} == {v["gpu-driver"] for v in seen.values()}
        assert {"1.1"} == {v["nic-firmware"] for v in seen.values()}
        flashed = site.happened("flash_started", component="gpu-driver", version="550.2")
        assert {str(r.host) for r in flashed} <= set(CANARY)
        ended = _status(site, DRIVER)
        assert "offboarded" == ended["state"]
        assert "end" == ended["gate"]["action"]
        assert [] == ended["on_offboarded"]
        assert 1 == site.stage.log("up.log").count(f"{DRIVER} was offboarded")
        history = site.stage.run("rollout", "history", DRIVER)
        assert "rollout offboard" in history
        assert "kernels hang" in history
        report = site.observed(reboots_per_operation=2)
        assert [] == report["violation_details"]
        assert {} == site.leases()
