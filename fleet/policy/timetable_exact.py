"""The best order of a few domains, by looking at all that can matter.

Best is: fewest missed due dates, then least lateness, then the earliest end (a train does not idle while a domain may
be taken), then the lowest cost, then the dear ones last, for what costs nothing now may cost something later. Two
beginnings that visited the same domains and end at the same time differ in nothing else, so only the better one is
carried on.
"""

from math import inf
from typing import NamedTuple

import numpy as np

from fleet.policy.timetable_calendar import Calendar, Floats
from fleet.policy.timetable_prices import Places, PriceList

MOST = 9
"""Domains up to which this is quick."""


class Remaining(NamedTuple):
    """Domains to visit, by index; times in seconds of the clock of their prices."""

    due: Floats
    """When its visit must have ended."""
    earliest: Floats
    """Before which it may not begin."""
    length: Floats
    rank: Places
    """Of those that may begin, the lowest go first whatever it costs."""


class Placed(NamedTuple):
    """A domain by its index and its visit; inf where there is no room for one."""

    domain: int
    begin: float
    end: float


class _Path(NamedTuple):
    """Visits so far, judged by the first four."""

    missed: int
    late: float
    cost: float
    early: float
    """Costs, each counted again with every visit after it: smaller when the dear ones come last."""
    visits: tuple[Placed, ...]


def exact_order(left: Remaining, prices: PriceList, calendar: Calendar, at: float) -> list[Placed]:
    """All domains in their best order, the first visit beginning at `at` or later. For `MOST` domains or fewer."""
    count = len(left.due)
    known: dict[float, Floats] = {}
    layer = {(0, at): _Path(0, 0.0, 0.0, 0.0, ())}
    for _ in range(count):
        following: dict[tuple[int, float], _Path] = {}
        for (taken, time), path in layer.items():
            for domain in _next(left, taken, calendar.begin(time)):
                begin = calendar.begin(max(time, float(left.earliest[domain])))
                if begin not in known:
                    known[begin] = prices.at(np.array([begin]))[0] if begin < inf else np.zeros(count)
                longer = _with(path, left, domain, begin, float(known[begin][domain]))
                key = (taken | 1 << domain, longer.visits[-1].end)
                if key not in following or longer[:4] < following[key][:4]:
                    following[key] = longer
        layer = following
    best = min(layer.items(), key=lambda item: (item[1][:2], item[0][1], item[1][2:4]))
    return list(best[1].visits)


def _next(left: Remaining, taken: int, time: float) -> list[int]:
    """Domains that may be next: of those that may begin the lowest rank, and any to be waited for that goes before."""
    free = [d for d in range(len(left.due)) if not taken >> d & 1]
    ready = [d for d in free if left.earliest[d] <= time]
    if not ready:
        return free
    rank = min(left.rank[d] for d in ready)
    return [d for d in free if left.rank[d] == rank or (left.rank[d] < rank and left.earliest[d] > time)]


def _with(path: _Path, left: Remaining, domain: int, begin: float, price: float) -> _Path:
    """The path with one visit more."""
    end, due = begin + float(left.length[domain]), float(left.due[domain])
    late = inf if end == inf else max(0.0, end - due)
    cost = path.cost + price
    return _Path(
        path.missed + (late > 0), path.late + late, cost, path.early + cost, (*path.visits, Placed(domain, begin, end))
    )
