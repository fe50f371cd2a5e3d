"""Compute and storage hosts of one rack are two pools: where a job spans them, their trains visit them together."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from drivers.simulated.journal import JournalReplay
from starter.demo.observer import Observer
from starter.demo.simulated import pool_limits
from starter.fleetfile import read_fleet
from tests.scenarios.fleets import quiet
from tests.scenarios.site import CLUSTER, POOL, Site, fleet_document

STORAGE = "sto"
GPUS, STORES = (tuple(f"{kind}{n:03}" for n in range(1, 7)) for kind in ("gpu", "sto"))
DRIVER = "gpu-driver/550.2"
SPEC = {
    "component": "gpu-driver",
    "version": "550.2",
    "prior": "550.1",
    "aligned": {"by": "rack", "wait": "60s"},
    "phases": [{"name": "everywhere"}],
}


def _document() -> dict[str, Any]:
    """Two racks, each with a domain of either pool; the storage train tells its jobs longer before."""
    document = quiet(fleet_document(notice="2s"))
    cluster = document["clusters"][0]
    hardware = cluster["drivers"]["hardware"]
    hardware["hosts"] = "gpu[001-003],sto[001-003],gpu[004-006],sto[004-006]"
    hardware["hosts_per_rack"] = 6
    cluster["desired"] = {}
    compute = cluster["pools"][0]
    cluster["pools"].append({**compute, "name": STORAGE, "hosts": {"names": "sto[001-006]"}, "notice": "20s"})
    return document


def _observed(site: Site) -> dict[str, Any]:
    fleet, _ = read_fleet(site.file)
    observer = Observer(pool_limits(fleet.clusters[0], {POOL: GPUS, STORAGE: STORES}))
    for snapshot in JournalReplay(site.world()).more():
        observer.see(snapshot)
    return observer.report()


def _drained_at(site: Site, names: tuple[str, ...]) -> float:
    return min(r.at for r in site.happened("drained", by="maintrain") if r.host in names)


def test_a_rack_whose_job_spans_two_pools_is_visited_together_and_the_job_is_interrupted_once(tmp_path: Path) -> None:
    with Site(tmp_path, _document()) as site:
        site.world().submit_job(hosts=("gpu001", "sto002"))
        file = tmp_path / "rollout.yaml"
        file.write_text(yaml.safe_dump(SPEC))
        site.stage.run("rollout", "start", str(file), "--actor", "operator", "--reason", "a scenario")
        site.until(lambda: _phase(site) == "everywhere", 30, "the rollout is open")
        told = "gpu/d001 is visited together with sto/d001: 1 jobs are interrupted instead of 2"
        planned = f"joint visit, by {DRIVER}: {told}"
        site.until(lambda: planned in site.stage.run("train", "plan", f"{CLUSTER}/{POOL}"), 30, "the plan tells of it")
        assert f"joint visit: {CLUSTER}/{told}" in site.stage.run("rollout", "plan", DRIVER)
        # At once: the storage train's visit must not be over before the other has a cycle.
        with ThreadPoolExecutor() as together:
            list(together.map(lambda pool: _start(site, pool), (STORAGE, POOL)))

        waits = site.until(lambda: [r for r in site.now().requests if r.joint], 60, "a visit waits for another pool's")
        assert {POOL, STORAGE} == {p.pool for p in waits[0].joint.partners}
        assert "1 jobs are interrupted instead of 2" in waits[0].joint.why

        site.until(lambda: _phase(site, "state") == "complete", 200, "the rollout is complete")
        interrupted = site.happened("job_requeued", by="maintrain")
        assert 1 == len(interrupted)
        assert abs(_drained_at(site, GPUS[:3]) - _drained_at(site, STORES[:3])) < 2
        assert {"550.2"} == {v["gpu-driver"] for v in site.versions().values()}
        report = _observed(site)
        assert [] == report["violation_details"]
        assert 12 == report["visited"]
        site.until(lambda: not site.leases(), 30, "every host is back")


def _start(site: Site, pool: str) -> None:
    site.stage.run("train", "start", f"{CLUSTER}/{pool}", "--cycles", "1", "--reason", "a scenario")


def _phase(site: Site, what: str = "open_phase") -> str:
    return str(json.loads(site.stage.run("rollout", "status", DRIVER, "--json"))[0][what])
