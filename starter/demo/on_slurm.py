"""`maintrain demo --slurm`: one cycle over a real Slurm of sixteen nodes on loopback, with real multi-node jobs."""

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drivers.snapshot import Snapshot
from fleet.models.fleetfile import Cluster
from starter.demo.expectations import Expectation
from starter.demo.following import follow_cycle
from starter.demo.hardware_events import hardware_events
from starter.demo.loopback_slurm import LoopbackSlurm
from starter.demo.observer import Observer
from starter.demo.progress import say, step
from starter.demo.rack import Rack
from starter.demo.simulated import finish, pool_limits
from starter.demo.slurm_load import JobFeed
from starter.demo.slurm_sampler import SlurmSampler
from starter.demo.stage import Stage
from starter.fleetfile import read_fleet

EXAMPLE = Path(__file__).parents[2] / "examples" / "loopback-slurm.yaml"
NODES = 16
HELD, HELD_BECAUSE = "gpu007", "admin: disk check"
DIES = "gpu014"
"""Its slurmd dies under a job while it is being drained."""
SAMPLE_EVERY = 0.3
_WHY = ("--reason", "demo")

EXPECTED = Expectation(
    handed_over={DIES: "its slurmd died under a job"},
    left_out={HELD: "an outsider holds it"},
)


def run_on_slurm(folder: Path) -> int:
    """Run the demo in `folder`; 0 only if every invariant held. Raises `SlurmMissing` where Slurm is not installed."""
    with tempfile.TemporaryDirectory(prefix="mt-slurm-") as place:
        slurm = LoopbackSlurm(Path(place) / "s")
        stage = Stage(folder, {"SLURM_CONF": str(slurm.conf)})
        stage.fresh()
        try:
            step(f"a Slurm of {NODES} nodes on loopback", lambda: slurm.start(NODES))
            return _run(folder, stage, slurm)
        finally:
            stage.close()
            slurm.stop()
            shutil.copytree(Path(place) / "s" / "log", folder / "slurm-log", dirs_exist_ok=True)


def _run(folder: Path, stage: Stage, slurm: LoopbackSlurm) -> int:
    fleet, _ = read_fleet(EXAMPLE)
    cluster = fleet.clusters[0]
    pool = cluster.pools[0]
    where = f"{cluster.name}/{pool.name}"
    assert cluster.drivers.hardware.kind == "simulated", "the example's hardware is simulated"
    state = folder / cluster.drivers.hardware.state
    slurm.command("scontrol", "update", f"nodename={HELD}", "state=DRAIN", f"reason={HELD_BECAUSE}")
    step(f"$ maintrain fleet load {EXAMPLE.name}", lambda: stage.run("fleet", "load", str(EXAMPLE), *_WHY))
    step("$ maintrain up", stage.up)
    step("$ maintrain fleet sync", lambda: stage.run("fleet", "sync", *_WHY))
    say(f"  Temporal UI: {stage.ui}")
    sampler = SlurmSampler(slurm, hardware_events(state))
    with Rack(slurm, state), JobFeed(slurm, DIES) as feed, _watched(sampler, cluster, slurm) as observer:
        begun = time.monotonic()
        step(f"$ maintrain train start {where}", lambda: stage.run("train", "start", where, *_WHY))
        follow_cycle(stage, cluster.name, pool.name)
        took = time.monotonic() - begun
    report = {**observer.report(), "cycle_s": round(took, 1), "temporal_ui": stage.ui}
    report["violation_details"] += _slurm_breaches(slurm, feed, sampler)
    report["violations"] = len(report["violation_details"])
    report["samples"], report["longest_gap_s"] = sampler.samples, round(sampler.longest_gap, 2)
    return finish(folder, report, EXPECTED)


@contextmanager
def _watched(sampler: SlurmSampler, cluster: Cluster, slurm: LoopbackSlurm) -> Iterator[Observer]:
    """Sample Slurm in a thread while the body runs; what went wrong there is raised at the end."""
    observer = Observer(pool_limits(cluster, {cluster.pools[0].name: slurm.nodes}))
    ended, failures = threading.Event(), list[Exception]()

    def see(snapshot: Snapshot) -> None:
        observer.see(snapshot)

    def watch() -> None:
        try:
            for snapshot in sampler.follow(lambda: not ended.is_set(), SAMPLE_EVERY):
                see(snapshot)
        except Exception as error:  # kept for the thread that waits
            failures.append(error)

    thread = threading.Thread(target=watch, name="observer")
    thread.start()
    try:
        yield observer
    finally:
        ended.set()
        thread.join()
    if failures:
        raise failures[0]


def _slurm_breaches(slurm: LoopbackSlurm, feed: JobFeed, sampler: SlurmSampler) -> list[str]:
    """What only Slurm itself can tell: the outsider's hold is as it was, no job was killed, we looked often enough."""
    found = []
    held = slurm.command("scontrol", "show", "node", HELD)
    if "DRAIN" not in held or f"Reason={HELD_BECAUSE} [" not in held:
        found.append(f"{HELD} is no longer drained with {HELD_BECAUSE!r}")
    found += [f"job {job} was {state}, though it could have been drained or requeued" for job, state in feed.killed()]
    if sampler.longest_gap > 1.0:
        found.append(f"Slurm was not looked at for {sampler.longest_gap:.1f} s; once a second is promised")
    return found
