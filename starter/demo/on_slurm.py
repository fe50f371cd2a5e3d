"""`maintrain demo --slurm`: one cycle over a real Slurm of sixteen nodes on loopback, with real multi-node jobs."""

import shutil
import tempfile
import time
from pathlib import Path

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
from starter.demo.watching import Watch, slurm_breaches
from starter.fleetfile import read_fleet

EXAMPLE = Path(__file__).parents[2] / "examples" / "loopback-slurm.yaml"
NODES = 16
HELD, HELD_BECAUSE = "gpu007", "admin: disk check"
DIES = "gpu014"
"""Its slurmd dies under a job while it is being drained."""
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
    observer = Observer(pool_limits(cluster, {pool.name: slurm.nodes}))
    with Rack(slurm, state), JobFeed(slurm, DIES) as feed, Watch(sampler, observer):
        begun = time.monotonic()
        step(f"$ maintrain train start {where}", lambda: stage.run("train", "start", where, *_WHY))
        follow_cycle(stage, cluster.name, pool.name)
        took = time.monotonic() - begun
    report = {**observer.report(), "cycle_s": round(took, 1), "temporal_ui": stage.ui}
    report["violation_details"] += slurm_breaches(slurm, HELD, HELD_BECAUSE, feed, sampler)
    report["violations"] = len(report["violation_details"])
    report["samples"], report["longest_gap_s"] = sampler.samples, round(sampler.longest_gap, 2)
    return finish(folder, report, EXPECTED)
