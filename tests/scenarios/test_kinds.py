"""Trains over pools of every kind at once, each held to its own promises: a pool outside its windows is left alone, and
storage loses hosts of one replica group at most, somebody else's drain included.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from drivers.simulated.journal import JournalReplay
from fleet.models.windows import Weekday
from starter.demo.observer import Observer
from starter.demo.simulated import pool_limits
from starter.fleetfile import read_fleet
from tests.scenarios.site import CLUSTER, ROOT, Site

MEMBERS = {
    "gpu-train": ("gpu001", "gpu002", "gpu003"),
    "gpu-inference": ("inf001", "inf002", "inf003"),
    "compute": ("cpu001", "cpu002", "cpu003"),
    "storage": ("sto001", "sto002", "sto003", "sto004"),
}
RACKS = {"sto001": "rack001", "sto002": "rack001", "sto003": "rack002", "sto004": "rack002"}
BECAUSE = ("--reason", "a scenario")


def _document() -> dict[str, Any]:
    """The example, smaller, without jobs, and with windows that are closed for two days."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "kinds.yaml").read_text())
    cluster = document["clusters"][0]
    cluster["name"] = CLUSTER
    scheduler, hardware = cluster["drivers"]["scheduler"], cluster["drivers"]["hardware"]
    scheduler["state"] = hardware["state"] = "sim.sqlite"
    scheduler["jobs"]["load"] = 0
    hardware |= {"hosts": "sto[001-004],gpu[001-003],inf[001-003],cpu[001-003]", "verify_duration": "200ms"}
    hardware |= {"hosts_per_rack": 2, "spread": 0}
    late = list(Weekday)[(datetime.now(UTC) + timedelta(days=3)).weekday()]
    for pool in cluster["pools"]:
        names = MEMBERS[pool["name"]]
        pool |= {
            "hosts": {"names": ",".join(names)},
            "domain": {"size": 2},
            "floor": 1,
            "planned_buffer": 2,
            "notice": "0s",
        }
        if pool.get("windows"):
            pool["windows"] = [{"days": [str(late)], "opens": "10:00", "closes": "12:00"}]
    return document


def _observed(site: Site) -> dict[str, Any]:
    fleet, _ = read_fleet(site.file)
    limits = pool_limits(fleet.clusters[0], MEMBERS)
    observer = Observer([replace(its, groups=RACKS) if its.name == "storage" else its for its in limits])
    for snapshot in JournalReplay(site.world()).more():
        observer.see(snapshot)
    return observer.report()


def _closed(site: Site, *pools: str) -> bool:
    cycles = [site.ask(lambda store, pool=pool: store.cycle(CLUSTER, pool)) for pool in pools]
    return all(cycle is not None and cycle.closed_at is not None for cycle in cycles)


def test_trains_over_pools_of_every_kind_keep_each_to_its_own_promises(tmp_path: Path) -> None:
    with Site(tmp_path, _document()) as site:
        assert RACKS == {h.name: h.rack for h in site.now().hosts.values() if h.pool == "storage"}
        site.world().drain_by_other("sto004", "bob: disk")
        for pool in MEMBERS:
            site.stage.run("train", "start", f"{CLUSTER}/{pool}", "--cycles", "1", *BECAUSE)

        def waiting() -> Any:
            return [r for r in site.now().requests if "replica group" in r.waits_because]

        first = site.until(waiting, 30, "the storage train waits for the group that has lost a host")
        assert {"sto001", "sto002"} >= set(first[0].hosts)
        site.until(lambda: _closed(site, "gpu-train", "compute"), 60, "training and compute are done")
        assert [] == [h for h in site.our_drains_after(0.0) if h.startswith("sto")]
        site.world().undrain_by_other("sto004")
        site.until(lambda: _closed(site, "storage"), 60, "storage is done")

        told = site.stage.run("train", "status", f"{CLUSTER}/gpu-inference")
        assert "outside pool gpu-inference's windows; the next one opens at" in told
        report = _observed(site)
        assert [] == report["violation_details"]
        assert 10 == report["visited"]
        assert [] == [h for h in site.our_drains_after(0.0) if h.startswith("inf")]
