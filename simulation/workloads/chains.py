"""How many jobs a fleet gets, and how many of them are told as one.

A fleet of 75,000 hosts has a quarter of a million jobs a day by the published rate. What a simulation asks of them is
which hosts are busy and what an interruption costs, so jobs that would follow one another on the same hosts are told
as one: as long as all of them, with the end of each as a checkpoint.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from simulation.job import DAY_S
from simulation.workloads.mix import HOUR_S, SizeClass

LONGEST_CHAIN_S = 4 * DAY_S
"""No longer, unless there would still be too many jobs."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Planned:
    """Jobs to make of one class."""

    size: SizeClass
    jobs: int
    chain: float
    """Jobs that one of them stands for; at least 1."""

    @property
    def run_s(self) -> float:
        """Mean of the runs to make, seconds."""
        return self.size.run_h * HOUR_S * self.chain


def plan(classes: Sequence[SizeClass], work_s: float, most: int) -> list[Planned]:
    """So much work (host-seconds) in at most about so many jobs; the largest first, what no whole job of a class holds
    passing to the next.
    """
    longest_s = LONGEST_CHAIN_S
    while _count(classes, work_s, work_s, longest_s) > most * (1 + _ROUNDING):  # shares add up to nearly one
        longest_s *= 2
    together = _work_a_job(classes, work_s, most, longest_s)
    found: list[Planned] = []
    left_over = 0.0
    for size in sorted(classes, key=lambda c: -c.hosts):
        run_s = size.run_h * HOUR_S
        chain = _chain(size, together, longest_s)
        wanted = size.share * work_s + left_over
        each = size.hosts * run_s * chain
        jobs = round(wanted / each)
        left_over = wanted - jobs * each
        if jobs:
            found.append(Planned(size, jobs, chain))
    return found


def _work_a_job(classes: Sequence[SizeClass], work_s: float, most: int, longest_s: float) -> float:
    """The least work (host-seconds) that a job must stand for, that there be at most so many; 0 where all fit."""
    if _count(classes, work_s, 0.0, longest_s) <= most:
        return 0.0
    low, high = 1.0, work_s
    for _ in range(60):
        middle = math.sqrt(low * high)
        if _count(classes, work_s, middle, longest_s) > most:
            low = middle
        else:
            high = middle
    return high


def _count(classes: Sequence[SizeClass], work_s: float, together: float, longest_s: float) -> float:
    """Jobs, when each stands for so much work at least."""
    return sum(c.share * work_s / (c.hosts * c.run_h * HOUR_S * _chain(c, together, longest_s)) for c in classes)


def _chain(size: SizeClass, together: float, longest_s: float) -> float:
    run_s = size.run_h * HOUR_S
    return max(1.0, min(together / (size.hosts * run_s), longest_s / run_s))
