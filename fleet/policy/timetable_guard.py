"""Which domains may be taken now without any due date being lost that could be kept.

By due date, earliest first, a train without gaps misses no due date that any order keeps. So a domain may be taken out
of its turn if all those before it can spare its length. Where a pool has windows, time is counted in visits that fit
into them. Visits to come that may not begin yet are looked at one by one: exact for visits of one length without such
domains, careful otherwise.
"""

from heapq import heappop, heappush
from math import inf

import numpy as np
from numpy.typing import NDArray

from fleet.policy.timetable_calendar import Calendar, Floats
from fleet.policy.timetable_exact import Remaining
from fleet.policy.timetable_prices import Places

Flags = NDArray[np.bool_]


def hopeless(left: Remaining, price: Floats, calendar: Calendar, at: float) -> Flags:
    """As few domains as can be whose due dates are given up, so that all others can be kept; the dear ones first, for
    what is visited late may have become cheap.
    """
    found = np.zeros(len(left.due), bool)
    order = np.argsort(left.due, kind="stable")
    spare, need = _spare(left, order, calendar, at)
    if (spare >= 0).all():
        return found
    kept: list[tuple[float, float, int]] = []
    used = 0.0
    for place, domain in enumerate(order.tolist()):
        heappush(kept, (-need[place], -price[domain], domain))
        used += need[place]
        room = spare[place] + need[: place + 1].sum()  # all that there is until its due date
        while kept and used > room + 1e-6:
            taken, _, dropped = heappop(kept)
            used += taken
            found[dropped] = True
    return found


def allowed(left: Remaining, rest: Flags, given_up: Flags, calendar: Calendar, at: float) -> Flags:
    """Domains that may be taken at `at`, of those in `rest`: each may begin, and all others stay on time."""
    bound = np.where(given_up, inf, left.due)
    order = np.flatnonzero(rest)
    order = order[np.argsort(bound[order], kind="stable")]
    spare, need = _spare(left._replace(due=bound), order, calendar, at)
    least = np.minimum.accumulate(np.concatenate([[inf], spare[:-1]]))
    found = np.zeros(len(rest), bool)
    found[order] = least >= need - 1e-6
    found &= rest & (left.earliest <= at)
    latest = bound - left.length
    awaited = rest & (left.earliest > at) & (left.earliest <= latest) & (bound < inf)
    if awaited.any():
        found &= at + left.length <= latest[awaited].min()
    return found


def _spare(left: Remaining, order: Places, calendar: Calendar, at: float) -> tuple[Floats, Floats]:
    """By due date: how much each has to spare when all go in this order, and what each takes of the others' time."""
    lengths = left.length[order]
    if calendar.always:
        return left.due[order] - at - np.cumsum(lengths), lengths
    each = float(lengths.max()) if len(lengths) else 0.0
    ends = calendar.slots(at, each, len(order)) + each
    visits = np.arange(1, len(order) + 1)
    fit = np.searchsorted(ends[ends < inf], left.due[order], side="right")
    room = np.where(left.due[order] == inf, inf, fit)
    return room - visits, np.ones(len(order))
