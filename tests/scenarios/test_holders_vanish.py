"""Workflows ended from outside: a host's, its visit's, both, and a visit's that still waits."""

from pathlib import Path

from tests.scenarios.engine import kind_of, terminate
from tests.scenarios.fleets import quiet
from tests.scenarios.site import CLUSTER, POOL, Site, fleet_document


def _visit(domain: str, attempt: int = 1) -> str:
    return f"visit/{CLUSTER}/{POOL}/1/{domain}/{attempt}"


def _host(name: str) -> str:
    return f"host/{CLUSTER}/{name}"


def test_no_host_is_lost_whichever_workflow_is_ended_from_outside(tmp_path: Path) -> None:
    document = quiet(fleet_document(hosts=9, failure_buffer=5))
    with Site(tmp_path, document) as site:
        site.start_train()

        # A host's own: its visit hands it over, the others go on.
        site.until_happened("flash_started", "gpu001", component="gpu-driver")
        terminate(site, _host("gpu001"))
        lost = site.until_outcome("gpu001", "handed_over")
        assert "broken off from outside" in lost.reason
        site.until(lambda: kind_of(site, _host("gpu001")) == ("HostRepair", True), 30, "gpu001 is in repair")

        # The visit's while its hosts run: they finish on their own, and the train goes on at once.
        site.until_happened("flash_started", "gpu004", component="gpu-driver")
        terminate(site, _visit("d002"))
        for host in ("gpu004", "gpu005", "gpu006"):
            assert "upgraded" == site.until_outcome(host, "upgraded").outcome

        # Both: the dispatcher finds the host, whose state nobody knows.
        site.until_happened("flash_started", "gpu007", component="gpu-driver")
        terminate(site, _visit("d003"))
        terminate(site, _host("gpu007"))
        lost = site.until_outcome("gpu007", "handed_over")
        assert "no longer run" in lost.reason
        site.until(lambda: kind_of(site, _host("gpu007")) == ("HostRepair", True), 30, "gpu007 is in repair")
        site.until_closed(120)

        assert {"gpu001", "gpu007"} == set(site.leases())
        for host in ("gpu001", "gpu007"):
            site.stage.run("host", "repaired", host, "--reason", "looked at it")
            site.until_outcome(host, "repaired")
        assert [] == site.observed()["violation_details"]
        assert {} == site.leases()
