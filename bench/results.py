"""From what was measured to the figures that are kept: `bench/results/throughput.json`."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, median, pstdev
from typing import Any

from bench import cpu
from bench.granting import GrantTimes
from bench.histories import Lengths
from bench.plan import ACTIVITIES, OPERATIONS, Plan
from bench.rounds import KINDS, Round

WHERE = Path(__file__).parent / "results" / "throughput.json"


@dataclass(frozen=True)
class Measured:
    """Everything one bench run brought."""

    plan: Plan
    rounds: Sequence[Round]
    histories: dict[str, Lengths]
    """After the rounds, before stops cut visits short."""
    longest: int
    """Events of the longest run of all, at the end."""
    stops: Sequence[float]
    held_back: int
    grants: GrantTimes
    steps: dict[str, float]
    observed: dict[str, Any]
    door: dict[str, Any]
    """See `bench.door`."""
    planned: dict[str, Any]
    """See `bench.planning`."""
    load_before: float
    busy_before: float | None
    load_after: float
    took_s: float


def figures(measured: Measured) -> dict[str, Any]:
    """The figures by name: rates a second, shares of one core in percent, times in the unit that the name ends in."""
    by_kind = {kind: [r for r in measured.rounds if r.kind == kind] for kind in KINDS}
    ours = by_kind["maintrain"]
    rates = {kind: [r.per_s for r in found] for kind, found in by_kind.items()}
    ratios = [a / b for a, b in zip(rates["maintrain"], rates["bare"], strict=True)]
    visits = sum(r.hosts for r in ours)
    grants = measured.grants
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "operations_per_s": round(fmean(r.operations_per_s for r in ours), 2),
        "visits_per_s": round(fmean(rates["maintrain"]), 2),
        "bare_visits_per_s": round(fmean(rates["bare"]), 2),
        "ratio": round(fmean(rates["maintrain"]) / fmean(rates["bare"]), 3),
        "activities_per_visit": ACTIVITIES,
        "events_per_host": _events_per_host(measured),
        "stop_to_last_new_drain_p99_s": round(percentile(measured.stops, 99), 3),
        "grant_p99_ms": round(1000 * percentile(grants.told, 99), 1),
        "operations_per_visit": OPERATIONS,
        "visits_per_s_stddev": round(pstdev(rates["maintrain"]), 2),
        "bare_visits_per_s_stddev": round(pstdev(rates["bare"]), 2),
        "ratio_by_round": [round(r, 3) for r in ratios],
        "bare_eager_visits_per_s": round(fmean(rates["bare_eager"]), 2),
        "bare_eager_visits_per_s_stddev": round(pstdev(rates["bare_eager"]), 2),
        "visits_timed": visits,
        "cpu_ms_per_visit": {kind: _cpu_per_host(found) for kind, found in by_kind.items()},
        "cpu_percent_of_a_core": {kind: _share(found) for kind, found in by_kind.items()},
        "step_ms": measured.steps,
        "longest_history": measured.longest,
        "histories": {kind: {**asdict(h), "mean": h.mean} for kind, h in measured.histories.items()},
        "stops": len(measured.stops),
        "stop_to_last_new_drain_median_s": round(median(measured.stops), 3),
        "hosts_held_back_by_stops": measured.held_back,
        "grants": len(grants.told),
        "grant_median_ms": round(1000 * median(grants.told), 1),
        "grant_committed_p99_ms": round(1000 * percentile(grants.committed, 99), 1),
        "waiting_elsewhere": grants.waiting,
        "door": measured.door,
        "planned": measured.planned,
        "observed": {k: measured.observed[k] for k in ("hosts", "violations", "upgrades_applied", "max_planned")},
        "rounds": [
            {"kind": r.kind, "hosts": r.hosts, "seconds": round(r.used.seconds, 2), "per_s": round(r.per_s, 2)}
            for r in measured.rounds
        ],
        "plan": asdict(measured.plan),
        "machine": cpu.machine(),
        "load_average_before": measured.load_before,
        "cpu_in_use_before": measured.busy_before,
        "load_average_after": measured.load_after,
        "took_s": round(measured.took_s, 1),
    }


def percentile(values: Sequence[float], rank: float) -> float:
    """The smallest value that at least `rank` percent of all values do not exceed; so with few, the largest."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * rank / 100) - 1)]


def write(found: dict[str, Any], path: Path = WHERE) -> None:
    """Keep the figures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n")


def _events_per_host(measured: Measured) -> float:
    """All events on the server, those of dispatcher, trains and visits too, by visits of hosts."""
    hosts = measured.histories["HostMaintenance"].runs
    return round(sum(h.events for h in measured.histories.values()) / hosts, 1)


def _cpu_per_host(rounds: Sequence[Round]) -> dict[str, float]:
    hosts = sum(r.hosts for r in rounds)
    return {name: round(1000 * sum(r.used.cpu[name] for r in rounds) / hosts, 1) for name in rounds[0].used.cpu}


def _share(rounds: Sequence[Round]) -> dict[str, float]:
    return {name: round(fmean(r.used.percent(name) for r in rounds), 1) for name in rounds[0].used.cpu}
