"""One cycle of a train over a fleet at work, in the fixed order and in that of the timetable."""

import time
from dataclasses import dataclass
from math import inf

import numpy as np

from bench.timetable.fleet import Fleet
from fleet.policy.timetable_calendar import Calendar
from fleet.policy.timetable_exact import Remaining
from fleet.policy.timetable_order import next_visit
from fleet.policy.timetable_prices import Prices
from simulation.job import Workload

HOUR = 3600.0
WARM = 2 * 86_400.0
"""Before the cycle begins."""


@dataclass(frozen=True)
class Cycle:
    """A train's: a domain at a time, without gaps."""

    domains: int = 1200
    size: int = 20
    visit: float = 0.5 * HOUR
    grace: float = 600.0
    slack: float = 1.1
    """The cycle bound over the time that the visits take."""
    overestimate: float = 2.0
    """Limits that jobs ask for, over what they run, at most; evenly from 1 on. The timetable knows only limits."""

    @property
    def spacing(self) -> float:
        """From one visit's beginning to the next."""
        return self.visit + self.grace

    @property
    def days(self) -> float:
        """That the whole takes."""
        return (WARM + self.domains * self.spacing) / 86_400 + 0.1


@dataclass(frozen=True)
class Outcome:
    """What one order brought."""

    lost_host_hours: float
    interruptions: int
    busy: float
    """Share of the hosts in use, on average."""
    decisions: int
    decide_ms: float
    """Of processor time a decision, jobs that came and went included."""
    decide_ms_worst: float
    on_time: bool


def fixed_order(cycle: Cycle, work: Workload) -> Outcome:
    """Domain after domain."""
    fleet = Fleet(cycle.domains, cycle.size, work)
    fleet.go_to(WARM)
    for domain in range(cycle.domains):
        _visit(fleet, cycle, domain)
    return _outcome(fleet, cycle, [0.0])


def by_timetable(cycle: Cycle, work: Workload, seed: int = 0) -> Outcome:
    """Each stop as the timetable says when the one before has ended."""
    fleet = Fleet(cycle.domains, cycle.size, work)
    limit = np.random.default_rng(seed).uniform(1.0, cycle.overestimate, len(work))
    prices = Prices(cycle.domains, cycle.grace)
    due = WARM + cycle.domains * cycle.spacing * cycle.slack
    whole = Remaining(
        np.full(cycle.domains, due),
        np.zeros(cycle.domains),
        np.full(cycle.domains, cycle.spacing),
        np.zeros(cycle.domains, np.int64),
    )
    rest = np.arange(cycle.domains)
    fleet.go_to(WARM)
    took: list[float] = []
    while len(rest):
        began = time.process_time()
        _tell(fleet, prices, limit)
        left = Remaining(*(column[rest] for column in whole))
        domain = int(rest[next_visit(left, prices.only(rest), Calendar(), fleet.now).domain])
        took.append(time.process_time() - began)
        rest = rest[rest != domain]
        _visit(fleet, cycle, domain)
    return _outcome(fleet, cycle, took)


def _visit(fleet: Fleet, cycle: Cycle, domain: int) -> None:
    fleet.close(domain, cycle.grace)
    fleet.go_to(fleet.now + cycle.visit)
    fleet.open()


def _tell(fleet: Fleet, prices: Prices, limit: np.ndarray) -> None:
    """Jobs that came and went since the last stop."""
    work = fleet.work
    for job in {job for job, _ in fleet.changed}:
        prices.remove(str(job))
        run = fleet.running.get(job)
        if run is not None:
            each = float(work.restart_s[job] + work.checkpoint_s[job] / 2)
            left = (run.ends - run.began) * float(limit[job])
            ends = run.began + left if left < inf else inf
            prices.add(str(job), run.touched.tolist(), int(work.hosts[job]) * each, ends)
    fleet.changed.clear()


def _outcome(fleet: Fleet, cycle: Cycle, took: list[float]) -> Outcome:
    due = WARM + cycle.domains * cycle.spacing * cycle.slack
    used = fleet.used_host_seconds + sum(
        int(fleet.work.hosts[j]) * (fleet.now - r.began) for j, r in fleet.running.items()
    )
    return Outcome(
        lost_host_hours=round(fleet.lost_host_hours, 1),
        interruptions=fleet.interruptions,
        busy=round(used / (cycle.domains * cycle.size * fleet.now), 3),
        decisions=len(took),
        decide_ms=round(1000 * sum(took) / len(took), 2),
        decide_ms_worst=round(1000 * max(took), 2),
        on_time=fleet.now <= due + 1,
    )
