"""`maintrain demo`: three rollouts over the simulated fleet of examples/demo/, watched from outside."""

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drivers.simulated.cluster import SimulatedCluster
from drivers.simulated.journal import JournalReplay
from fleet.hostlist import compact, expand
from fleet.models.fleetfile import Cluster
from fleet.models.rollouts import Rollout, RolloutState
from fleet.policy.limits import limits
from starter.demo.expectations import Expectation, unmet
from starter.demo.observer import Observer
from starter.demo.pool_books import PoolLimits
from starter.demo.progress import say, step
from starter.demo.rolling_out import follow_rollouts
from starter.demo.stage import Stage
from starter.fleetfile import read_fleet

EXAMPLE = Path(__file__).parents[2] / "examples" / "demo"
ROLLOUTS = ("nic-firmware", "kernel", "gpu-driver")
BAD = "gpu-driver 550.127.08"
EXPECTED = Expectation(
    handed_over={
        "gpu006": "its performance verification fails",
        "gpu038": "its BMC says done while the version is unchanged",
    },
    left_out={"gpu053": "an outsider holds it"},
    offboarded={BAD: "it fails the hosts of one hardware model"},
    everywhere={"nic-firmware": "28.43.2026", "kernel": "6.8.0-48", "gpu-driver": "550.90.07"},
)


def run_simulated(folder: Path) -> int:
    """Run the demo in `folder`; 0 only if every invariant held, the faults ended as they must, and the bad version was
    offboarded and no other.
    """
    stage = Stage(folder)
    stage.fresh()
    try:
        fleet, _ = read_fleet(EXAMPLE / "fleet.yaml")
        cluster = fleet.clusters[0]
        file = str(EXAMPLE / "fleet.yaml")
        step("$ maintrain fleet load examples/demo/fleet.yaml", lambda: stage.run("fleet", "load", file, *_WHY))
        step("$ maintrain up", stage.up)
        step("$ maintrain fleet sync", lambda: stage.run("fleet", "sync", *_WHY))
        say(f"  Temporal UI: {stage.ui}")
        begun = time.monotonic()
        for name in ROLLOUTS:
            _start_rollout(stage, name)
        ended = follow_rollouts(stage, cluster.name, [p.name for p in cluster.pools])
        took = time.monotonic() - begun
        for rollout in ended:
            say(f"{rollout.spec.component} {rollout.spec.version} {rollout.state}: {rollout.reason}")
        report = {**_observed(folder, cluster), "cycle_s": round(took, 1), "temporal_ui": stage.ui}
        return finish(folder, report, EXPECTED, _not_as_seen(ended, report))
    finally:
        stage.close()


def _start_rollout(stage: Stage, name: str) -> None:
    file = str(EXAMPLE / f"{name}.yaml")
    step(f"$ maintrain rollout start examples/demo/{name}.yaml", lambda: stage.run("rollout", "start", file, *_WHY))


def _not_as_seen(ended: Sequence[Rollout], report: Mapping[str, Any]) -> list[str]:
    """Where what the rollouts say of themselves is not what was seen from outside."""
    found = []
    for rollout in ended:
        named = f"{rollout.spec.component} {rollout.spec.version}"
        seen = RolloutState.OFFBOARDED if named in report["offboarded"] else RolloutState.COMPLETE
        if rollout.state is not seen:
            found.append(f"{rollout.id} says {rollout.state} ({rollout.reason}), seen from outside it is {seen}")
    return found


_WHY = ("--reason", "demo")


def pool_limits(cluster: Cluster, members: dict[str, tuple[str, ...]]) -> list[PoolLimits]:
    """What the observer holds every pool to."""
    found = []
    for pool in cluster.pools:
        bound = limits(pool, len(members[pool.name]))
        names = tuple(members[pool.name])
        verify, pins = frozenset(pool.verify), frozenset(cluster.pins)
        found.append(PoolLimits(pool.name, names, bound.planned_buffer, bound.floor, verify, pins=pins))
    return found


def _observed(folder: Path, cluster: Cluster) -> dict[str, Any]:
    """Replay the simulated cluster's own journal, every change of it."""
    assert cluster.drivers.hardware.kind == "simulated", "the example is simulated"
    world = SimulatedCluster.at(folder / cluster.drivers.hardware.state)
    try:
        members = {p.name: tuple(expand(p.hosts.names or "")) for p in cluster.pools}
        # A visit that takes a version back reboots once more, and so may each rung of the repair ladder.
        observer = Observer(pool_limits(cluster, members), reboots_per_operation=None)
        for snapshot in JournalReplay(world).more():
            observer.see(snapshot)
    finally:
        world.close()
    return observer.report()


def _ways_back(by: Mapping[str, Sequence[str]]) -> str:
    """How the hosts that carried it got rid of it."""
    ways = {"visit": "in the visit that had brought it", "repair": "in repair", "later": "in a later visit"}
    told = [f"{compact(hosts)} {ways[way]}" for way, hosts in by.items() if hosts]
    return f"rolled back on {'; '.join(told)}" if told else "no host carried it"


def finish(folder: Path, report: dict[str, Any], expected: Expectation, others: Sequence[str] = ()) -> int:
    """Write the report, tell it and what `others` found, and say whether all was as it must be."""
    problems = [*report["violation_details"], *unmet(report, expected), *others]
    path = folder / "report.json"
    path.write_text(json.dumps({"at": datetime.now(UTC).isoformat(timespec="seconds"), **report}, indent=1) + "\n")
    say(
        f"{report['visited']} of {report['hosts']} hosts visited in {report['cycle_s']:.0f} s; "
        f"{report['upgrades_applied']} upgrades; never fewer than {report['min_up']} up (floor {report['floor']}); "
        f"at most {report['max_planned']} out by plan (buffer {report['planned_buffer']}); "
        f"{report['jobs_interrupted']} jobs interrupted; {report['violations']} violations"
    )
    say(f"  to repair: {', '.join(report['handed_over']) or 'none'}")
    say(f"  left out: {', '.join(report['left_out']) or 'none'}")
    if report["offboarded"]:
        say(f"  offboarded: {', '.join(report['offboarded'])}; {_ways_back(report['taken_back_by'])}")
    for problem in problems:
        say(f"  NOT AS IT MUST BE: {problem}")
    say(f"  report: {path}")
    return 1 if problems else 0
