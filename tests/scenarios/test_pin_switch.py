"""A pin switch over a busy cluster with a bad host, its worker killed in the middle; and one that a person aborts."""

from pathlib import Path

import pytest

from fleet.errors import Refused
from tests.scenarios.fleets import quiet
from tests.scenarios.pins import BY, OVER, approve, document_of, kill_worker, never_mixed, start, until
from tests.scenarios.site import CLUSTER, Site


def test_a_switch_survives_bad_hosts_and_a_killed_worker_and_never_runs_mixed(tmp_path: Path) -> None:
    bad = {"kind": "flash_fails", "host": "gpu007", "component": "nccl"}
    document = document_of(32, [bad])
    with Site(tmp_path, document) as site:
        start(site, "--window", "150s", "--jobs", "requeue", "--max-failed", "10%")
        approve(site)
        site.until_happened("flash_started", within=60, component="nccl")
        kill_worker(site)

        ended = until(site, *OVER, within=200)

        assert ("done", {"failed": 1, "returned": 31}) == (ended["state"], ended["hosts"])
        assert ["2.21", "2.22"] == never_mixed(site)
        assert ["gpu007"] == list(site.leases())
        assert "failed" == site.leases()["gpu007"].counted
        serving = {v["nccl"] for host, v in site.versions().items() if host != "gpu007"}
        assert {"2.22"} == serving
        flashed = [r.host for r in site.happened("flash_started", component="nccl", version="2.22")]
        assert sorted(f"gpu{n:03}" for n in range(1, 33)) == sorted(str(h) for h in flashed)
        assert site.happened("job_requeued", by="maintrain", held=True)
        requeued = {r.job for r in site.happened("job_requeued", held=True)}
        assert requeued == {r.job for r in site.happened("job_released")}

        # A file that still says the old pin is not loaded; what was left behind gets the new one in repair.
        told = _refused(site, "fleet", "load", str(site.file), *BY, "the file of yesterday")
        assert "expected 2.22, which pin/sim/nccl/1 (by operator) put in force" in told
        site.world().repair_host("gpu007")
        site.stage.run("host", "repaired", "gpu007", *BY, "a new disk")
        site.until(lambda: not site.leases(), 60, "gpu007 is back")
        assert "2.22" == site.versions()["gpu007"]["nccl"]
        assert ["2.21", "2.22"] == never_mixed(site)
        assert [] == site.observed()["violation_details"]


def test_an_aborted_switch_brings_every_host_back_to_the_old_pin(tmp_path: Path) -> None:
    document = quiet(document_of(8))
    document["clusters"][0]["stack"]["components"][2]["duration"] = "12s"
    with Site(tmp_path, document) as site:
        start(site, "--window", "120s", "--max-failed", "1")
        approve(site)
        site.until_happened("flash_started", within=60, component="nccl")
        site.stage.run("pin", "abort", CLUSTER, *BY, "the release is pulled")

        ended = until(site, *OVER)

        assert ("went_back", {"returned": 8}) == (ended["state"], ended["hosts"])
        assert "aborted by operator: the release is pulled" == ended["reason"]
        assert ["2.21"] == never_mixed(site)
        assert {} == site.leases()
        assert {"2.21"} == {v["nccl"] for v in site.versions().values()}
        assert [] == site.observed()["violation_details"]
        site.stage.run("fleet", "load", str(site.file), *BY, "the same pins as ever")


def test_a_breaking_switch_moves_the_driver_in_the_same_window(tmp_path: Path) -> None:
    document = quiet(document_of(4))
    document["clusters"][0]["matrix"] = [
        {"components": {"gpu-driver": driver}, "pins": {"nccl": pin}}
        for driver, pin in (("550.1", "2.21"), ("550.2", "2.22"))
    ]
    with Site(tmp_path, document) as site:
        start(site, "--window", "150s", "--together", "gpu-driver=550.2")
        approve(site)

        ended = until(site, *OVER)

        assert ("done", {"returned": 4}) == (ended["state"], ended["hosts"])
        assert {("550.2", "2.22")} == {(v["gpu-driver"], v["nccl"]) for v in site.versions().values()}
        assert ["2.21", "2.22"] == never_mixed(site)
        assert [] == site.observed()["violation_details"]


def _refused(site: Site, *arguments: str) -> str:
    with pytest.raises(Refused) as no:
        site.stage.run(*arguments)
    return str(no.value)
