"""All figures on timetables, kept in bench/results/timetable.json."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench import cpu
from bench.timetable import cold
from bench.timetable.comparing import HOUR, Cycle, by_timetable, fixed_order
from simulation.job import DAY_S, Workload
from simulation.workloads import make
from simulation.workloads.published import RSC

WHERE = Path(__file__).parents[1] / "results" / "timetable.json"
LOAD = 0.85
MOST_JOBS = 5_000_000
"""Enough that every job stands for itself: chained ones would stay longer than published, and the longer jobs stay, the
less is new at a stop and the more a timetable knows.
"""


def measure(cycle: Cycle, cold_domains: int = 1200, cold_jobs: int = 10_000) -> dict[str, Any]:
    """All figures; another cycle of a tenth of the domains beside it."""
    work = _work(cycle)
    fixed, by = fixed_order(cycle, work), by_timetable(cycle, work)
    few = Cycle(domains=cycle.domains // 10)
    return {
        "cold": cold.measure(cold_domains, cold_jobs),
        "cycle": asdict(cycle),
        "days": cycle.days,
        "jobs": len(work),
        "fixed_order": asdict(fixed),
        "by_timetable": asdict(by),
        "small": _saved(few),
        "slower": _saved(replace(few, visit=3 * HOUR)),
        "machine": cpu.machine(),
    }


def _saved(cycle: Cycle) -> dict[str, Any]:
    work = _work(cycle)
    fixed, by = fixed_order(cycle, work), by_timetable(cycle, work)
    return {
        "domains": cycle.domains,
        "days": round(cycle.domains * cycle.spacing / DAY_S, 2),
        "visit_h": cycle.visit / HOUR,
        "busy": fixed.busy,
        "ratio": round(by.lost_host_hours / fixed.lost_host_hours, 3),
    }


def run() -> None:
    """Measure, and keep the figures."""
    found = measure(Cycle())
    WHERE.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found["cold"], indent=1))
    print(f"fixed order: {found['fixed_order']}\nby timetable: {found['by_timetable']}\nwritten: {WHERE}")


def _work(cycle: Cycle) -> Workload:
    hosts = cycle.domains * cycle.size
    return make(RSC, hosts=hosts, days=cycle.days, load=LOAD, rng=np.random.default_rng(0), most_jobs=MOST_JOBS)
