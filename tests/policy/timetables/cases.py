"""Seeded small cases of a timetable, and every order of them tried."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from math import inf

import numpy as np

from fleet.policy.timetable_calendar import Calendar
from fleet.policy.timetable_exact import Placed, Remaining
from fleet.policy.timetable_prices import Prices

HOUR = 3600.0
WINDOWS = Calendar(tuple(24 * HOUR * d for d in range(60)), tuple(24 * HOUR * d + 9 * HOUR for d in range(60)))
"""Every day, a visit may begin within nine hours."""


def add(prices: Prices, job: str, touches: list[int], cost: float, ends: float = inf) -> None:
    """One job."""
    prices.add_all([job], np.array([0, len(touches)]), np.array(touches), np.array([cost]), np.array([ends]))


@dataclass(frozen=True)
class Case:
    left: Remaining
    prices: Prices
    calendar: Calendar

    @property
    def count(self) -> int:
        return len(self.left.due)

    def priced(self, begin: float) -> np.ndarray:
        return self.prices.at(np.array([begin]))[0]

    def judged(self, visits: list[Placed]) -> tuple[int, float, float, float]:
        """Missed due dates, lateness, end, cost; raises when it is no order of all domains."""
        assert sorted(v.domain for v in visits) == list(range(self.count))
        late = [max(0.0, v.end - self.left.due[v.domain]) for v in visits]
        cost = sum(self.priced(v.begin)[v.domain] for v in visits)
        return sum(x > 0 for x in late), sum(late), max(v.end for v in visits), cost


def case(seed: int, count: int, *, alike: bool = False) -> Case:
    """Gangs over some domains, ends within two days; of every kind of difficulty some. `alike`: visits of one length,
    one due date for all, none avoided.
    """
    rng = np.random.default_rng(seed)
    windows = bool(rng.random() < 0.3) and not alike
    length = np.full(count, 3 * HOUR) if alike or rng.random() < 0.5 else rng.integers(1, 6, count) * HOUR
    room = 24 / 12 if windows else 1.0
    whole = float(length.sum()) * room
    due = np.full(count, whole) if alike or rng.random() < 0.4 else rng.uniform(0.3, 1.3, count) * whole
    earliest = np.zeros(count)
    if not alike and rng.random() < 0.4:
        some = rng.random(count) < 0.35
        earliest[some] = rng.uniform(0, 0.6, int(some.sum())) * whole
    prices = Prices(count, grace=float(rng.integers(0, 3)) * 0.5 * HOUR)
    for job in range(int(rng.integers(1, 4 * count + 1))):
        size = int(rng.integers(1, count + 1))
        touched = rng.choice(count, size=min(size, int(rng.integers(1, 4))), replace=False)
        hosts = int(rng.integers(1, 200))
        ends = float("inf") if rng.random() < 0.1 else float(rng.uniform(0, 48) * HOUR)
        add(prices, str(job), touched.tolist(), hosts * float(rng.uniform(600, 3000)), ends)
    left = Remaining(due, earliest, length.astype(float), np.zeros(count, np.int64))
    return Case(left, prices, WINDOWS if windows else Calendar())


@lru_cache(maxsize=9)
def _orders(count: int) -> np.ndarray:
    return np.array(list(permutations(range(count))), np.int64)


def brute_force(of: Case) -> tuple[int, float, float, float]:
    """The best of all orders, each visit as early as it can be, by missed due dates, lateness, end and cost."""
    orders, left = _orders(of.count), of.left
    time, late, missed, cost = (np.zeros(len(orders)) for _ in range(4))
    for place in range(of.count):
        domain = orders[:, place]
        begins, back = np.unique(np.maximum(time, left.earliest[domain]), return_inverse=True)
        begin = np.array([of.calendar.begin(b) for b in begins.tolist()])
        table = of.prices.at(begin)
        cost += table[back, domain]
        time = begin[back] + left.length[domain]
        over = np.maximum(0.0, time - left.due[domain])
        late += over
        missed += over > 0
    best = np.lexsort((cost, np.round(time, 3), np.round(late, 3), missed))[0]
    return int(missed[best]), float(late[best]), float(time[best]), float(cost[best])
