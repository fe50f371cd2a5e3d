"""In which order a train visits the domains that are left: at the lowest cost to the jobs that keeps the due dates."""

from collections.abc import Sequence

import numpy as np

from fleet.policy.timetable_calendar import Calendar, Floats
from fleet.policy.timetable_exact import MOST, Placed, Remaining, exact_order
from fleet.policy.timetable_many import good_order
from fleet.policy.timetable_prices import PriceList

NEXT_AHEAD = 16
"""Places looked at for the next stop alone."""
_AT_ONCE = 64


def visit_order(left: Remaining, prices: PriceList, calendar: Calendar, at: float) -> list[Placed]:
    """All visits, the first beginning at `at` or later: the best order of a few domains, a good one of many."""
    if len(left.due) <= MOST:
        return exact_order(left, prices, calendar, at)
    found = good_order(left, prices, calendar, at)
    if _missed(found, left)[0]:
        return min(found, _by_due_date(left, calendar, at), key=lambda order: _missed(order, left))
    return found


def next_visit(left: Remaining, prices: PriceList, calendar: Calendar, at: float) -> Placed:
    """The next visit alone, of one domain or more: quick enough for a decision a visit of a very large pool."""
    if len(left.due) <= MOST:
        return exact_order(left, prices, calendar, at)[0]
    return good_order(left, prices, calendar, at, most=1, ahead=NEXT_AHEAD)[0]


def costs_of(visits: Sequence[Placed], prices: PriceList) -> Floats:
    """The price of each visit; 0 for one without room. Visits in the order of their beginnings."""
    found = np.zeros(len(visits))
    for start in range(0, len(visits), _AT_ONCE):
        some = visits[start : start + _AT_ONCE]
        table = prices.at(np.array([v.begin for v in some]))
        found[start : start + len(some)] = table[np.arange(len(some)), [v.domain for v in some]]
    return found


def _missed(visits: Sequence[Placed], left: Remaining) -> tuple[int, float]:
    """Due dates missed, and by how much in all."""
    late = [max(0.0, v.end - float(left.due[v.domain])) for v in visits]
    return sum(x > 0 for x in late), sum(late)


def _by_due_date(left: Remaining, calendar: Calendar, at: float) -> list[Placed]:
    """Whatever it costs: of those that may begin, the lowest rank, then the earliest due date."""
    rest, found = set(range(len(left.due))), []
    while rest:
        at = calendar.begin(max(at, min(float(left.earliest[d]) for d in rest)))
        ready = [d for d in rest if left.earliest[d] <= at]
        domain = min(ready, key=lambda d: (left.rank[d], left.due[d], left.length[d], d))
        end = at + float(left.length[domain])
        found.append(Placed(domain, at, end))
        rest.remove(domain)
        at = end
    return found
