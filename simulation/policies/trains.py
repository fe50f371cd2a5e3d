"""Maintenance trains: one a pool, with the very policies that Maintrain runs: `fleet.policy.next_stop` says where a
train goes and when, `timetable_order` which domain
costs the jobs least, `limits` what a pool promises, `autostop` when grants stop.
"""

from datetime import timedelta
from itertools import accumulate
from math import inf

from fleet.models.facts import TrainFacts
from fleet.models.ledger import Autostop
from fleet.models.train import Cycle, Domain, DomainProgress, DomainState, NextStop, StopAction
from fleet.policy.autostop import autostop
from fleet.policy.next_stop import next_stop
from simulation.gangs import Gangs, Visit
from simulation.moments import moment, seconds
from simulation.policies.base import CycleDone, Maintenance
from simulation.policies.pricing import Pricing
from simulation.visits import Visits

RETRY_S = 600.0
"""After how long a refused grant is asked for again."""
_TICK_S = 0.001
_REMEMBERED = 10
"""Visits whose mean length is the expected one."""


class Trains(Maintenance):
    """A train for every pool."""

    def __init__(self, visits: Visits, gangs: Gangs) -> None:
        super().__init__(visits, gangs)
        self.pricing = Pricing(self.scenario, gangs)
        self.trains = [_Train(self, pool) for pool in range(len(self.scenario.pools))]

    def begin(self) -> None:
        """All trains are where they would be by now, each in a cycle of its own."""
        for train in self.trains:
            train.set_out()

    def overdue(self, now: float) -> int:
        """Cycles that are open and past their bound."""
        return sum(
            train.cycle is not None and train.cycle.closed_at is None and moment(now) > train.cycle.due_at
            for train in self.trains
        )


