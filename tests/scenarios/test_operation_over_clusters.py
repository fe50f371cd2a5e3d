"""An operation over two clusters that joins work which has one of its hosts out already: that host is taken out once,
and returns when both are through with it; its namesake in the other cluster is drained at the same grant.
"""

from pathlib import Path
from typing import Any

import pytest

from drivers.simulated.cluster import SimulatedCluster
from drivers.simulated.journal import JournalReplay
from fleet.models.operation import Said
from starter.demo.observer import Observer
from starter.demo.simulated import pool_limits
from starter.fleetfile import read_fleet
from starter.op_spec import Asked
from starter.operations import Operations
from tests.scenarios.fleets import quiet
from tests.scenarios.site import CLUSTER, Site, fleet_document

OTHER = "two"
SHARED = "gpu001"
"""A host of either cluster."""


def _document() -> dict[str, Any]:
    """Two racks, the first of them on a leaf switch; and another cluster of three hosts."""
    document = quiet(fleet_document(6, 3, verify=["health"]))
    document["clusters"][0]["topology"] = {"switches": {"leaf1": {"hosts": "gpu[001-003]"}}}
    other = quiet(fleet_document(3, 1, verify=["health"]))["clusters"][0] | {"name": OTHER}
    for driver in ("scheduler", "hardware"):
        other["drivers"][driver]["state"] = f"{OTHER}.sqlite"
    document["clusters"].append(other)
    return document


def _submit(site: Site, kind: str, scopes: list[str]) -> None:
    site.ask(lambda store: Operations(store).submit(Asked(kind, scopes, "ann", kind, key=kind)))


def _done(site: Site, op_id: str) -> None:
    site.ask(lambda store: Operations(store).say(op_id, Said.DONE, "ann", "it is in"))


def _until(site: Site, op_id: str, state: str) -> None:
    def is_so() -> bool:
        op = site.operation(op_id)
        return op is not None and op.state == state

    site.until(is_so, 40, f"{op_id} is {state}")


def _outcomes(site: Site, cluster: str) -> dict[str, str]:
    return {o.host: o.outcome.value for o in site.ask(lambda store: store.outcomes(cluster))}


def _seen_in_other(site: Site) -> list[Any]:
    """What the outside observer finds wrong in the other cluster's journal."""
    cluster = read_fleet(site.file)[0].clusters[1]
    world = SimulatedCluster.at(site.stage.folder / f"{OTHER}.sqlite")
    observer = Observer(pool_limits(cluster, {pool.name: world.hosts() for pool in cluster.pools}), 1)
    for snapshot in JournalReplay(world).more():
        observer.see(snapshot)
    world.close()
    return list(observer.report()["violation_details"])


def test_work_over_two_clusters_joins_a_host_that_is_out_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Site(tmp_path, _document()) as site:
        monkeypatch.setenv("MAINTRAIN_DATA", str(site.stage.folder))
        _submit(site, "replace-leaf-switch", [f"{CLUSTER}/switch/leaf1"])
        _until(site, "op/1", "working")
        _submit(site, "replace-nic", [f"{CLUSTER}/host/{SHARED}", f"{OTHER}/host/{SHARED}"])
        _until(site, "op/2", "working")
        held = {(x.cluster, x.host) for x in site.ask(lambda store: store.leases("op/2"))}
        assert ({(OTHER, SHARED)}, "op/1") == (held, site.leases()[SHARED].holder)

        _done(site, "op/1")
        others = {"gpu002": "serviced", "gpu003": "serviced"}
        site.until(lambda: _outcomes(site, CLUSTER) == others, 30, "the others of the switch are back")
        assert [SHARED] == sorted(site.leases())

        _done(site, "op/2")
        _until(site, "op/2", "done")
        _until(site, "op/1", "done")

        assert {**others, SHARED: "serviced"} == _outcomes(site, CLUSTER)
        assert {SHARED: "serviced"} == _outcomes(site, OTHER)
        assert 1 == len(site.happened("drained", SHARED, by="maintrain"))
        assert ([], []) == (site.observed()["violation_details"], _seen_in_other(site))
