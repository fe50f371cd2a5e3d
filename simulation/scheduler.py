"""The scheduler: first come, first served, with EASY backfill. A job that doesn't fit reserves the time at which enough
hosts will be free by the limits of the running ones; later jobs start before it where they don't delay that.

Lifka, "The ANL/IBM SP scheduling system", 1995. A job that was interrupted keeps its place in the queue. One without a
limit never ends in time, so that it is backfilled only where it needs no host that is reserved.
"""

from bisect import insort
from math import ceil, inf

from simulation.gangs import Gangs
from simulation.scenario import Scenario

SHADOW_S = 600.0
"""How long a reservation is kept before it is made anew, if the first job stays the same."""


class Scheduler:
    """The queue of jobs, in order of submission."""

    def __init__(self, scenario: Scenario, gangs: Gangs) -> None:
        self.gangs, self.hosts, self.clock = gangs, gangs.hosts, gangs.clock
        self.every, self.depth = scenario.schedule_every_s, scenario.backfill_depth
        self.queue: list[int] = []
        self.next_pass = inf
        """When the next look at the queue is due; inf while nothing has changed."""
        self.decisions = 0
        """Jobs looked at."""
        self._first = -1
        self._reserved_at = self._shadow = -inf
        self._extra = 0
        gangs.requeued, gangs.freed = self.add, self.stir

    def add(self, job: int) -> None:
        """A job waits, at its place by submission."""
        insort(self.queue, job)
        self.stir()

    def stir(self) -> None:
        """Something changed: look at the queue at the next pass."""
        if self.queue and self.next_pass == inf:
            now = self.clock.now
            self.next_pass = ceil(now / self.every) * self.every if self.every else now

    def look(self) -> None:
        """Start what can start now."""
        self.clock.now, self.next_pass = max(self.clock.now, self.next_pass), inf
        queue, need, gangs, hosts = self.queue, self.gangs.need, self.gangs, self.hosts
        started = 0
        for job in queue:
            self.decisions += 1
            if need[job] > hosts.total_free:
                break
            gangs.start(job)
            started += 1
        del queue[:started]
        if queue and hosts.total_free and self.depth:
            self._backfill()

    def _backfill(self) -> None:
        """Start what does not delay the first job: it ends in time, or needs no host that is reserved."""
        queue, need, expected, now = self.queue, self.gangs.need, self.gangs.expected, self.clock.now
        self._reserve(queue[0])
        free, shadow = self.hosts.total_free, self._shadow
        looked_at = queue[1 : self.depth + 1]
        self.decisions += len(looked_at)
        still = []
        for job in looked_at:
            hosts = need[job]
            ends = now + expected[job]
            late = ends > shadow or ends == inf
            if hosts <= free and (hosts <= self._extra or not late):
                self._extra -= hosts * late
                free -= hosts
                self.gangs.start(job)
            else:
                still.append(job)
        if len(still) < len(looked_at):
            queue[1 : self.depth + 1] = still

    def _reserve(self, first: int) -> None:
        """When the first job can start at the latest, and how many hosts are left over then."""
        now = self.clock.now
        if first == self._first and now - self._reserved_at < SHADOW_S and now < self._shadow:
            return
        self._first, self._reserved_at = first, now
        # Nobody knows when: then no job without a limit may go first, for it might hold what the first job needs.
        self._shadow, self._extra = inf, 0
        wanted, free, need = self.gangs.need[first], self.hosts.total_free, self.gangs.need
        for ends, job in self.gangs.ends:
            free += need[job]
            if free >= wanted:
                self._shadow, self._extra = ends, free - wanted
                return
