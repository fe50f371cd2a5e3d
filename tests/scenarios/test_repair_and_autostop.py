"""Hosts that fail go to repair with the right reason and page once; they fill the failure buffer, which stops the
grants; repairs, or an operator, let them go on. In between, the fleet file asks for another version.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from fleet.errors import Refused
from tests.scenarios.engine import kind_of
from tests.scenarios.fleets import quiet
from tests.scenarios.listener import PageListener
from tests.scenarios.site import CLUSTER, POOL, WHERE, Site, fleet_document

FAULTS = (
    {"kind": "flash_fails", "host": "gpu001", "component": "nic-firmware"},
    {"kind": "host_not_back", "host": "gpu004"},
    {"kind": "health_fails", "host": "gpu007"},
)


def test_failures_stop_the_grants_until_repairs_or_an_operator_let_them_go_on(tmp_path: Path) -> None:
    document = quiet(fleet_document(hosts=12, faults=FAULTS, autostop={"settle": "1s"}))
    document["clusters"][0]["host_back_within"] = "4s"
    document["notify"] = ["SCENARIO_PAGES"]
    site = Site(tmp_path, document)
    with PageListener() as listener:
        site.stage.environment["SCENARIO_PAGES"] = listener.url
        with site:
            site.start_train()
            assert "image failed" in site.until_outcome("gpu001", "handed_over").reason
            assert "not back from its reboot within 4" in site.until_outcome("gpu004", "handed_over").reason
            _the_third_domain_waits(site)
            _one_repair_fails_and_one_holds(site, listener)

            site.until_happened("flash_started", "gpu008", component="nic-firmware")
            _load(site, document, desired="550.3", resume="operator")
            assert "unhealthy" in site.until_outcome("gpu007", "handed_over").reason
            _an_operator_resumes(site)

            site.until_closed(120)
            _as_it_must_be(site, listener)


def _the_third_domain_waits(site: Site) -> None:
    site.until(lambda: site.now().autostops[POOL].stopped, 30, "autostop")
    _waits_because(site, "2 hosts failed, failure buffer 2")
    assert "2 hosts failed, failure buffer 2" in site.stage.run("ledger", CLUSTER)
    assert [] == site.happened("drained", "gpu007")


def _one_repair_fails_and_one_holds(site: Site, listener: PageListener) -> None:
    """And every word that repair can't heed is refused in a sentence."""
    for verb, host, refusal in (
        ("repaired", "gpu002", "gpu002 is not in repair"),
        ("repaired", "gpu999", "gpu999"),
        ("decommission", "gpu005", "gpu005 is not in repair"),
    ):
        with pytest.raises(Refused, match=refusal):
            site.stage.run("host", verb, host, "--reason", "a try")
    site.world().repair_host("gpu004")
    site.stage.run("host", "repaired", "gpu004", "--reason", "new board")
    site.stage.run("host", "repaired", "gpu001", "--reason", "reseated")
    site.until_outcome("gpu004", "repaired")
    site.until(lambda: listener.titles("gpu001 did not pass"), 30, "the repair that failed is told")
    assert ("HostRepair", True) == kind_of(site, f"host/{CLUSTER}/gpu001")


def _load(site: Site, document: dict[str, Any], desired: str, resume: str) -> None:
    """Another fleet file in the middle of a visit."""
    document["clusters"][0]["desired"]["gpu-driver"] = desired
    document["clusters"][0]["pools"][0]["autostop"]["resume"] = resume
    site.file.write_text(yaml.safe_dump(document))
    site.stage.run("fleet", "load", str(site.file), "--reason", "the next driver")


def _an_operator_resumes(site: Site) -> None:
    """The cause goes away; the pool wants a person's word all the same."""
    site.until(lambda: site.now().autostops[POOL].stopped, 30, "autostop again")
    _waits_because(site, "2 hosts failed, failure buffer 2")
    site.stage.run("host", "decommission", "gpu001", "--reason", "beyond repair")
    site.until_outcome("gpu001", "decommissioned")
    _waits_because(site, "an operator must resume")
    assert [] == site.happened("drained", "gpu010")
    site.stage.run("resume", WHERE, "--reason", "one less")


def _waits_because(site: Site, words: str) -> None:
    site.until(lambda: any(words in r.waits_because for r in site.now().requests), 30, f"a request waits: {words}")


def _as_it_must_be(site: Site, listener: PageListener) -> None:
    assert [] == site.observed()["violation_details"]
    assert {"gpu007"} == set(site.leases())
    drivers = {h: v["gpu-driver"] for h, v in site.versions().items()}
    assert {"550.2"} == {drivers[f"gpu{n:03}"] for n in (2, 3, 4, 5, 6, 8, 9)}
    assert {"550.3"} == {drivers[f"gpu{n:03}"] for n in (10, 11, 12)}
    for host in ("gpu001", "gpu004", "gpu007"):
        assert [f"{CLUSTER}/{host} is out of production and needs repair"] == listener.titles(f"{host} is out")
    assert 1 == len(listener.titles("gpu001 did not pass"))
    assert 2 == len(listener.titles(f"Autostop in {WHERE}"))
