"""Avoidance on a real Slurm: a job asks by its comment and reads the answer on itself, its train comes later and within
the bound, a second ask beyond the budget is refused with the date, and an emergency gives notice only.
"""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from drivers.clock import wall
from fleet.models.avoidance import Avoidance, AvoidanceState
from fleet.models.train import Cycle
from runtime.avoidance_keys import job_key, signature
from runtime.freeport import choose_port
from tests.parts.slurm import slurm, slurm_session
from tests.scenarios.site import ROOT, Site

__all__ = ["slurm", "slurm_session"]

CLUSTER, POOL = "loopback", "gpu-train"
BY = ("--actor", "operator", "--reason", "scenario")
KEY = "a key of enough bytes"
NEWER = "550.163.01"
HOLE = {
    "name": "hole",
    "cluster": CLUSTER,
    "upgrades": [{"component": "gpu-driver", "version": NEWER}],
    "hosts": {"names": "gpu[003-004]"},
}


def _document() -> dict[str, Any]:
    """Two domains of two; a job may keep the train away for 20 s a cycle."""
    document = yaml.safe_load((ROOT / "examples" / "loopback-slurm.yaml").read_text())
    cluster = document["clusters"][0]
    hosts = "gpu[001-004]"
    cluster["drivers"]["hardware"]["hosts"] = hosts
    pool = {**cluster["pools"][0], "hosts": {"names": hosts}, "domain": {"size": 2}, "planned_buffer": 2}
    pool |= {"failure_buffer": 2, "floor": 0, "drain": {"deadline": "2s"}, "notice": "5s", "cycle_bound": "10m"}
    pool |= {"verify": ["health"], "avoidance": {"budget_per_job": "20s"}}
    cluster |= {"observe_every": "1s", "desired": {"gpu-driver": "550.127.08"}, "pools": [pool]}
    cluster["stack"]["reboot_duration"] = "1s"
    return dict(document)


class Jobs:
    """Real jobs on two nodes each, and how their requests stand."""

    def __init__(self, folder: Path, slurm: Any, site: Site) -> None:
        self.slurm, self.site = slurm, site
        self.script = folder / "job.sh"
        self.script.write_text("#!/bin/sh\nexec sleep 600\n")

    def start(self, nodes: Sequence[str], comment: str) -> str:
        chosen = ("--requeue", "--exclusive", f"--nodelist={','.join(nodes)}", "-N", "2", "-o", "/dev/null")
        return self.slurm.command("sbatch", "--parsable", *chosen, f"--comment={comment}", str(self.script)).strip()

    def say(self, job: str, comment: str) -> None:
        """As the job's user would."""
        self.slurm.command("scontrol", "update", f"JobId={job}", f"Comment={comment}")

    def last(self, job: str, state: AvoidanceState) -> Avoidance:
        """Wait until the last request of a job is in a state."""

        def found() -> Avoidance | None:
            rows = [r for r in self.site.ask(lambda store: store.avoidances(CLUSTER)) if r.ask.job == job]
            return rows[0] if rows and rows[0].state is state else None

        return self.site.until(found, 30, f"job {job} is {state}", often=True)

    def note(self, job: str, words: str) -> None:
        """Wait until a job can read this on itself."""
        self.site.until(lambda: words in self.slurm.command("scontrol", "show", "job", job), 20, words)


def _told_by_http(address: str, job: str) -> list[str]:
    """How a job's requests stand, as its worker tells it."""
    body, now = json.dumps({"verb": "show", "cluster": CLUSTER, "job": job}).encode(), int(wall())
    signed = signature(job_key(KEY.encode(), CLUSTER, job), now, body)
    headers = {"maintrain-timestamp": str(now), "maintrain-signature": signed}
    return [row["state"] for row in httpx.post(f"http://{address}/v1/avoidance", content=body, headers=headers).json()]


def _cycle(site: Site) -> Cycle | None:
    return site.ask(lambda store: store.cycle(CLUSTER, POOL, 1))


def _events(site: Site, kind: str) -> list[Any]:
    return list(site.ask(lambda store: store.event_log(CLUSTER, kind=kind)))


@pytest.mark.timeout(300)
def test_a_job_keeps_its_train_away_within_the_bound_and_no_emergency(tmp_path: Path, slurm) -> None:
    site = Site(tmp_path, _document())
    address = f"127.0.0.1:{asyncio.run(choose_port(0, 0))}"
    site.stage.environment["SLURM_CONF"] = str(slurm.conf)
    site.stage.environment |= {"MAINTRAIN_AVOID_LISTEN": address, "MAINTRAIN_AVOID_KEY": "env:KEY", "KEY": KEY}
    with site:
        jobs = Jobs(tmp_path, slurm, site)
        job = jobs.start(("gpu001", "gpu002"), "owner=ml")
        site.stage.run("train", "start", f"{CLUSTER}/{POOL}", *BY)
        site.until(lambda: (c := _cycle(site)) is not None and c.domains[0].noticed_at, 20, "it is told", often=True)
        jobs.say(job, "maintrain:avoid until=+1h why=no checkpoint yet")
        granted = jobs.last(job, AvoidanceState.GRANTED)
        assert 20.0 == (granted.until - granted.asked_at).total_seconds()
        assert "the budget of 20s a cycle of job" in granted.reason
        jobs.note(job, "AdminComment=maintrain: granted: kept away until")

        jobs.say(job, "maintrain:avoid until=+2h")
        refused = jobs.last(job, AvoidanceState.REFUSED)
        assert "the budget of 20s a cycle of job" in refused.reason
        assert refused.planned is not None
        assert f"its visit is expected at {refused.planned:%Y-%m-%dT%H:%M:%SZ}" in refused.reason
        assert refused.planned >= granted.until
        jobs.note(job, "AdminComment=maintrain: refused")
        assert ["refused", "granted"] == _told_by_http(address, job)

        site.until(lambda: (c := _cycle(site)) is not None and c.closed_at is not None, 90, "the cycle is closed")
        cycle = _cycle(site)
        assert cycle is not None
        assert cycle.closed_at <= cycle.due_at
        visits = [site.ask(lambda store, of=d.visit: store.visit(of)) for d in cycle.domains]
        assert visits[1].opened_at < granted.until <= visits[0].opened_at, "the other domain was visited meanwhile"
        assert "Restarts=1 " in slurm.command("scontrol", "show", "job", job), "it was requeued, and no sooner"

        # A grant that is over before the emergency has begun, on a busy machine, would be none that it overrules.
        site.document["clusters"][0]["pools"][0]["avoidance"]["budget_per_job"] = "10m"
        site.file.write_text(yaml.safe_dump(site.document))
        site.stage.run("fleet", "load", str(site.file), "--reason", "scenario")
        other = jobs.start(("gpu003", "gpu004"), "maintrain:avoid until=+1h")
        kept = jobs.last(other, AvoidanceState.GRANTED)
        file = tmp_path / "emergency.yaml"
        file.write_text(yaml.safe_dump(HOLE))
        began = wall()
        site.stage.run("emergency", "start", str(file), *BY)
        (told,) = site.until(lambda: _events(site, "avoidance_overruled"), 30, "the job is told", often=True)
        assert ("emergency/loopback/hole", other) == (told.data["emergency"], told.data["job"])

        def begun() -> list[Any]:
            return [e for e in _events(site, "drain_begun") if e.at.timestamp() > began and "gpu003" in e.hosts]

        (drain,) = site.until(begun, 30, "the emergency drains", often=True)
        assert drain.at < kept.until
        jobs.last(other, AvoidanceState.WITHDRAWN)
        assert 1 == len(_events(site, "avoidance_overruled"))
