"""`maintrain demo`: one cycle over the simulated cluster of examples/simulated.yaml, watched from outside."""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drivers.simulated.cluster import SimulatedCluster
from drivers.simulated.journal import JournalReplay
from fleet.models.fleetfile import Cluster
from fleet.policy.limits import limits
from starter.demo.expectations import Expectation, unmet
from starter.demo.following import follow_cycle
from starter.demo.observer import Observer
from starter.demo.pool_books import PoolLimits
from starter.demo.progress import say, step
from starter.demo.stage import Stage
from starter.fleetfile import read_fleet

EXAMPLE = Path(__file__).parents[2] / "examples" / "simulated.yaml"
EXPECTED = Expectation(
    handed_over={
        "gpu019": "its performance verification fails",
        "gpu038": "its BMC says done while the version is unchanged",
    },
    left_out={"gpu053": "an outsider holds it"},
)


def run_simulated(folder: Path) -> int:
    """Run the demo in `folder`; 0 only if every invariant held and the example's faults ended as they must."""
    stage = Stage(folder)
    stage.fresh()
    try:
        fleet, _ = read_fleet(EXAMPLE)
        cluster = fleet.clusters[0]
        pool = cluster.pools[0]
        step(f"$ maintrain fleet load {EXAMPLE.name}", lambda: stage.run("fleet", "load", str(EXAMPLE), *_WHY))
        step("$ maintrain up", stage.up)
        step("$ maintrain fleet sync", lambda: stage.run("fleet", "sync", *_WHY))
        say(f"  Temporal UI: {stage.ui}")
        begun = time.monotonic()
        where = f"{cluster.name}/{pool.name}"
        step(f"$ maintrain train start {where}", lambda: stage.run("train", "start", where, "--cycles", "1", *_WHY))
        follow_cycle(stage, cluster.name, pool.name)
        took = time.monotonic() - begun
        report = {**_observed(folder, cluster), "cycle_s": round(took, 1), "temporal_ui": stage.ui}
        return finish(folder, report, EXPECTED)
    finally:
        stage.close()


_WHY = ("--reason", "demo")


def pool_limits(cluster: Cluster, members: dict[str, tuple[str, ...]]) -> list[PoolLimits]:
    """What the observer holds every pool to."""
    found = []
    for pool in cluster.pools:
        bound = limits(pool, len(members[pool.name]))
        names = tuple(members[pool.name])
        found.append(PoolLimits(pool.name, names, bound.planned_buffer, bound.floor, frozenset(pool.verify)))
    return found


def _observed(folder: Path, cluster: Cluster) -> dict[str, Any]:
    """Replay the simulated cluster's own journal, every change of it."""
    assert cluster.drivers.hardware.kind == "simulated", "the example is simulated"
    world = SimulatedCluster.at(folder / cluster.drivers.hardware.state)
    try:
        observer = Observer(pool_limits(cluster, {cluster.pools[0].name: world.hosts()}))
        for snapshot in JournalReplay(world).more():
            observer.see(snapshot)
    finally:
        world.close()
    return observer.report()


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
    for problem in problems:
        say(f"  NOT AS IT MUST BE: {problem}")
    say(f"  report: {path}")
    return 1 if problems else 0
