"""A stop in the middle of a visit, by the command line and by plain signals."""

from datetime import UTC, datetime
from pathlib import Path

from fleet.models.messages import Command
from tests.scenarios.engine import signal
from tests.scenarios.fleets import with_safe_point
from tests.scenarios.site import CLUSTER, POOL, Site

DISPATCHER, TRAIN = f"dispatcher/{CLUSTER}", f"train/{CLUSTER}/{POOL}"
FAULTS = ({"kind": "flash_fails", "host": "gpu003", "component": "bmc", "times": 1},)
FENCED = 1.0
"""Seconds that a drain whose last check came before the stop may take to the scheduler under load."""


def test_a_stop_ends_hosts_at_safe_points_lets_repair_go_on_and_a_resume_completes_the_cycle(tmp_path: Path) -> None:
    document = with_safe_point(FAULTS, ("12s", "1s"), drain={"deadline": "90s"})
    with Site(tmp_path, document) as site:
        world = site.world()
        job = world.submit_job(hosts=["gpu001"])
        site.start_train()
        site.until_happened("flash_started", "gpu002", component="bmc")
        site.until_happened("drained", "gpu001", by="maintrain")

        site.stage.run("stop", CLUSTER, "--reason", "storm")
        stopped = site.now().stops[0].at.timestamp()

        assert "storm" in site.until_outcome("gpu001", "given_back").reason
        assert "storm" in site.until_outcome("gpu002", "partly_upgraded").reason
        assert "image failed" in site.until_outcome("gpu003", "handed_over").reason
        site.stage.run("host", "repaired", "gpu003", "--reason", "new board")
        site.until_outcome("gpu003", "repaired")
        site.until(lambda: not site.leases(), 30, "all leases ended")
        assert [] == site.our_drains_after(stopped + FENCED)
        assert [] == site.happened("flash_started", "gpu002", component="nic-firmware")
        assert [] == [r for r in site.happened("drained", by="maintrain") if r.host in ("gpu004", "gpu005", "gpu006")]
        assert 1 == len(site.happened("reboot_started", "gpu003"))

        site.stage.run("resume", CLUSTER, "--reason", "storm is over")
        world.end_job(job)
        site.until_closed(120)
        _all_signals_are_obeyed(site)

        assert [] == site.observed()["violation_details"]
        current = {"bmc": "1.1", "nic-firmware": "1.1", "gpu-driver": "550.2", "nccl": "2.21"}
        assert current == site.stage.read("host", "show", "gpu002")["versions"]
        assert {"upgraded", "repaired", "current"} >= {o.outcome for o in site.outcomes().values()}
        repeated = {effect: n for effect, n in site.effects().items() if n > 1}
        assert {("gpu003", "flash bmc"): 2} == repeated
        assert 0 == site.observed()["jobs_interrupted"]


def _all_signals_are_obeyed(site: Site) -> None:
    """As the Temporal UI and CLI send them: a command as JSON, a bare sentence, something else, nothing at all."""
    began = datetime.now(UTC)
    for workflow, verb, payloads, heard in (
        (DISPATCHER, "stop", [{"actor": "ann", "reason": "drill"}], ("ann", "drill", None)),
        (TRAIN, "stop", ["a bare sentence"], ("a signal", "a bare sentence", POOL)),
        (DISPATCHER, "freeze", [], ("a signal", "no reason given", None)),
        (TRAIN, "stop", [{"why": "odd"}], ("unknown", "no reason given", POOL)),
        (DISPATCHER, "freeze", [17], ("a signal", "17", None)),
        (DISPATCHER, "stop", [Command(actor="bob", reason="typed")], ("bob", "typed", None)),
    ):
        signal(site, workflow, verb, *payloads)
        stop = site.until(lambda: site.now().stops, 20, f"{verb} {payloads} is a row")[0]
        assert (verb, *heard) == (stop.kind, stop.actor, stop.reason, stop.pool)
        assert stop.at >= began
        signal(site, workflow, "resume", *payloads)
        site.until(lambda: not site.now().stops, 20, f"resume {payloads} lifts it")
