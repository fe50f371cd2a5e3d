"""A good order of many domains, quickly.

The next stops are given out as places: the domain of each at the lowest sum, where a domain that gets none is counted
with what it will cost after them. Then they are taken in turn, each time only what leaves all due dates intact.
For visits of one length this is exact within the places looked at; otherwise it is a good order.
"""

from math import inf

import numpy as np

from fleet.policy.assignment import assign_few
from fleet.policy.timetable_calendar import Calendar, Floats
from fleet.policy.timetable_exact import Placed, Remaining
from fleet.policy.timetable_guard import Flags, allowed, hopeless
from fleet.policy.timetable_prices import Places, PriceList

AHEAD = 64
"""Places that are given out at once."""
_EARLY = 1e-3
"""Share of a price by which it is dearer in the first place than in the last: of equal sums, the dear ones last."""
_TIE = 1e-9


def good_order(
    left: Remaining, prices: PriceList, calendar: Calendar, at: float, most: int | None = None, ahead: int = AHEAD
) -> list[Placed]:
    """The first `most` visits (all, by default), the first beginning at `at` or later."""
    count = len(left.due)
    rest = np.ones(count, bool)
    given_up = hopeless(left, prices.at(np.array([at]))[0], calendar, at)
    found: list[Placed] = []
    place, until = np.zeros(count), -inf
    while rest.any() and len(found) < (count if most is None else most):
        at = calendar.begin(at)
        if at == inf:
            return found + [Placed(d, inf, inf) for d in np.flatnonzero(rest).tolist()]
        may = allowed(left, rest, given_up, calendar, at)
        if not may.any():
            at = _waited(left, rest, at)
            may = rest & (left.earliest <= at) if at == calendar.begin(at) else may
            if not may.any():
                continue
        group = _first(left, may, given_up)
        if at >= until or not (place[group] < inf).any():
            place, until = _places(left, rest, group, prices, calendar, at, ahead)
        among = np.flatnonzero(group)
        domain = int(among[np.argmin(place[among])])
        end = at + float(left.length[domain])
        found.append(Placed(domain, at, end))
        rest[domain], at = False, end
    return found


def _waited(left: Remaining, rest: Flags, at: float) -> float:
    """When the next domain may begin: nothing may now without harm."""
    later = left.earliest[rest & (left.earliest > at)]
    return float(later.min()) if len(later) else at


def _first(left: Remaining, may: Flags, given_up: Flags) -> Flags:
    """Of those that may be taken: the lowest rank, and what is late anyway after all others."""
    timely = may & ~given_up
    may = timely if timely.any() else may
    first: Flags = may & (left.rank == left.rank[may].min())
    return first


def _places(
    left: Remaining, rest: Flags, group: Flags, prices: PriceList, calendar: Calendar, at: float, ahead: int
) -> tuple[Floats, float]:
    """The place of each domain among the next stops, inf for none; and until when they hold."""
    rank = left.rank[group].min()
    among = np.flatnonzero(rest & (left.rank == rank))
    length, stops = float(left.length[among].mean()), min(ahead, len(among))
    # What gets no place is visited about half way through what comes after.
    slots = calendar.slots(at, length, (stops + len(among)) // 2 + 1)
    slots = slots[slots < inf]
    stops = min(stops, len(slots))
    costs = prices.at(np.append(slots[:stops], slots[-1]))[:, among]
    scale = float(costs.max())
    gain = costs[:stops] - costs[stops]
    # By the least price: beside a dear domain, an order of equals must not outweigh what cheap ones cost.
    tie = _TIE * float(costs[costs > 0].min(initial=scale))
    gain += costs[:stops] * _EARLY * np.linspace(1.0, 0.0, stops)[:, None] + tie * np.arange(len(among))
    never = (1.0 + 2.0 * scale) * (stops + 1)
    gain[left.earliest[among][None, :] > slots[:stops, None]] += never
    gain[slots[:stops, None] + left.length[among][None, :] > left.due[among][None, :]] += never
    place = np.full(len(left.due), inf)
    place[among[assign_few(gain) if scale else _by_index(stops)]] = np.arange(stops)
    return place, float(slots[stops - 1]) + length


def _by_index(stops: int) -> Places:
    return np.arange(stops, dtype=np.int64)
