"""What visiting each domain costs the jobs, at any time: arrays that stay while jobs come and go.

A job that still runs when its hosts are emptied loses the same on all of its hosts, however few of them are visited, so
a gang's price is charged to every domain that it touches, each time. One that has ended by then loses nothing.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import inf
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
_ROOM = 1024


class PriceList(Protocol):
    """What visits of some domains cost."""

    def at(self, times: Floats) -> Floats:
        """Prices of every domain for visits that begin at these times, in ascending order: one row a time."""
        ...


class Prices:
    """Prices of `domains` domains; jobs by any key, times in seconds of one clock, prices in any unit."""

    def __init__(self, domains: int, grace: float = 0.0) -> None:
        """`grace`: how long a job may go on after a visit has begun: its drain deadline."""
        self.domains, self._grace, self._used = domains, grace, 0
        self._where: Places = np.zeros(_ROOM, np.int64)
        self._ends: Floats = np.full(_ROOM, -inf)
        self._cost: Floats = np.zeros(_ROOM)
        self._rows: dict[str, tuple[int, int]] = {}
        self._gone = 0
        self._last: tuple[float, Floats] | None = None
        """Prices at the one time that was asked for last, which is asked for again while a stop is decided on."""

    def add(self, job: str, touches: Sequence[int], cost: float, ends: float = inf) -> None:
        """A job that runs until `ends` and loses `cost` when any of the domains it touches is visited; one that is
        known already is priced anew.
        """
        self.remove(job)
        first, last = self._used, self._used + len(touches)
        self._last = None
        self._grow(last)
        self._where[first:last] = touches
        self._ends[first:last] = ends
        self._cost[first:last] = cost
        self._rows[job], self._used = (first, last), last

    def add_all(self, jobs: Sequence[str], starts: Places, touches: Places, cost: Floats, ends: Floats) -> None:
        """Many jobs at once, none known before: job `i` touches `touches[starts[i]:starts[i + 1]]`."""
        base, counts = self._used, np.diff(starts)
        self._last = None
        self._grow(base + len(touches))
        rows = slice(base, base + len(touches))
        self._where[rows], self._ends[rows] = touches, np.repeat(ends, counts)
        self._cost[rows] = np.repeat(cost, counts)
        edges = (base + starts).tolist()
        self._rows.update(zip(jobs, pairwise(edges), strict=True))
        self._used = base + len(touches)

    def remove(self, job: str) -> None:
        """A job that is over; one that is not known is no error."""
        if job not in self._rows:
            return
        first, last = self._rows.pop(job)
        self._last = None
        self._ends[first:last] = -inf
        self._gone += last - first
        if self._gone > max(_ROOM, self._used // 2):
            self._close_ranks()

    def at(self, times: Floats) -> Floats:
        """Prices of every domain for visits that begin at these times, in ascending order: one row a time."""
        slots = len(times)
        if slots == 1 and self._last is not None and self._last[0] == times[0]:
            return self._last[1]
        rows = slice(0, self._used)
        # A job is charged in the first `alive` of the times.
        alive = np.searchsorted(times + self._grace, self._ends[rows], side="left")
        flat = np.bincount(
            alive * self.domains + self._where[rows], self._cost[rows], minlength=(slots + 1) * self.domains
        )
        table: Floats = flat.astype(np.float64).reshape(slots + 1, self.domains)[:0:-1].cumsum(axis=0)[::-1]
        if slots == 1:
            self._last = float(times[0]), table
        return table

    def jobs_at(self, time: float) -> Places:
        """How many jobs each domain's visit would interrupt at this time."""
        rows = slice(0, self._used)
        alive = self._ends[rows] > time + self._grace
        return np.bincount(self._where[rows][alive], minlength=self.domains)

    def only(self, domains: Places, since: float = 0.0) -> "Some":
        """The prices of these domains alone, in this order; `since`: where a clock of theirs begins on this one."""
        return Some(self, domains, since)

    def _grow(self, rows: int) -> None:
        room = len(self._where)
        if rows <= room:
            return
        more = max(rows, 2 * room) - room
        self._where = np.concatenate([self._where, np.zeros(more, np.int64)])
        self._ends = np.concatenate([self._ends, np.full(more, -inf)])
        self._cost = np.concatenate([self._cost, np.zeros(more)])

    def _close_ranks(self) -> None:
        """Forget the rows of jobs that are over."""
        kept = self._rows
        where, ends, cost = self._where, self._ends, self._cost
        rows = np.concatenate([np.arange(a, b) for a, b in kept.values()] or [np.zeros(0, np.int64)])
        self._used, self._gone = len(rows), 0
        self._where, self._ends, self._cost = where[rows], ends[rows], cost[rows]
        edges = np.cumsum([0, *(b - a for a, b in kept.values())]).tolist()
        self._rows = dict(zip(kept, pairwise(edges), strict=True))
        self._grow(_ROOM)


class Some(NamedTuple):
    """Prices of some of the domains."""

    prices: Prices
    domains: Places
    since: float = 0.0
    """Seconds of the prices' clock at which this one's begins."""

    def at(self, times: Floats) -> Floats:
        """As `Prices.at`."""
        found: Floats = self.prices.at(times + self.since)[:, self.domains]
        return found

    def jobs_at(self, time: float) -> Places:
        """As `Prices.jobs_at`."""
        found: Places = self.prices.jobs_at(time + self.since)[self.domains]
        return found
