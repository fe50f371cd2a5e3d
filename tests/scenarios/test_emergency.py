"""An emergency in the middle of a train's visit: it goes beyond the buffer as far as it may and no further, its worker
is killed, and the train goes on by itself.
"""

import json
from pathlib import Path
from typing import Any

import yaml

from fleet import ids
from tests.scenarios.fleets import quiet
from tests.scenarios.site import CLUSTER, Site, fleet_document

BECAUSE = ("--actor", "ann", "--reason", "a hole in the driver")
EMERGENCY = ids.emergency(CLUSTER, "hole")
SPEC = {
    "name": "hole",
    "cluster": CLUSTER,
    "upgrades": [{"component": "gpu-driver", "version": "550.3"}],
    "width": 2,
}
HOSTS = 9


def _document() -> dict[str, Any]:
    """Three domains of three, one of which may be out; their train brings firmware alone."""
    document = quiet(fleet_document(hosts=HOSTS))
    del document["clusters"][0]["desired"]["gpu-driver"]
    return document


def _emergency(site: Site) -> dict[str, Any]:
    return dict(json.loads(site.stage.run("emergency", "status", "hole", "--json"))[0])


def test_an_emergency_goes_first_and_the_train_goes_on_after_it(tmp_path: Path) -> None:
    with Site(tmp_path, _document(), ("gpu004@reboot:after",)) as site:
        site.start_train()
        site.until_happened("drained", by="maintrain", within=30)
        file = tmp_path / "emergency.yaml"
        file.write_text(yaml.safe_dump(SPEC))

        site.stage.run("emergency", "start", str(file), "--planned-buffer", "5", *BECAUSE)

        def over() -> bool:
            if site.stage.processes[-1].poll() is not None:
                site.stage.spawn("up", log="up.log")
            return bool(_emergency(site)["state"] == "done")

        site.until(over, 200, "the emergency is done")
        assert {"done": HOSTS} == _emergency(site)["hosts"]
        site.until_closed(200)
        assert {"550.3"} == {v["gpu-driver"] for v in site.versions().values()}
        report = site.observed()
        assert [] == report["violation_details"]
        assert 5 == report["max_planned"]
        site.until(lambda: not site.leases(), 30, "every host is back")
