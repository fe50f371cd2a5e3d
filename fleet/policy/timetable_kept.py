"""What visits of a cycle's domains cost, kept from one stop to the next: only jobs that came, went or changed are
priced.

The answer is that of prices made from nothing. Costs are multiples of a fraction of a second whose sums have no
rounding (up to some trillion host-seconds), so that the order in which jobs came plays no part in them.
"""

from collections.abc import Iterable, Mapping
from itertools import compress, filterfalse
from math import inf
from operator import attrgetter, is_not

import numpy as np

from fleet.models.base import Moment
from fleet.models.facts import TrainFacts
from fleet.models.job_costs import JobCosts
from fleet.models.scheduler import ClusterView, Job
from fleet.models.train import Cycle
from fleet.policy.job_costs import lost, lost_changes
from fleet.policy.timetable_prices import Prices

FINE = 1024
"""Costs are told to this fraction of a host-second."""


def interruptible(jobs: Iterable[Job]) -> Iterable[Job]:
    """Jobs that hold hosts, our own short ones aside."""
    return (job for job in jobs if _is_interruptible(job))


def _is_interruptible(job: Job) -> bool:
    return job.holds and not job.ours


class KeptPrices:
    """Prices of all domains of one cycle, by their place in it; times in seconds since the cycle opened, prices in
    host-seconds. A gang counts with all of its hosts, wherever they are.

    It is changed by each look, so one look at a time; after one that failed it is of no use.
    """

    def __init__(self) -> None:
        self._cycle: tuple[object, ...] = ()
        self._where: dict[str, int] = {}
        self._jobs: dict[str, Job] = {}
        self._moving: set[str] = set()
        """Jobs that lose more with the time."""
        self.prices = Prices(0)

    def look(self, facts: TrainFacts, cycle: Cycle, view: ClusterView | None, begins: Moment) -> Prices:
        """The prices by this view, for visits that begin at `begins` or later. Those of another cycle, or by other
        costs, are forgotten.
        """
        costs, grace = facts.pool.job_costs, facts.pool.drain.deadline.total_seconds()
        of = (cycle.cluster, cycle.pool, cycle.number, cycle.opened_at, costs, grace, *_told_apart(cycle))
        if of != self._cycle:
            self._cycle, self._jobs, self._moving = of, {}, set()
            self._where = {host: i for i, d in enumerate(cycle.domains) for host in d.domain.hosts}
            self.prices = Prices(len(cycle.domains), grace)
        jobs = view.jobs if view else {}
        others = _others(self._jobs, jobs)
        changed = [n for n in others if n not in self._jobs or _FIELDS(self._jobs[n]) != _FIELDS(jobs[n])]
        self._forget(jobs, sum(name not in self._jobs for name in changed))
        for name in others:
            self._jobs[name] = jobs[name]
        self._price([(name, jobs[name]) for name in self._moving.union(changed)], cycle.opened_at, costs, begins)
        return self.prices

    def _forget(self, jobs: Mapping[str, Job], new: int) -> None:
        if len(self._jobs) + new == len(jobs):
            return
        for name in list(filterfalse(jobs.__contains__, self._jobs)):
            del self._jobs[name]
            self.prices.remove(name)
            self._moving.discard(name)

    def _price(self, jobs: list[tuple[str, Job]], since: Moment, costs: JobCosts, begins: Moment) -> None:
        names: list[str] = []
        edges, touches = [0], list[int]()
        cost, ends = list[float](), list[float]()
        each = dict[str, float]()
        """What a host of a job loses, by the job's comment: nothing else of a job plays a part in it."""
        for name, job in jobs:
            self.prices.remove(name)
            self._moving.discard(name)
            on = self._touched(job)
            if not on:
                continue
            names.append(name)
            touches += on
            edges.append(len(touches))
            if job.comment not in each:
                each[job.comment] = lost(job, costs, begins).total_seconds()
            cost.append(round(len(job.hosts) * each[job.comment] * FINE) / FINE)
            ends.append(inf if job.ends_by is None else (job.ends_by - since).total_seconds())
            if lost_changes(job):
                self._moving.add(name)
        if names:
            self.prices.add_all(names, np.array(edges), np.array(touches), np.array(cost), np.array(ends))

    def _touched(self, job: Job) -> list[int]:
        """Domains of the cycle that a visit would interrupt it on."""
        where = self._where
        return sorted({where[host] for host in job.hosts if host in where}) if _is_interruptible(job) else []


def _told_apart(cycle: Cycle) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """What tells the domains of a cycle, which are fixed while it lasts: names and numbers of hosts."""
    return tuple(map(_NAME, cycle.domains)), tuple(map(len, map(_HOSTS, cycle.domains)))


_FIELDS, _NAME, _HOSTS = attrgetter("__dict__"), attrgetter("domain.name"), attrgetter("domain.hosts")


def _others(before: Mapping[str, Job], after: Mapping[str, Job]) -> list[str]:
    """Jobs that are not the very objects they were, as drivers keep those that did not change: most. To see that takes
    no loop of our own, as it is much of a decision's time.
    """
    return list(compress(after, map(is_not, map(before.get, after), after.values())))
