"""What visits of a cycle's domains cost, kept from one stop to the next: only jobs that came, went or changed are
priced.

The answer is that of prices made from nothing. Costs are multiples of a fraction of a second whose sums have no
rounding (up to some trillion host-seconds), so that the order in which jobs came plays no part in them.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, compress, repeat
from math import inf
from operator import attrgetter, is_not

import numpy as np

from fleet.models.base import Moment
from fleet.models.facts import TrainFacts
from fleet.models.job_costs import JobCosts
from fleet.models.scheduler import ClusterView, Job, JobState
from fleet.models.train import Cycle
from fleet.policy.job_costs import OVERRUN, lost, lost_changes
from fleet.policy.timetable_guard import Flags
from fleet.policy.timetable_prices import Places, Prices

FINE = 1024
"""Costs are told to this fraction of a host-second."""


def interruptible(jobs: Iterable[Job]) -> list[bool]:
    """Of each job, whether it holds hosts; our own short ones are none that a visit interrupts."""
    return [job.state is not JobState.OTHER and not job.ours for job in jobs]


class KeptPrices:
    """Prices of all domains of one cycle, by their place in it; times in seconds since the cycle opened, prices in
    host-seconds. A gang counts with all of its hosts, wherever they are.

    It is changed by each look, so one look at a time; after one that failed it is of no use.
    """

    def __init__(self) -> None:
        self._cycle: tuple[object, ...] = ()
        self._where: dict[str, int] = {}
        self._jobs: Mapping[str, Job] = {}
        self._moving: set[str] = set()
        """Jobs that lose more with the time."""
        self.prices = Prices(0)

    def look(self, facts: TrainFacts, cycle: Cycle, view: ClusterView | None, begins: Moment) -> Prices:
        """The prices by this view, for visits that begin at `begins` or later. Those of another cycle, or by other
        costs, are forgotten.
        """
        costs, grace = facts.pool.job_costs, facts.pool.drain.deadline.total_seconds()
        # Only a cycle that is yet to open may have other domains the next time.
        told_apart = () if cycle is facts.cycle else _told_apart(cycle)
        of = (cycle.cluster, cycle.pool, cycle.number, cycle.opened_at, costs, grace, *told_apart)
        if of != self._cycle:
            self._cycle, self._jobs, self._moving = of, {}, set()
            self._where = {host: i for i, d in enumerate(cycle.domains) for host in d.domain.hosts}
            self.prices = Prices(len(cycle.domains), grace)
        before, jobs = self._jobs, view.jobs if view else {}
        others = _others(before, jobs)
        changed = [n for n in others if n not in before or _FIELDS(before[n]) != _FIELDS(jobs[n])]
        if len(before) + sum(n not in before for n in changed) > len(jobs):
            gone = before.keys() - jobs.keys()
            self.prices.remove_all(gone)
            self._moving.difference_update(gone)
        self._jobs = dict(jobs)
        names = [*self._moving.union(changed)] if self._moving else changed
        if names:
            self._price(names, [*map(jobs.__getitem__, names)], cycle.opened_at, costs, begins)
        self.prices.run_on((facts.now - OVERRUN - cycle.opened_at).total_seconds())
        return self.prices

    def _price(self, names: list[str], jobs: list[Job], since: Moment, costs: JobCosts, begins: Moment) -> None:
        """In arrays, for thousands of jobs may be new at one look."""
        comments, ends, hosts = ([*map(told, jobs)] for told in _TOLD)
        # What a host of a job loses: nothing but its comment plays a part in it.
        telling = dict(zip(comments, jobs, strict=True))
        loses = {comment: lost(job, costs, begins).total_seconds() for comment, job in telling.items()}
        sizes = np.fromiter(map(len, hosts), np.int64, len(jobs))
        cost = np.rint(sizes * [*map(loses.__getitem__, comments)] * FINE) / FINE
        until = np.array([inf if end is None else (end - since).total_seconds() for end in ends])
        touched = self._touched(hosts, sizes, np.array(interruptible(jobs), bool))
        starts = np.searchsorted(touched, np.arange(len(jobs) + 1) * self.prices.domains)
        self.prices.add_all(names, starts, touched % self.prices.domains, cost, until)
        moving = {comment for comment, job in telling.items() if lost_changes(job)}
        self._moving.difference_update(names)
        self._moving.update(name for name, comment in zip(names, comments, strict=True) if comment in moving)

    def _touched(self, hosts: Sequence[Sequence[str]], sizes: Places, counts: Flags) -> Places:
        """Domains of the cycle that each job that counts is on: the number of the job times how many domains there are,
        and that of the domain; in ascending order.
        """
        whose = np.repeat(np.arange(len(hosts)), sizes)
        domain = np.fromiter(map(self._where.get, chain.from_iterable(hosts), repeat(-1)), np.int64, len(whose))
        pairs = (whose * self.prices.domains + domain)[(domain >= 0) & counts[whose]]
        # Hosts of a job stand side by side, mostly: what is left to sort is short.
        return np.unique(pairs[np.diff(pairs, prepend=-1) != 0])


def _told_apart(cycle: Cycle) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """What tells its domains: names and numbers of hosts."""
    return tuple(map(_NAME, cycle.domains)), tuple(map(len, map(_HOSTS, cycle.domains)))


_FIELDS, _TOLD = attrgetter("__dict__"), [*map(attrgetter, ("comment", "ends_by", "hosts"))]
_NAME, _HOSTS = attrgetter("domain.name"), attrgetter("domain.hosts")


def _others(before: Mapping[str, Job], after: Mapping[str, Job]) -> list[str]:
    """Jobs that are not the very objects they were, as drivers keep those that did not change: most. To see that takes
    no loop of our own, as it is much of a decision's time.
    """
    return list(compress(after, map(is_not, map(before.get, after), after.values())))
