"""A whole pin switch on a real Slurm: its reservations, a real job that is requeued, held and released, a drain of
another that keeps its host closed. The hosts' software is simulated.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.parts.slurm import slurm, slurm_session
from tests.scenarios.pins import state
from tests.scenarios.site import ROOT, Site

__all__ = ["slurm", "slurm_session"]

HOSTS = 6
BY = ("--actor", "operator", "--reason")
NEW = "2.23.4"


def _document() -> dict[str, Any]:
    document = yaml.safe_load((ROOT / "examples" / "loopback-slurm.yaml").read_text())
    cluster = document["clusters"][0]
    hosts = f"gpu[001-{HOSTS:03}]"
    cluster["drivers"]["hardware"]["hosts"] = hosts
    both = {"cuda": "12.4.1", "nccl": "2.2*"}
    entries = [{"components": {name: "*"}, "pins": both} for name in ("gpu-driver", "nic-firmware")]
    pool = {**cluster["pools"][0], "hosts": {"names": hosts}, "domain": {"size": 2}, "planned_buffer": 2}
    pool |= {"failure_buffer": 2, "floor": 1, "drain": {"deadline": "2s"}}
    return {**document, "clusters": [{**cluster, "desired": {}, "matrix": entries, "pools": [pool]}]}


def _status(site: Site) -> dict[str, Any]:
    return json.loads(site.stage.run("pin", "status", "loopback", "--json"))[0]


def _until(site: Site, *states: str, within: float = 150) -> dict[str, Any]:
    site.until(lambda: state(site, "loopback") in states, within, f"the switch is {' or '.join(states)}")
    return _status(site)


@pytest.mark.timeout(500)
def test_a_pin_is_switched_under_real_jobs_and_a_drain_of_another(tmp_path: Path, slurm) -> None:
    slurm.command("scontrol", "update", f"nodename=gpu{HOSTS:03}", "state=DRAIN", "reason=admin: disk check")
    script = tmp_path / "job.sh"
    script.write_text("#!/bin/sh\nexec sleep 600\n")
    chosen = ("--requeue", "--exclusive", "--nodelist=gpu001,gpu002", "-N", "2", "-o", "/dev/null")
    job = slurm.command("sbatch", "--parsable", *chosen, str(script)).strip()
    site = Site(tmp_path, _document())
    site.stage.environment["SLURM_CONF"] = str(slurm.conf)
    with site:
        options = ("--window", "5m", "--jobs", "requeue", "--override-floor")
        site.stage.run("pin", "switch", "loopback", "nccl", NEW, *options, *BY, "it is out")
        _until(site, "asking")
        site.stage.run("pin", "approve", "loopback", *BY, "tonight is quiet")
        ended = _until(site, "late")

        assert {"late": 1, "returned": HOSTS - 1} == ended["hosts"]
        assert [f"gpu{HOSTS:03}"] == [host["host"] for host in ended["behind"]]
        shown = slurm.command("scontrol", "-o", "show", "reservation")
        assert "ReservationName=maintrain_pin_nccl_1_0 " in shown
        assert "ReservationName=maintrain_pin_nccl_1 " not in shown
        drained = [host for host, state in slurm.states().items() if state.startswith("dr")]
        assert [f"gpu{HOSTS:03}"] == drained
        site.until(lambda: "RUNNING" in slurm.command("scontrol", "show", "job", job), 60, "the job runs again")
        assert "Restarts=1 " in slurm.command("scontrol", "show", "job", job), "it was requeued"
        # A look that Slurm was too slow for, on a busy machine, knows nobody in production.
        drift = site.until(lambda: _drift(site), 30, "a look shows who is in production")
        nccl = next(c["observed"] for c in drift["components"] if c["component"] == "nccl")
        assert ({NEW: HOSTS - 1}, []) == (nccl, drift["off_pin"])


def _drift(site: Site) -> dict[str, Any] | None:
    """What runs in production, once anybody is known to be."""
    (found,) = json.loads(site.stage.run("fleet", "drift", "loopback", "--json"))
    return dict(found) if found["in_production"] else None
