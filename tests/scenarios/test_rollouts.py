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


def _state(site: Site, rollout: str) -> str:
    """Its state, without the command line: for looking often."""
    found = site.ask(lambda store: store.rollout(rollout))
    return "" if found is None else str(found.state)


def test_one_of_two_that_board_together_is_offboarded_and_rolled_back_in_the_same_visit(tmp_path: Path) -> None:
    document = quiet(fleet_document())
    cluster = document["clusters"][0]
    cluster["desired"] = {}
    cluster["stack"]["components"][1]["duration"] = "12s"  # the order comes while it is flashed, on a busy machine too
    with Site(tmp_path, document) as site:
        _start(site, tmp_path, _spec("gpu-driver", "550.2", "550.1"))
        _start(site, tmp_path, _spec("nic-firmware", "1.1", "1.0"))
        for rollout in (DRIVER, NIC):
            site.until(lambda r=rollout: _status(site, r)["open_phase"] == "canary", 30, f"{rollout} opens its canary")
        site.start_train()
        first = site.until_happened("flash_started", component="gpu-driver", version="550.2")
        assert first.host in CANARY
        told = site.stage.run("rollout", "offboard", DRIVER, *BY, "kernels hang")
        assert f"offboarded: {DRIVER} (kernels hang)" in told

        site.cycle_until(lambda: _state(site, NIC) == "complete", 200, f"{NIC} is complete")
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


def test_a_version_that_is_bad_on_one_hardware_model_is_blamed_and_offboarded_by_itself(tmp_path: Path) -> None:
    bad = {"kind": "version_fails", "component": "gpu-driver", "version": "550.2", "model": "b200"}
    document = quiet(fleet_document(hosts=9, faults=[bad], failure_buffer=6, floor=0))
    cluster = document["clusters"][0]
    cluster["desired"] = {}
    cluster["drivers"]["hardware"]["models"] = {"b200": "gpu[001-006]", "h100": "gpu[007-009]"}
    canary = {"name": "canary", "cohort": {"percent": 100, "hosts": {"model": "b200"}}, "min_successes": 6}
    with Site(tmp_path, document) as site:
        driver = _spec("gpu-driver", "550.2", "550.1")
        _start(site, tmp_path, {**driver, "phases": [canary, {"name": "everywhere"}]})
        site.until(lambda: _status(site, DRIVER)["open_phase"] == "canary", 30, "the canary is open")
        site.start_train(cycles=2)

        site.until(lambda: _state(site, DRIVER) == "offboarded", 120, "blame offboards it")
        told = _status(site, DRIVER)["reason"]
        assert "gpu-driver 550.2 is to blame" in told
        carrying = {str(r.host) for r in site.happened("flash_started", component="gpu-driver", version="550.2")}
        assert carrying <= {f"gpu00{n}" for n in range(1, 7)}
        assert told.splitlines()[0] in site.stage.log("up.log")

        # Nothing but the version was wrong with them: in repair they go back to the one before, and pass.
        site.until(lambda: carrying <= set(_in_repair(site)), 60, "those that failed are in repair")
        for host in sorted(carrying):
            site.stage.run("host", "repaired", host, *BY, "it was the driver")
        site.until(lambda: not site.leases(), 90, "every host is back")
        assert {"550.1"} == {site.versions()[host]["gpu-driver"] for host in carrying}
        site.until(lambda: _status(site, DRIVER)["gate"]["action"] == "end", 30, "nobody carries it any more")
        assert [] == site.observed(reboots_per_operation=2)["violation_details"]


def _in_repair(site: Site) -> list[str]:
    return [host for host, lease in site.leases().items() if lease.counted == "failed"]