class _Train:
    """One pool's train, on the clock."""

    def __init__(self, trains: Trains, pool: int) -> None:
        self.trains, self.number = trains, pool
        self.scenario, self.hosts, self.clock = trains.scenario, trains.hosts, trains.clock
        self.pool = self.scenario.as_pool()
        self.promised = trains.visits.promised[pool]
        self.domains = {f"d{domain:05}": domain for domain in self.hosts.domains[pool]}
        self.cycle: Cycle | None = None
        self.asked = False
        self.visiting: str = ""
        self.lengths: list[float] = []
        self.autostop = Autostop(reason="")
        self._wakes_at = inf

    def set_out(self) -> None:
        """Be in the middle of a cycle that opened before time began, its first domains done."""
        before_s = self.trains.opened_before_s(self.number)
        length_s = map(self.trains.visits.expected_s, map(self.hosts.span.__getitem__, self.domains.values()))
        self._open(-before_s, done=sum(end <= before_s for end in accumulate(length_s)))
        self.go_on()

    def ask_cycle(self, what: object = None) -> None:
        """A new cycle is asked for; while one is under way the next one follows it."""
        self.asked = True
        self.go_on()

    def go_on(self) -> None:
        """Ask for the next stop, and do it, until there is something to wait for."""
        while True:
            decision = next_stop(self._facts())
            self.trains.decisions += 1
            match decision.action:
                case StopAction.OPEN_CYCLE:
                    self._open(self.clock.now)
                case StopAction.NOTICE:
                    self._mark(decision.domain, state=DomainState.NOTICED, noticed_at=moment(self.clock.now))
                case StopAction.CLOSE_CYCLE:
                    self._close()
                case StopAction.VISIT:
                    if not self._visit(decision):
                        return
                case StopAction.WAIT:
                    if decision.until is not None:
                        self._wake(seconds(decision.until))
                    return

    def _facts(self) -> TrainFacts:
        lengths = self.lengths
        expected = sum(lengths) / len(lengths) if lengths else self.pool.visit_budget.total_seconds()
        return TrainFacts.model_construct(
            cluster="what-if",
            pool=self.pool,
            now=moment(self.clock.now),
            hosts=(),
            cycle=self.cycle,
            stops=(),
            open_visits=(self.visiting,) if self.visiting else (),
            visit_seconds=expected,
            cycle_asked=self.asked,
            preferred=self._preferred(expected),
        )

    def _preferred(self, expected: float) -> tuple[str, ...]:
        """What the timetable puts first, asked only when its jobs are about to be told: while the visit before runs."""
        cycle = self.cycle
        if not self.scenario.timetable or cycle is None or cycle.closed_at is not None:
            return ()
        due = [d.domain.name for d in cycle.domains if d.state is DomainState.DUE]
        if len(due) <= 1 or any(d.state is DomainState.NOTICED for d in cycle.domains):
            return ()
        due_s = seconds(cycle.due_at) - self.clock.now
        begins = max(self.scenario.notice_s, expected if self.visiting else 0.0)
        domains = [self.domains[name] for name in due]
        chosen = self.trains.pricing.cheapest(domains, begins, due_s, expected)
        return (due[domains.index(chosen)],)

    def _open(self, opened_s: float, done: int = 0) -> None:
        """A cycle that has opened then, with so many domains done; the next one is asked for in time."""
        self.asked = False
        opened, number = moment(opened_s), self.cycle.number + 1 if self.cycle else 0
        self.cycle = Cycle(
            cluster="what-if",
            pool="pool",
            number=number,
            opened_at=opened,
            due_at=opened + self.pool.cycle_bound,
            domains=tuple(
                DomainProgress(
                    domain=Domain(name=name, hosts=()), state=DomainState.DUE if n >= done else DomainState.VISITED
                )
                for n, name in enumerate(self.domains)
            ),
        )
        self.clock.at(opened_s + self.scenario.cycle_s, self.ask_cycle)

    def _close(self) -> None:
        cycle = self._cycle()
        self.cycle = cycle.model_copy(update={"closed_at": moment(self.clock.now)})
        opened = seconds(cycle.opened_at)
        self.trains.cycles.append(CycleDone(self.number, cycle.number, opened, self.clock.now))

    def _visit(self, decision: NextStop) -> bool:
        """Begin a visit if it is granted; a refused one is asked for again later."""
        name = decision.domain or ""
        taken = self.hosts.up_in(self.domains[name])
        if not taken:  # all of its hosts are in repair, which does what the visit would
            self._mark(name, state=DomainState.VISITED, ended_at=moment(self.clock.now))
            return True
        if not self._granted(len(taken)):
            self._wake(self.clock.now + RETRY_S)
            return False
        visit = f"visit/{name}"
        self.visiting = visit
        self._mark(name, state=DomainState.VISITING, visit=visit, attempts=decision.attempt)
        self.trains.visits.take(taken, self._cycle().number, self._done, self.scenario.drain_s)
        return True

    def _granted(self, hosts: int) -> bool:
        """Whole or not at all, as the dispatcher grants: buffer, floor, autostop."""
        promised, pool = self.promised, self.number
        now, failed = moment(self.clock.now), self.hosts.failed[pool]
        self.autostop = autostop(self.pool, promised, failed, timedelta(0), self.autostop, now)
        return (
            not self.autostop.stopped
            and self.hosts.planned[pool] + hosts <= promised.planned_buffer
            and self.hosts.up(pool) - hosts >= promised.floor
        )

    def _done(self, visit: Visit) -> None:
        self.lengths = [*self.lengths[1 - _REMEMBERED :], self.clock.now - visit.at]
        name = self.visiting.removeprefix("visit/")
        self.visiting = ""
        self._mark(name, state=DomainState.VISITED, ended_at=moment(self.clock.now))
        self.go_on()

    def _mark(self, name: str | None, **update: object) -> None:
        cycle = self._cycle()
        domains = tuple(d.model_copy(update=update) if d.domain.name == name else d for d in cycle.domains)
        self.cycle = cycle.model_copy(update={"domains": domains})

    def _cycle(self) -> Cycle:
        if self.cycle is None:
            raise AssertionError("a stop without a cycle")
        return self.cycle

    def _wake(self, at: float) -> None:
        """Go on then; the calendar's microseconds must not make it the same instant again."""
        at = max(at, self.clock.now + _TICK_S)
        if at < self._wakes_at:
            self._wakes_at = at
            self.clock.at(at, self._woken, at)

    def _woken(self, at: float) -> None:
        if at == self._wakes_at:  # else an earlier wake has taken its place
            self._wakes_at = inf
            self.go_on()
