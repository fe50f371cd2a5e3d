"""The coarse fleet as a train is shown it: the facts of its cycle, and its scheduler's answer, read anew each time."""

from datetime import UTC, datetime, timedelta
from itertools import chain
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from bench.timetable.fleet import Fleet, Running
from fleet.models.facts import TrainFacts
from fleet.models.job_costs import JobCosts
from fleet.models.pool import DomainSpec, DrainPolicy, Grouping, HostSelector, Pool
from fleet.models.scheduler import ClusterView, Job, JobKind, JobState
from fleet.models.train import Cycle, Domain, DomainProgress, DomainState

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)


class Shown:
    """Of so many domains of a size; `visit_s`: from one visit's beginning to the next."""

    def __init__(self, domains: int, size: int, visit_s: float, grace_s: float) -> None:
        self.visit_s = visit_s
        self.pool = Pool(
            name="gpu",
            hosts=HostSelector(names="d*"),
            domain=DomainSpec(size=size, group_by=Grouping.NONE),
            failure_buffer=100,
            cycle_bound=timedelta(days=365),
            notice=timedelta(0),
            job_costs=JobCosts(restart=timedelta(minutes=10), checkpoint=timedelta(hours=1)),
            drain=DrainPolicy(deadline=timedelta(seconds=grace_s)),
            visit_budget=timedelta(seconds=visit_s),
        )
        self._due = [
            DomainProgress(
                domain=Domain(name=f"d{d:04}", hosts=tuple(f"d{d}n{n}" for n in range(size))), state=DomainState.DUE
            )
            for d in range(domains)
        ]
        self._hosts = [d.domain.hosts for d in self._due]
        self._done = [d.model_copy(update={"state": DomainState.VISITED}) for d in self._due]
        self._listed: dict[tuple[int, int, float], Job] = {}
        self.made = 0
        """Jobs that were new or changed when they were listed."""
        self.place = {d.domain.name: i for i, d in enumerate(self._due)}

    def facts(self, now_s: float, due_s: float, rest: list[int]) -> TrainFacts:
        """With these domains left."""
        left = set(rest)
        domains = tuple(self._due[d] if d in left else self._done[d] for d in range(len(self._due)))
        return TrainFacts(
            cluster="big",
            pool=self.pool,
            now=_at(now_s),
            hosts=(),
            cycle=Cycle(cluster="big", pool="gpu", number=1, opened_at=EPOCH, due_at=_at(due_s), domains=domains),
            stops=(),
            open_visits=(),
            visit_seconds=self.visit_s,
            cycle_asked=True,
        )

    def view(self, fleet: Fleet, limit: NDArray[np.float64]) -> ClusterView:
        """Every job that runs. One that is as it was is the very same object, as our drivers list it."""
        before, self._listed = self._listed, {}
        for run in fleet.running.values():
            key = (run.job, run.run, run.began)
            self._listed[key] = before.get(key) or self._job(run, fleet, float(limit[run.job]))
        jobs = {job.id: job for job in self._listed.values()}
        return ClusterView.model_construct(began=0.0, nodes={}, jobs=jobs, ends=())

    def _job(self, run: Running, fleet: Fleet, limit: float) -> Job:
        """It asked for `limit` times what it runs, and says in whole minutes what it loses, as a person would. Which
        hosts of a domain it has plays no part.
        """
        self.made += 1
        work, n = fleet.work, run.job
        taken = zip(run.touched.tolist(), run.taken.tolist(), strict=True)
        left = (run.ends - run.began) * limit
        said = f"restart={float(work.restart_s[n]) / 60:.0f}m checkpoint={float(work.checkpoint_s[n]) / 60:.0f}m"
        return Job.model_construct(
            id=str(n),
            state=JobState.RUNNING,
            kind=JobKind.REQUEUEABLE,
            hosts=tuple(chain.from_iterable(self._hosts[domain][:count] for domain, count in taken)),
            restarts=run.run,
            comment=f"maintrain:job {said}",
            ends_by=_at(run.began + left) if isfinite(left) else None,
        )


def _at(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)
