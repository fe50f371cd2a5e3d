"""Simulated rollouts whose version fails after return: visits go well, and hosts fail in production within the soak.

Days pass: hosts are visited phase by phase, each phase soaks, and every day each host of both groups tells how it did.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.blame.supply import Supply, match
from bench.blame.worlds import World, draw, grown
from fleet.models.blame_rule import BlameRule
from fleet.policy.sequential import growth, hardware_shares, log_odds

SOAK = 7
PHASES = ((60, 20), (90, 30), (350, 50))
"""Hosts of a phase, and how many are visited a day; a phase begins when the one before has soaked."""
IN_PRODUCTION = 3000
"""Hosts without the version: enough control for every day."""


@dataclass(frozen=True)
class Slow:
    """What became of scenarios; by scenario and day."""

    odds: NDArray[np.float64]
    failed: NDArray[np.int64]
    """Hosts that failed after return so far."""
    failures: NDArray[np.bool_]
    """By scenario and host, in the order of visits: failed within the soak, or in the visit."""
    visited: list[int]
    """Hosts visited by the end of each day."""
    soaked: list[int]
    """Hosts whose soak is over by the end of each day."""
    known: NDArray[np.float64]
    """Logarithm of the likelihood ratio with both rates known."""


def calendar() -> list[int]:
    """The day of each host's visit."""
    days, day = [], 0
    for hosts, a_day in PHASES:
        days += [day + n // a_day for n in range(hosts)]
        day = days[-1] + 1 + SOAK
    return days


def run(usual: float, bad: float, scenarios: int, seed: int, rule: BlameRule) -> Slow:
    """Simulate: `usual` and `bad` are shares of hosts that fail within a soak; visits fail at the usual rate too."""
    rng = np.random.default_rng(seed)
    days = np.array(calendar())
    world = World(visits=len(days), usual=usual)
    matching = match(Supply(), world.visits, 1, rule)
    drawn = draw(rng, world, matching, scenarios, rule)
    in_visits = grown(world, matching, drawn, rule)[:, :, 0, 0]  # after each visit
    daily, daily_bad = (1 - (1 - rate) ** (1 / SOAK) for rate in (usual, bad))
    failed = drawn.failed.copy()
    odds, total, known = [], [], []
    capital = np.zeros((scenarios, 1, 2, len(rule.ratios)))
    likelihood, after_return = np.zeros(scenarios), np.zeros(scenarios, dtype=int)
    last = int(days[-1]) + SOAK + 1
    for day in range(1, last + 1):
        at_risk = ((days < day) & (days >= day - SOAK))[None, :] & ~failed
        now = at_risk & (rng.random(failed.shape, dtype=np.float32) < daily_bad)
        treated, hits = at_risk.sum(axis=1), now.sum(axis=1)
        controls = np.minimum(np.ceil(rule.controls_per_day * treated / rule.chunk) * rule.chunk, IN_PRODUCTION)
        without = rng.binomial(controls.astype(int), daily)
        share = treated / np.maximum(treated + controls, 1)
        capital[:, 0, 1] += growth(hits, hits + without, share, rule.ratios)
        capital[:, 0, 0] = in_visits[:, np.searchsorted(days, day) - 1]
        failed |= now
        after_return += hits
        likelihood += hits * np.log(daily_bad / daily) + (treated - hits) * np.log((1 - daily_bad) / (1 - daily))
        odds.append(log_odds(capital, hardware_shares(1, 0), rule))
        total.append(after_return.copy())
        known.append(likelihood.copy())
    visited = [int((days < day).sum()) for day in range(1, last + 1)]
    soaked = [int((days < day - SOAK + 1).sum()) for day in range(1, last + 1)]
    return Slow(np.stack(odds, 1), np.stack(total, 1), failed, visited, soaked, np.stack(known, 1))
