"""`make lab-demo`: one cycle over a real Slurm, BMCs and SSH servers, by the command line, judged from outside."""

import dataclasses
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleet.models.fleetfile import Cluster
from starter.demo.following import follow_cycle
from starter.demo.loopback_slurm import LoopbackSlurm
from starter.demo.observer import Observer
from starter.demo.progress import say, step
from starter.demo.simulated import finish, pool_limits
from starter.demo.slurm_load import JobFeed
from starter.demo.slurm_sampler import SlurmSampler
from starter.demo.stage import Stage
from starter.demo.watching import Watch, slurm_breaches
from starter.fleetfile import read_fleet
from tests.emulators.bmc import FaultKind
from tests.lab.farms import BMC_USER, Lab, open_lab
from tests.lab.faults import EXPECTED, FAULTS, HELD, HELD_BECAUSE
from tests.lab.fleetfile import fitted
from tests.lab.happenings import Happenings
from tests.lab.rack import LabRack
from tests.lab.readback import read_back, slowest_answer
from tests.lab.verdict import owner_breaches, unstruck, version_breaches

NODES = 16
_WHY = ("--reason", "demo")


def run_lab(folder: Path) -> int:
    """Run the lab in `folder`; 0 only if all held. Raises `SlurmMissing` where Slurm is not installed."""
    with tempfile.TemporaryDirectory(prefix="mt-lab-") as place:
        slurm = LoopbackSlurm(Path(place) / "s")
        stage = Stage(folder, {"SLURM_CONF": str(slurm.conf), "LAB_BMC_USER": BMC_USER})
        stage.fresh()
        try:
            step(f"a Slurm of {NODES} nodes on loopback", lambda: slurm.start(NODES))
            say("an SSH server and a BMC for each of them")
            file = fitted(stage.folder)
            cluster = read_fleet(file)[0].clusters[0]
            with open_lab(stage.folder, cluster, slurm.nodes) as lab:
                try:
                    return _run(stage, file, cluster, slurm, lab)
                finally:
                    stage.close()
        finally:
            slurm.stop()
            shutil.copytree(Path(place) / "s" / "log", folder / "slurm-log", dirs_exist_ok=True)


def _run(stage: Stage, file: Path, cluster: Cluster, slurm: LoopbackSlurm, lab: Lab) -> int:
    pool = cluster.pools[0]
    where = f"{cluster.name}/{pool.name}"
    slurm.command("scontrol", "update", f"nodename={HELD}", "state=DRAIN", f"reason={HELD_BECAUSE}")
    step(f"$ maintrain fleet load {file.name}", lambda: stage.run("fleet", "load", str(file), *_WHY))
    step("$ maintrain up", stage.up)
    step("$ maintrain fleet sync", lambda: stage.run("fleet", "sync", *_WHY))
    say(f"  Temporal UI: {stage.ui}")
    for fault in FAULTS:
        say(f"  fault: {fault.host}: {fault.story}")
    happenings = Happenings(lab)
    sampler = SlurmSampler(slurm, happenings)
    limits = pool_limits(cluster, {pool.name: slurm.nodes})
    observer = Observer(dataclasses.replace(found, allowed=(cluster.desired,)) for found in limits)
    with LabRack(slurm, lab.hosts), JobFeed(slurm) as feed, Watch(sampler, observer):
        begun = time.monotonic()
        step(f"$ maintrain train start {where}", lambda: stage.run("train", "start", where, *_WHY))
        follow_cycle(stage, cluster.name, pool.name)
        took = time.monotonic() - begun
    report = {**observer.report(), "cycle_s": round(took, 1), "temporal_ui": stage.ui}
    report["faults"] = {fault.host: fault.story for fault in FAULTS}
    report["versions"] = step("reading every version back through BMC and SSH", lambda: read_back(lab))
    report["violation_details"] += [
        *slurm_breaches(slurm, HELD, HELD_BECAUSE, feed, sampler),
        *_breaches(report, cluster.desired, stage, slurm),
    ]
    report["violations"] = len(report["violation_details"])
    report["samples"], report["longest_gap_s"] = sampler.samples, round(sampler.longest_gap, 2)
    slow = next(f.host for f in FAULTS if f.of_bmc is not None and f.of_bmc.kind is FaultKind.SLOW)
    shown = {fault.host: happenings.shown(fault.host) for fault in FAULTS}
    return finish(stage.folder, report, EXPECTED, unstruck(shown, slowest_answer(lab, slow)))


def _breaches(report: Mapping[str, Any], desired: Mapping[str, str], stage: Stage, slurm: LoopbackSlurm) -> list[str]:
    """What the versions and the owners of the hosts show."""
    out = [*report["handed_over"], *report["left_out"]]
    lines = slurm.command("sinfo", "-N", "-h", "-o", "%N|%E").splitlines()
    reasons = dict(line.split("|", 1) for line in lines)
    return [
        *version_breaches(report["versions"], desired, out),
        *owner_breaches(stage.read("ledger"), report["handed_over"], reasons),
    ]
