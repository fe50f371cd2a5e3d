"""What visiting each domain costs the jobs, at any time: arrays that stay while jobs come and go.

A job that still runs when its hosts are emptied loses the same on all of its hosts, however few of them are visited, so
a gang's price is charged to every domain that it touches, each time. One that has ended by then loses nothing.
"""

from collections.abc import Collection, Sequence
from itertools import repeat
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
    """Prices of `domains` domains; jobs by any key, times in seconds of one clock, prices in any unit.

    A job has a place of its own, and a row for each domain that it touches. One that is over keeps both until rows are
    gone through, and costs nothing in the meantime: it has ended before all time.
    """

    def __init__(self, domains: int, grace: float = 0.0) -> None:
        """`grace`: how long a job may go on after a visit has begun: its drain deadline."""
        self.domains, self._grace, self._used = domains, grace, 0
        self._where: Places = np.zeros(_ROOM, np.int64)
        self._whose: Places = np.zeros(_ROOM, np.int64)
        """Of each row, a domain and the place of a job."""
        self._ends: Floats = np.full(_ROOM, -inf)
        self._cost: Floats = np.zeros(_ROOM)
        """Of each job, by its place."""
        self._place: dict[str, int] = {}
        self._free: Places = np.arange(_ROOM)
        """Places that no row tells of."""
        self._gone = 0
        """Jobs that are over and have their rows still."""
        self._last: tuple[float, Floats] | None = None
        """Prices at the one time that was asked for last, which is asked for again while a stop is decided on."""

    def add_all(self, jobs: Sequence[str], starts: Places, touches: Places, cost: Floats, ends: Floats) -> None:
        """Jobs that run until their `ends` (inf: nobody knows), and lose `cost` each when any of the domains that they
        touch is visited: job `i` touches `touches[starts[i]:starts[i + 1]]`. Those that are known are priced anew.
        """
        self.remove_all(jobs)
        places = self._take(len(jobs))
        self._ends[places], self._cost[places] = ends, cost
        rows = slice(self._used, self._used + len(touches))
        self._grow(rows.stop)
        self._where[rows], self._whose[rows] = touches, np.repeat(places, np.diff(starts))
        self._place.update(zip(jobs, places.tolist(), strict=True))
        self._used = rows.stop

    def remove_all(self, jobs: Collection[str]) -> None:
        """Jobs that are over; those that are not known are no error."""
        self._last = None
        places = np.fromiter(map(self._place.pop, jobs, repeat(_NONE)), np.int64, len(jobs))
        places = places[places != _NONE]
        self._ends[places] = -inf
        self._gone += len(places)
        if self._gone > max(_ROOM, len(self._place)):
            self._close_ranks()

    def run_on(self, since: float) -> None:
        """Jobs that are there still, and were to end before `since`: nobody knows when they will."""
        late = (self._ends < since) & (self._ends > -inf)
        if late.any():
            self._ends[late], self._last = inf, None

    def at(self, times: Floats) -> Floats:
        """Prices of every domain for visits that begin at these times, in ascending order: one row a time."""
        slots = len(times)
        if slots == 1 and self._last is not None and self._last[0] == times[0]:
            return self._last[1]
        whose = self._whose[: self._used]
        # A job is charged in the first `alive` of the times.
        alive = np.searchsorted(times + self._grace, self._ends, side="left")[whose]
        flat = np.bincount(
            alive * self.domains + self._where[: self._used], self._cost[whose], minlength=(slots + 1) * self.domains
        )
        table: Floats = flat.astype(np.float64).reshape(slots + 1, self.domains)[:0:-1].cumsum(axis=0)[::-1]
        if slots == 1:
            self._last = float(times[0]), table
        return table

    def jobs_at(self, time: float) -> Places:
        """How many jobs each domain's visit would interrupt at this time."""
        alive = self._ends[self._whose[: self._used]] > time + self._grace
        return np.bincount(self._where[: self._used][alive], minlength=self.domains)

    def only(self, domains: Places, since: float = 0.0) -> "Some":
        """The prices of these domains alone, in this order; `since`: where a clock of theirs begins on this one."""
        return Some(self, domains, since)

    def _take(self, count: int) -> Places:
        """Places for so many jobs."""
        room = len(self._ends)
        if count > len(self._free):
            more = max(count, room)
            self._free = np.concatenate([self._free, np.arange(room, room + more)])
            self._ends = np.concatenate([self._ends, np.full(more, -inf)])
            self._cost = np.concatenate([self._cost, np.zeros(more)])
        places, self._free = self._free[:count], self._free[count:]
        return places

    def _grow(self, rows: int) -> None:
        room = len(self._where)
        if rows <= room:
            return
        more = np.zeros(max(rows, 2 * room) - room, np.int64)
        self._where, self._whose = np.concatenate([self._where, more]), np.concatenate([self._whose, more])

    def _close_ranks(self) -> None:
        """Forget the rows of jobs that are over; their places are free again."""
        there = np.zeros(len(self._ends), bool)
        there[np.fromiter(self._place.values(), np.int64, len(self._place))] = True
        rows = np.flatnonzero(there[self._whose[: self._used]])
        self._used, self._gone = len(rows), 0
        self._where[: len(rows)], self._whose[: len(rows)] = self._where[rows], self._whose[rows]
        self._free = np.flatnonzero(~there)


_NONE = -1
"""The place of a job that is not known."""


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
