"""Where every host is, and where jobs fit: one byte a host for its set, counts a domain for what runs there.

Hosts of a domain are alike for jobs, so that a job is kept as counts by domain; which of a domain's hosts it is on is
drawn when one of them is hit. Domains are filed by how many free hosts they have, so that a gang finds its place
without looking through them.
"""

from collections.abc import Iterable

from simulation.meter import Meter
from simulation.scenario import Scenario

UP, PLANNED, FAILED = 0, 1, 2
"""In which set a host is: in production, out from a grant to its return, out as failed."""

Parts = list[tuple[int, int]]
"""A gang's place: domain and number of hosts."""


class Hosts:
    """A fleet's hosts in one of three sets each, in domains, in pools."""

    def __init__(self, scenario: Scenario, meter: Meter) -> None:
        self.meter = meter
        self.set = bytearray(scenario.hosts)
        self.domain_of: list[int] = []
        self.span: list[range] = []
        """The hosts of each domain."""
        self.domains: list[range] = []
        """The domains of each pool."""
        self.pool_of: list[int] = []
        """By domain."""
        for members in scenario.pools:
            first = len(self.span)
            for begin in range(members.start, members.stop, scenario.domain):
                span = range(begin, min(begin + scenario.domain, members.stop))
                self.domain_of += [len(self.span)] * len(span)
                self.pool_of.append(len(self.domains))
                self.span.append(span)
            self.domains.append(range(first, len(self.span)))
        self.planned = [0] * len(self.domains)
        self.failed = [0] * len(self.domains)
        self.up_of = [len(span) for span in self.span]
        """Hosts of a domain that are up: free ones, and those of jobs that no visit has taken."""
        self.free = [0] * len(self.span)
        """Hosts of a domain on which a job may start."""
        self.total_free = 0
        most = max(len(span) for span in self.span)
        self._filed: list[dict[int, None]] = [{} for _ in range(most + 1)]
        self._sizes = 0
        """A bit for each number of free hosts that some domain has."""
        for domain, span in enumerate(self.span):
            self.add_free(domain, len(span))

    def up(self, pool: int) -> int:
        """Hosts of a pool that are in production."""
        domains = self.domains[pool]
        members = self.span[domains[-1]].stop - self.span[domains[0]].start
        return members - self.planned[pool] - self.failed[pool]

    def up_in(self, domain: int) -> list[int]:
        """Hosts of a domain that are in production."""
        return [host for host in self.span[domain] if self.set[host] == UP]

    def move(self, hosts: Iterable[int], to: int, now: float) -> None:
        """Put hosts of one pool into another set, all at one instant."""
        counts, pool = [0, 0, 0], -1
        for host in hosts:
            domain, before = self.domain_of[host], self.set[host]
            counts[before] -= 1
            counts[to] += 1
            self.up_of[domain] += (to == UP) - (before == UP)
            self.set[host] = to
            pool = self.pool_of[domain]
        if pool >= 0:
            self.planned[pool] += counts[PLANNED]
            self.failed[pool] += counts[FAILED]
            self.meter.moved(now, pool, counts)

    def add_free(self, domain: int, count: int) -> None:
        """More free hosts of a domain, or less."""
        if not count:
            return
        before = self.free[domain]
        after = self.free[domain] = before + count
        self.total_free += count
        if before:
            filed = self._filed[before]
            del filed[domain]
            if not filed:
                self._sizes ^= 1 << before
        if after:
            filed = self._filed[after]
            if not filed:
                self._sizes ^= 1 << after
            filed[domain] = None

    def place(self, need: int) -> Parts:
        """Take so many free hosts (there must be as many): of the domain they fit best, else of as few domains as can
        be, the emptiest first and the last one where the rest fits best.
        """
        parts: Parts = []
        while need:
            larger = self._sizes >> need
            size = need + (larger & -larger).bit_length() - 1 if larger else self._sizes.bit_length() - 1
            domain = next(iter(self._filed[size]))
            count = min(size, need)
            parts.append((domain, count))
            self.add_free(domain, -count)
            need -= count
        return parts
