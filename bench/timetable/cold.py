"""How long a timetable takes from nothing but the facts of a train and its scheduler's answer, and how long the stops
after the first one take, by the prices that the one before left.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from fleet.models.facts import TrainFacts
from fleet.models.pool import DomainSpec, DrainPolicy, Grouping, HostSelector, Pool
from fleet.models.scheduler import ClusterView, Job, JobKind, JobState
from fleet.models.train import Cycle, Domain, DomainProgress, DomainState
from fleet.policy.timetable import preferred, timetable
from fleet.policy.timetable_kept import KeptPrices
from simulation.workloads.published import RSC

SIZE = 50
STOPS, EVERY = 20, timedelta(minutes=30)
"""Decided after the first."""
NOW = datetime(2026, 3, 1, tzinfo=UTC)
_HOURS = {c.hosts: c.run_h for c in RSC.classes}


def measure(domains: int = 1200, jobs: int = 10_000) -> dict[str, Any]:
    """Processor seconds of the first decision, and of the whole timetable."""
    facts, view = _facts(domains), _view(domains, jobs)
    began = time.process_time()
    first = preferred(facts, view)
    decided = time.process_time()
    whole = timetable(facts, view)
    done = time.process_time()
    again, new = _again(facts, view)
    return {
        "domains": domains,
        "hosts": domains * SIZE,
        "jobs": len(view.jobs),
        "gangs_over_domains": sum(len(j.hosts) > SIZE for j in view.jobs.values()),
        "decision_s": round(decided - began, 3),
        "timetable_s": round(done - decided, 3),
        "again_ms": round(1000 * sum(again) / len(again), 2),
        "again_ms_worst": round(1000 * max(again), 2),
        "again_new_jobs": new,
        "visits": len(whole.visits),
        "why": first.preferred_why,
    }


def _again(facts: TrainFacts, view: ClusterView) -> tuple[list[float], int]:
    """Processor seconds of each stop after the first, every domain still to come; and how many jobs began from one to
    the next on average, each in the place of one that had ended.
    """
    rng, kept = np.random.default_rng(2), KeptPrices()
    preferred(facts, view, kept)
    took, new = [], 0
    for _ in range(STOPS):
        facts = facts.model_copy(update={"now": facts.now + EVERY})
        before, view = view, _later(view, facts.now, rng)
        new += len(view.jobs.keys() - before.jobs.keys())
        began = time.process_time()
        preferred(facts, view, kept)
        took.append(time.process_time() - began)
    return took, round(new / STOPS)


def _later(view: ClusterView, now: datetime, rng: np.random.Generator) -> ClusterView:
    """The scheduler's next answer: jobs that are as they were are the very same objects, as our drivers list them."""
    jobs: dict[str, Job] = {}
    for job in view.jobs.values():
        if job.ends_by is not None and job.ends_by <= now:
            ends = now + timedelta(hours=float(rng.exponential(_HOURS[len(job.hosts)])))
            job = job.model_copy(update={"id": f"{job.id}x", "ends_by": ends})  # noqa: PLW2901 - another in its place
        jobs[job.id] = job
    return ClusterView.model_construct(began=0.0, nodes={}, jobs=jobs, ends=())


def _facts(domains: int) -> TrainFacts:
    pool = Pool(
        name="gpu",
        hosts=HostSelector(names="gpu*"),
        domain=DomainSpec(size=SIZE, group_by=Grouping.NONE),
        failure_buffer=100,
        cycle_bound=timedelta(days=60),
        drain=DrainPolicy(deadline=timedelta(minutes=10)),
        visit_budget=timedelta(hours=1),
    )
    due = tuple(
        DomainProgress(
            domain=Domain(name=f"d{d:04}", hosts=tuple(f"gpu{n:05}" for n in range(d * SIZE, (d + 1) * SIZE))),
            state=DomainState.DUE,
        )
        for d in range(domains)
    )
    cycle = Cycle(cluster="big", pool="gpu", number=1, opened_at=NOW, due_at=NOW + timedelta(days=60), domains=due)
    return TrainFacts(
        cluster="big",
        pool=pool,
        now=NOW,
        hosts=(),
        cycle=cycle,
        stops=(),
        open_visits=(),
        visit_seconds=3600.0,
        cycle_asked=True,
    )


def _view(domains: int, most: int) -> ClusterView:
    """Running jobs of the published sizes, side by side over the fleet in random order."""
    rng, hosts = np.random.default_rng(1), domains * SIZE
    number = np.array([c.share / c.hosts for c in RSC.classes])
    sizes = rng.choice([c.hosts for c in RSC.classes], p=number / number.sum(), size=most)
    found: dict[str, Job] = {}
    first = 0
    for n, size in enumerate(sizes.tolist()):
        if first + size > hosts:
            break
        left = timedelta(hours=float(rng.exponential(_HOURS[size])))
        found[str(n)] = Job(
            id=str(n),
            state=JobState.RUNNING,
            kind=JobKind.REQUEUEABLE,
            hosts=tuple(f"gpu{h:05}" for h in range(first, first + size)),
            ends_by=NOW + left,
        )
        first += size
    return ClusterView(began=0.0, nodes={}, jobs=found)
