"""When jobs come: more by day than by night, fewer at the weekend, and some of them in the same second.

That the rate swings is what every published trace tells; by how much differs, so the two figures here are assumed.
"""

import numpy as np

from simulation.job import DAY_S, Floats

DAILY = 0.35
"""The rate swings by so much above and below its mean, highest in the afternoon."""
WEEKEND = 0.7
"""The rate on days six and seven, beside the others'."""
_STEPS_A_DAY = 96
_WEEK, _WORKING_DAYS = 7, 5


def arrivals(rng: np.random.Generator, count: int, days: float, bursts: float = 0.0) -> Floats:
    """So many times within so many days, ascending; the share `bursts` of them repeats the time before.

    The number is given, not drawn, so that the work of a seed is the work that was asked for.
    """
    if not count:
        return np.empty(0)
    edges = np.linspace(0.0, days, max(2, int(days * _STEPS_A_DAY) + 1))
    middle = (edges[:-1] + edges[1:]) / 2
    rate = 1 + DAILY * np.sin(2 * np.pi * (middle - 0.375))  # highest at 15:00
    rate *= np.where(middle % _WEEK >= _WORKING_DAYS, WEEKEND, 1.0)
    passed = np.concatenate([[0.0], np.cumsum(rate)])
    times = np.sort(np.interp(rng.random(count) * passed[-1], passed, edges)) * DAY_S
    same = rng.random(count) < bursts
    same[0] = False
    leader = np.maximum.accumulate(np.where(same, 0, np.arange(count)))
    found: Floats = times[leader]
    return found
