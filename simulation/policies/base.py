"""What the policies have in common: they open a cycle at a steady pace and note when it closed."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from simulation.gangs import Gangs, Visit
from simulation.hosts import UP
from simulation.visits import Visits


@dataclass(frozen=True)
class CycleDone:
    """A cycle of one pool that has closed; seconds from the beginning."""

    pool: int
    number: int
    opened_s: float
    closed_s: float


class Maintenance(ABC):
    """Takes hosts by `visits`. `begin` is called once, at time 0."""

    def __init__(self, visits: Visits, gangs: Gangs) -> None:
        self.visits, self.gangs = visits, gangs
        self.scenario, self.hosts, self.clock = visits.scenario, visits.hosts, visits.clock
        self.decisions = 0
        self.cycles: list[CycleDone] = []

    @abstractmethod
    def begin(self) -> None:
        """Have the clock call for what is to be done."""

    def opened_before_s(self, pool: int) -> float:
        """How long before the beginning a pool's first cycle has opened: pools open theirs evenly spread over the time
        between two, the first one at 0.
        """
        pools = len(self.scenario.pools)
        return self.scenario.cycle_s * (-pool % pools) / pools

    def overdue(self, now: float) -> int:
        """Cycles that are open and past their bound."""
        return 0


class PacedHosts(Maintenance):
    """Hosts one by one, so many of a pool at once; each pool on its own, a round every cycle."""

    def begin(self) -> None:
        """Every pool is where its round would be by now."""
        pools = len(self.scenario.pools)
        self._left: list[list[int]] = [[] for _ in range(pools)]
        self._under_way = [0] * pools
        self._opened = [0.0] * pools
        self._number = [0] * pools
        self.visits.returned = self._on
        each_s = self.scenario.drain_s + self.scenario.visit.mean_s
        for pool in range(pools):
            before_s = self.opened_before_s(pool)
            self._open_at(-before_s, pool, done=int(self.room(pool) * before_s / each_s))

    @abstractmethod
    def room(self, pool: int) -> int:
        """How many more hosts of a pool may be taken now."""

    def overdue(self, now: float) -> int:
        """Rounds that are open and past their bound."""
        bound = self.scenario.bound_s
        return sum(
            bool(left or under_way) and now - opened > bound
            for left, under_way, opened in zip(self._left, self._under_way, self._opened, strict=True)
        )

    def _open(self, pool: int) -> None:
        self._open_at(self.clock.now, pool)

    def _open_at(self, opened_s: float, pool: int, done: int = 0) -> None:
        """A round that has opened then; so many of its hosts are done."""
        self._left[pool] = self.visits.order(self._number[pool], pool)[done:][::-1]  # taken from the end
        self._opened[pool] = opened_s
        self._take(pool)

    def _take(self, pool: int) -> None:
        """Take as many as there is room for; a host that is out as failed is skipped, for its repair does the same."""
        left, drain_s = self._left[pool], self.scenario.drain_s
        self.decisions += 1
        room = self.room(pool)
        while left and room > 0:
            host = left.pop()
            if self.hosts.set[host] == UP:
                self._under_way[pool] += 1
                room -= 1
                self.visits.take([host], self._number[pool], self._done, drain_s)
        if not left and not self._under_way[pool]:
            self._close(pool)

    def _done(self, visit: Visit) -> None:
        pool = self.hosts.pool_of[self.hosts.domain_of[visit.hosts[0]]]
        self._under_way[pool] -= 1
        self._take(pool)

    def _on(self) -> None:
        for pool, left in enumerate(self._left):
            if left:
                self._take(pool)

    def _close(self, pool: int) -> None:
        number, opened = self._number[pool], self._opened[pool]
        self.cycles.append(CycleDone(pool, number, opened, self.clock.now))
        self._number[pool] += 1
        self.clock.at(max(self.clock.now, opened + self.scenario.cycle_s), self._open, pool)
