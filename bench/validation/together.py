"""Real system and simulator side by side: the table's rows, and what was measured to make them."""

from pathlib import Path
from statistics import fmean
from typing import Any

from bench.validation.page import SIDE_BY_SIDE
from bench.validation.real import run_real
from bench.validation.side import Side
from bench.validation.simulated import foretell
from simulation.validation.check import Check

_SOURCE = "seen in the cluster's journal"


async def side_by_side(folder: Path, side: Side) -> tuple[list[Check], dict[str, Any]]:
    """Run both; rows of the table, and the times measured."""
    seen = await run_real(folder, side)
    cycles = seen.cycles
    told = foretell(side, cycles, seen.began_s, seen.every_s)
    between = [c.between_s * (len(c.visits) - 1) for c in cycles]
    known = {
        "drain_s": fmean(c.drain_s for c in cycles),
        # The train's own time between two visits is the real system's; the simulator has none, so it is taken out.
        "visits_s": fmean(c.took_s for c in cycles) - fmean(between),
        "hosts": fmean(c.hosts for c in cycles),
        "least_up": float(min(c.least_up for c in cycles)),
        "most_planned": float(max(c.most_planned for c in cycles)),
        "interrupted": fmean(c.interrupted for c in cycles),
        "lost_host_s": fmean(c.lost_host_s for c in cycles),
    }
    checks = [
        Check(
            SIDE_BY_SIDE,
            what,
            known[name],
            told[name].mean,
            allowed,
            unit,
            _SOURCE,
            noise=_share(told[name].spread, known[name]),
            put_in=put_in,
        )
        for name, what, allowed, unit, put_in in _ROWS
    ]
    measured = {
        "hosts": side.hosts,
        "domain": side.domain,
        "drain_s": [round(c.drain_s, 2) for c in cycles],
        "visit_work_s": [round(fmean(c.work_s), 2) for c in cycles],
        "between_visits_s": round(fmean(c.between_s for c in cycles), 2),
        "cycles_took_s": [round(c.took_s, 1) for c in cycles],
        "interrupted": [c.interrupted for c in cycles],
    }
    return checks, measured


_ROWS = (
    ("drain_s", "until a visit's hosts are free of jobs, a cycle's in all", 0.5, " s", False),
    ("visits_s", "a cycle's visits, in all: that and their work", 0.15, " s", True),
    ("hosts", "hosts visited in a cycle", 0.0, "", True),
    ("least_up", "fewest hosts up", 0.02, "", False),
    ("most_planned", "most hosts out by plan", 0.0, "", True),
    ("interrupted", "jobs interrupted in a cycle", 0.5, "", False),
    ("lost_host_s", "work lost in a cycle, host-seconds", 0.5, "", False),
)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
