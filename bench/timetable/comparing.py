"""One cycle of a train over a fleet at work, in the fixed order and in that of the timetable."""

import time
from dataclasses import dataclass

import numpy as np

from bench.timetable.fleet import Fleet
from bench.timetable.shown import Shown
from fleet.policy.timetable import preferred
from fleet.policy.timetable_kept import KeptPrices
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
    jobs_running: int
    """At a decision, on average; 0 where none is looked at."""
    decide_ms: float
    """Of processor time a decision, from facts and the scheduler's answer to the domain and why."""
    decide_ms_worst: float
    jobs_new: int
    """From one decision to the next, on average."""
    on_time: bool


def fixed_order(cycle: Cycle, work: Workload) -> Outcome:
    """Domain after domain."""
    fleet = Fleet(cycle.domains, cycle.size, work)
    fleet.go_to(WARM)
    for domain in range(cycle.domains):
        _visit(fleet, cycle, domain)
    return _outcome(fleet, cycle, [0.0], [0], 0)


def by_timetable(cycle: Cycle, work: Workload, seed: int = 0) -> Outcome:
    """Each stop as a train decides it when the one before has ended: by the facts, a new answer of the scheduler, and
    the prices that its last decision left.
    """
    fleet = Fleet(cycle.domains, cycle.size, work)
    limit = np.random.default_rng(seed).uniform(1.0, cycle.overestimate, len(work))
    shown, kept = Shown(cycle.domains, cycle.size, cycle.spacing, cycle.grace), KeptPrices()
    rest = list(range(cycle.domains))
    fleet.go_to(WARM)
    took: list[float] = []
    jobs: list[int] = []
    due = WARM + cycle.domains * cycle.spacing * cycle.slack
    while rest:
        facts, view = shown.facts(fleet.now, due, rest), shown.view(fleet, limit)
        began = time.process_time()
        found = preferred(facts, view, kept)
        took.append(time.process_time() - began)
        jobs.append(len(view.jobs))
        domain = shown.place[found.preferred[0]] if found.preferred else rest[0]
        rest.remove(domain)
        _visit(fleet, cycle, domain)
    return _outcome(fleet, cycle, took, jobs, shown.made)


def _visit(fleet: Fleet, cycle: Cycle, domain: int) -> None:
    fleet.close(domain, cycle.grace)
    fleet.go_to(fleet.now + cycle.visit)
    fleet.open()


def _outcome(fleet: Fleet, cycle: Cycle, took: list[float], jobs: list[int], new: int) -> Outcome:
    due = WARM + cycle.domains * cycle.spacing * cycle.slack
    used = fleet.used_host_seconds + sum(
        int(fleet.work.hosts[j]) * (fleet.now - r.began) for j, r in fleet.running.items()
    )
    return Outcome(
        lost_host_hours=round(fleet.lost_host_hours, 1),
        interruptions=fleet.interruptions,
        busy=round(used / (cycle.domains * cycle.size * fleet.now), 3),
        decisions=len(took),
        jobs_running=round(sum(jobs) / len(jobs)),
        decide_ms=round(1000 * sum(took) / len(took), 2),
        decide_ms_worst=round(1000 * max(took), 2),
        jobs_new=round(new / len(took)),
        on_time=fleet.now <= due + 1,
    )
