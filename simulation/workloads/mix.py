"""A mix of jobs as published figures tell it: how the work is shared among sizes, and how long jobs of a size run.

Work, not number, is what the shares are of: it is what fills a fleet, and a quarter of the jobs of a class may be left
out or chained together without the picture changing.
"""

import math
from dataclasses import dataclass

from simulation.job import Kind

HOUR_S = 3600.0
WEEK_S = 7 * 86_400.0


@dataclass(frozen=True)
class SizeClass:
    """Jobs of one size."""

    hosts: int
    share: float
    """Of the mix's work (host-time)."""
    run_h: float
    """Mean of the runs, hours, after the cut at the mix's longest run."""


@dataclass(frozen=True)
class Mix:
    """Sizes and what they have in common; where every figure is from stands where a mix is defined."""

    name: str
    kind: Kind
    classes: tuple[SizeClass, ...]
    spread: float
    """Sigma of the runs' logarithm."""
    longest_s: float
    """No run is longer; what would be is cut there."""
    restart_s: tuple[float, float]
    """From an interruption to productive work: evenly between the two."""
    checkpoint_s: float
    """Between checkpoints; inf: none."""
    frequent_from: int = 1 << 30
    """Jobs of so many hosts or more save as often as `frequent_s` says, since a failure an hour is theirs."""
    frequent_s: float = 600.0
    bursts: float = 0.0
    """Share of the jobs that come in the very second of the one before."""
    quarter: bool = True
    """No job needs more than a quarter of the fleet."""

    def fitting(self, hosts: int) -> tuple[SizeClass, ...]:
        """The classes that such a fleet can hold, their shares adding up to one; at least the smallest."""
        most = max(1, hosts // 4) if self.quarter else hosts
        kept = [c for c in self.classes if c.hosts <= most] or [self.classes[0]]
        total = sum(c.share for c in kept)
        return tuple(SizeClass(c.hosts, c.share / total, c.run_h) for c in kept)


def median_for(mean_s: float, spread: float, longest_s: float) -> float:
    """The median of a lognormal whose mean is `mean_s` once what exceeds `longest_s` is cut to it."""
    low, high = 1e-3, longest_s
    for _ in range(80):  # the mean grows with the median, so halving finds it
        middle = math.sqrt(low * high)
        if mean_cut(middle, spread, longest_s) < mean_s:
            low = middle
        else:
            high = middle
    return math.sqrt(low * high)


def mean_cut(median: float, spread: float, longest_s: float) -> float:
    """The mean of min(X, longest) for a lognormal X."""
    if spread == 0:
        return min(median, longest_s)
    mean = median * math.exp(spread * spread / 2)
    z = math.log(longest_s / median) / spread
    return mean * _phi(z - spread) + longest_s * (1 - _phi(z))


def _phi(z: float) -> float:
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))
