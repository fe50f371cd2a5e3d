"""A large-scale maintenance over a cluster: two rounds beyond the buffer, held at a gate, its worker killed, and an
abort that brings everything back; the outside observer holds it to the numbers that were named, and the train goes on.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from fleet import ids
from fleet.models.emergency import Emergency, EmergencyState
from tests.scenarios.fleets import quiet
from tests.scenarios.site import CLUSTER, Site, fleet_document

BECAUSE = ("--actor", "ann", "--reason", "the winter's drivers")
LARGE = ids.large(CLUSTER, "winter")
HOSTS = 6


def _document() -> dict[str, Any]:
    """Six domains of one host, one of which may be out; their train brings firmware alone."""
    document = quiet(
        fleet_document(hosts=HOSTS, domain=1, floor=4, drain={"deadline": "1s"}, visit_budget="20s", verify=["health"])
    )
    del document["clusters"][0]["desired"]["gpu-driver"]
    return document


def _file(folder: Path) -> str:
    plan = {
        "at": (datetime.now(UTC) + timedelta(seconds=15)).isoformat(),
        "steps": [{"domains": 1}, {"domains": 2, "gate": "approval"}],
        "ramp_up": {"domains": 1},
    }
    spec = {"name": "winter", "cluster": CLUSTER, "plan": plan}
    upgrades = [{"component": "gpu-driver", "version": "550.3"}]
    file = folder / "large.yaml"
    file.write_text(yaml.safe_dump({**spec, "upgrades": upgrades}))
    return str(file)


def large(site: Site) -> Emergency:
    found = site.ask(lambda store: store.emergency(LARGE))
    assert found is not None
    return found


def counts(site: Site) -> dict[str, int]:
    found = site.ask(lambda store: store.count_emergency_hosts(LARGE))
    return {state.value: n for state, n in found.items()}


def visited(site: Site) -> bool:
    """Whether the train has drained a host."""
    return any(str(row.detail["reason"]).startswith("maintrain:planned:visit/") for row in site.happened("drained"))


def test_it_goes_out_in_its_steps_waits_at_its_gates_and_an_abort_brings_all_of_it_back(tmp_path: Path) -> None:
    with Site(tmp_path, _document(), ("gpu002@reboot:after",)) as site:
        site.stage.run("large", "start", _file(tmp_path), "--planned-buffer", "2", "--floor", "3", *BECAUSE)

        def held() -> bool:
            if site.stage.processes[-1].poll() is not None:
                site.stage.spawn("up", log="up.log")
            return "a person is to say go" in large(site).reason

        site.until(held, 90, "the second round waits at its gate", often=True)
        assert {"done": 1, "held": 2, "pending": 3} == counts(site)
        site.start_train()
        site.stage.run("large", "abort", "winter", *BECAUSE)

        site.until(lambda: counts(site) == {"done": 3, "pending": 3}, 60, "every host is back", often=True)
        assert EmergencyState.ABORTED is large(site).state
        versions = {host: its["gpu-driver"] for host, its in site.versions().items()}
        assert {"gpu001", "gpu002", "gpu003"} == {host for host, version in versions.items() if version == "550.3"}
        site.until(lambda: visited(site), 30, "the train goes on", often=True)
        assert {} == site.ask(lambda store: store.urgent_pools(CLUSTER))
        site.until(lambda: not site.now().overrides, 10, "its override has ended", often=True)
        report = site.observed()
        assert [] == report["violation_details"]
        assert 2 == report["max_planned"]
