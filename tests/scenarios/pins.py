"""A pin switch at a site, by its command line, and what the journal says of the pins that jobs saw."""

import json
from typing import Any

from drivers.simulated.cluster import SimulatedCluster
from drivers.simulated.journal import JournalReplay
from tests.scenarios.site import CLUSTER, Site, fleet_document

BY = ("--actor", "operator", "--reason")
OVER = ("done", "went_back", "called_off")
BOTH = [{"components": {"gpu-driver": "550.*"}, "pins": {"nccl": "2.2*"}}]


def document_of(hosts: int, faults: list[dict[str, Any]] | None = None, **cluster: Any) -> dict[str, Any]:
    """A cluster whose drivers were tested with both pins, and whose train has nothing to do."""
    document = fleet_document(hosts=hosts, domain=4, faults=faults or [], failure_buffer=4, floor=0)
    document["clusters"][0] |= {"desired": {}, "matrix": BOTH, **cluster}
    document["clusters"][0]["drivers"]["scheduler"]["jobs"]["mean"] = "8s"
    return document


def start(site: Site, *options: str) -> None:
    site.stage.run("pin", "switch", CLUSTER, "nccl", "2.22", "--override-floor", *options, *BY, "nccl 2.22 is out")


def status(site: Site) -> dict[str, Any]:
    return json.loads(site.stage.run("pin", "status", CLUSTER, "--json"))[0]


def until(site: Site, *states: str, within: float = 120) -> dict[str, Any]:
    site.until(lambda: state(site) in states, within, f"the switch is {' or '.join(states)}")
    return status(site)


def state(site: Site, cluster: str = CLUSTER) -> str:
    """The state of the cluster's last switch, without the command line: for looking often."""
    found = site.ask(lambda store: store.last_pin_switch(cluster))
    return "" if found is None else str(found.state)


def approve(site: Site) -> None:
    until(site, "asking")
    site.stage.run("pin", "approve", CLUSTER, *BY, "tonight is quiet")


def kill_worker(site: Site) -> None:
    up = site.stage.processes[-1]
    up.kill()
    up.wait()
    site.stage.spawn("up", log="up.log")


def pins_in_use(site: Site) -> list[set[str]]:
    """The pins that hosts which serve jobs carried, at every change of the journal."""
    cluster = SimulatedCluster.at(site.stage.folder / "sim.sqlite")
    try:
        snapshots = JournalReplay(cluster).more()
        return [{h.versions["nccl"] for h in s.hosts.values() if h.serves} for s in snapshots]
    finally:
        cluster.close()


def never_mixed(site: Site) -> list[str]:
    """The pins in use one after the other, with every change looked at."""
    seen = pins_in_use(site)
    assert [] == [pins for pins in seen if len(pins) > 1]
    found: list[str] = []
    for pins in seen:
        found += [pin for pin in pins if [pin] != found[-1:]]
    return found
