"""How long the steps of a visit take, by the evidence that each one leaves."""

from collections import defaultdict
from statistics import fmean

from bench.instant import CLUSTER
from bench.site import BenchSite

SAMPLED = 100
"""Outcomes, the latest first, whose steps are read."""


async def step_times(site: BenchSite) -> dict[str, float]:
    """Mean milliseconds of each kind of step inside the worker: from its first line to its evidence."""
    found = defaultdict(list)
    for outcome in await site.store.outcomes(CLUSTER, limit=SAMPLED):
        for step in await site.store.steps(outcome.operation):
            found[step.step].append((step.ended - step.started).total_seconds())
    return {name: round(1000 * fmean(times), 1) for name, times in found.items()}
