"""What happens to hosts: visits (granted, drained, worked on, returned or handed over), failures and repairs.

All policies share it, so that they differ only in which hosts they take when.
"""

from collections.abc import Callable, Iterable
from math import inf

import numpy as np

from simulation.chance import Failures, Stream, generator, per_second
from simulation.clock import Clock
from simulation.gangs import Gangs, Visit
from simulation.hosts import FAILED, PLANNED, UP, Hosts
from simulation.scenario import Scenario
from simulation.upgrades import Upgrades

Done = Callable[[Visit], None]


class Chances:
    """What one cycle's visits would be on each host: how long, whether they fail, and how long repair takes then."""

    def __init__(self, scenario: Scenario, cycle: int) -> None:
        rng = generator(scenario.seed, Stream.VISITS, cycle)
        self.length_s: list[float] = scenario.visit.draw(rng, scenario.hosts).tolist()
        rng = generator(scenario.seed, Stream.HANDOVERS, cycle)
        self.luck: list[float] = rng.random(scenario.hosts).tolist()
        self.repair_s: list[float] = scenario.repair.draw(rng, scenario.hosts).tolist()


class Visits:
    """Visits under way, and hosts that fail and come back."""

    def __init__(self, scenario: Scenario, hosts: Hosts, gangs: Gangs, clock: Clock) -> None:
        self.scenario, self.hosts, self.gangs, self.clock = scenario, hosts, gangs, clock
        self.promised = scenario.limits()
        self.upgrades = Upgrades(scenario)
        self.count = self.handovers = self.failures = 0
        """Host visits that ended; those that ended in a repair; failures of hosts in production."""
        rate, until = per_second(scenario.failures_per_1000_node_days), scenario.until_s
        upgrade = scenario.upgrade
        extra = rate * (upgrade.factor - 1) if upgrade else 0.0
        sizes = (scenario.hosts, until, scenario.repair)
        self.usual = Failures(generator(scenario.seed, Stream.FAILURES), rate, *sizes)
        self.extra = Failures(generator(scenario.seed, Stream.EXTRA_FAILURES), extra, *sizes)
        self._picks = generator(scenario.seed, Stream.PICKS)
        self._chances: dict[int, Chances] = {}
        self._done: dict[Visit, Done] = {}
        self._length: dict[Visit, float] = {}
        self.returned: Callable[[], None] = lambda: None
        """Called when hosts are back from a repair."""
        gangs.drained = self._begin
        clock.at(self.usual.at_s[0], self._fail, (self.usual, 0))
        clock.at(self.extra.at_s[0], self._fail, (self.extra, 0))

    def take(self, hosts: list[int], cycle: int, done: Done, drain_s: float, length_s: float | None = None) -> Visit:
        """Take hosts that are up: a whole domain's or a single one; jobs have so long to leave. `done` is called when
        they are back or handed over. Without a length it is drawn.
        """
        visit = Visit(hosts, cycle, self.clock.now)
        self._done[visit] = done
        if length_s is not None:
            self._length[visit] = length_s
        by_pool, by_domain = self._grouped(hosts)
        for domain, count in by_domain:
            self.gangs.vacate(visit, domain, count, self._pick() if count == 1 else 0.0)
        for members in by_pool:
            self.hosts.move(members, PLANNED, self.clock.now)
        if not visit.pending:
            self._begin(visit)
        elif drain_s > 0:
            self.clock.at(self.clock.now + drain_s, self._requeue, visit)
        else:
            self._requeue(visit)
        return visit

    def chances(self, cycle: int) -> Chances:
        """What a cycle's visits would be, the same for every policy."""
        if cycle not in self._chances:
            self._chances.pop(cycle - 2, None)
            self._chances[cycle] = Chances(self.scenario, cycle)
        return self._chances[cycle]

    def expected_s(self, hosts: range) -> float:
        """How long a visit of these hosts would take in the first cycle, draining to the end: their slowest one's, or
        that of the first where they return together.
        """
        drawn = self.chances(0).length_s
        return self.scenario.drain_s + (drawn[hosts[0]] if self.scenario.whole_visits else max(drawn[h] for h in hosts))

    def order(self, cycle: int, pool: int) -> list[int]:
        """A pool's hosts by name, in which those of a domain lie side by side, or in an order drawn by the cycle."""
        if not self.scenario.random_order:
            return list(self.scenario.pools[pool])
        members = np.asarray(self.scenario.pools[pool])
        rng = generator(self.scenario.seed, Stream.ORDER, cycle * len(self.scenario.pools) + pool)
        return [int(host) for host in members[rng.permutation(len(members))]]

    def _pick(self) -> float:
        return float(self._picks.random())

    def _requeue(self, visit: Visit) -> None:
        """The drain deadline has come: what still runs on its hosts goes back to the queue."""
        for job in list(visit.gangs):
            if job in visit.gangs:
                self.gangs.interrupt(job, planned=True)

    def _begin(self, visit: Visit) -> None:
        if visit.begun:
            return
        visit.begun = True
        visit.out = len(visit.hosts)
        length = self._length.pop(visit, None)
        if length is not None:
            ready = {length: visit.hosts}
        else:
            drawn = self.chances(visit.cycle).length_s
            ready = {}
            for host in visit.hosts:
                ready.setdefault(drawn[visit.hosts[0] if self.scenario.whole_visits else host], []).append(host)
        for after, hosts in ready.items():
            self.clock.at(self.clock.now + after, self._end, (visit, hosts))

    def _end(self, what: tuple[Visit, list[int]]) -> None:
        """Hosts of a visit return, or are handed over: a failed one leaves no instant between holders. The visit ends
        with its last host.
        """
        visit, hosts = what
        upgrades, luck, now = self.upgrades, self.chances(visit.cycle), self.clock.now
        usual = self.scenario.visit_fails
        # What board was decided when the visit began, and the upgrade may be offboarded since: it is rolled back then.
        boards = upgrades.boards(visit.at) and upgrades.boards(now)
        bar = 1 - (1 - usual) * (1 - upgrades.fails) if boards else usual
        failed = [host for host in hosts if luck.luck[host] < bar]
        passed = [host for host in hosts if luck.luck[host] >= bar] if failed else hosts
        self.count += len(hosts)
        self.handovers += len(failed)
        upgrades.harmed += sum(luck.luck[host] >= usual for host in failed)
        for host in failed:
            self._out(host, luck.repair_s[host])
        self._back(passed)
        upgrades.board(hosts, visit.at, now)
        visit.passed += passed
        visit.failed += failed
        visit.out -= len(hosts)
        if not visit.out:
            upgrades.tried(visit.passed, visit.failed, visit.at, now)
            self._done.pop(visit)(visit)

    def _back(self, hosts: list[int]) -> None:
        by_pool, by_domain = self._grouped(hosts)
        for members in by_pool:
            self.hosts.move(members, UP, self.clock.now)
        for domain, count in by_domain:
            self.hosts.add_free(domain, count)
        self.gangs.freed()

    def _grouped(self, hosts: list[int]) -> tuple[Iterable[list[int]], Iterable[tuple[int, int]]]:
        """The hosts of each pool, and their number in each domain."""
        domain_of, pool_of = self.hosts.domain_of, self.hosts.pool_of
        if len(hosts) == 1:
            return (hosts,), ((domain_of[hosts[0]], 1),)
        by_pool: dict[int, list[int]] = {}
        by_domain: dict[int, int] = {}
        for host in hosts:
            domain = domain_of[host]
            by_domain[domain] = by_domain.get(domain, 0) + 1
            by_pool.setdefault(pool_of[domain], []).append(host)
        return by_pool.values(), by_domain.items()

    def _out(self, host: int, repair_s: float) -> None:
        now, try_s = self.clock.now, min(repair_s, self.scenario.visit.mean_s)
        self.hosts.move((host,), FAILED, now)
        self.clock.at(now + repair_s, self._repaired, (host, now + repair_s - try_s))

    def _fail(self, what: tuple[Failures, int]) -> None:
        failures, n = what
        if failures.at_s[n + 1] < inf:
            self.clock.at(failures.at_s[n + 1], self._fail, (failures, n + 1))
        host, extra = failures.host[n], failures is self.extra
        if self.hosts.set[host] != UP or (extra and not self.upgrades.carried[host]):
            return
        self.failures += 1
        self.upgrades.harmed += extra
        self.gangs.hit(self.hosts.domain_of[host], failures.pick[n])
        self._out(host, failures.repair_s[n])

    def _repaired(self, what: tuple[int, float]) -> None:
        """Each try of a repair boards what is due when it begins, so the host has what its last one found, which takes
        as long as a visit; a repair that is shorter is one try.
        """
        host, tried_at = what
        self._back([host])
        self.upgrades.board([host], tried_at, self.clock.now)
        self.returned()
