"""Jobs made up from a mix, to a load, by a seed: the same seed, the same jobs.

The fleet is full from the beginning: the jobs that would be running then are submitted first, with what is left of
them, since a simulation of weeks has no weeks to spare for filling up.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from fleet.errors import InvalidInput
from simulation.job import DAY_S, Floats, Smalls, Workload
from simulation.workloads import published
from simulation.workloads.arrivals import arrivals
from simulation.workloads.chains import Planned, plan
from simulation.workloads.mix import HOUR_S, Mix, median_for

MOST_JOBS = 400_000
MOST_LOAD = 1.5
"""More than a fleet can do at all, to see it overrun."""
_USERS = 200

NAMES: dict[str, tuple[tuple[Mix, float], ...]] = {
    "training": ((published.RSC, 1.0),),
    "hero": ((published.HERO, 1.0),),
    "acme": ((published.ACME, 1.0),),
    "helios": ((published.HELIOS, 1.0),),
    "inference": ((published.INFERENCE, 1.0),),
    "batch": ((published.BATCH, 1.0),),
    "mixed": ((published.RSC, 0.70), (published.INFERENCE, 0.25), (published.BATCH, 0.05)),
}
"""What `named` can make: mixes and their shares of the work."""


def named(
    name: str, *, hosts: int, days: float, load: float = 0.85, seed: int = 0, most_jobs: int = MOST_JOBS
) -> Workload:
    """Jobs for so many hosts over so many days that ask for the share `load` of them, in productive work.

    Raises InvalidInput for a name that is none of `NAMES`, and for figures that no fleet has.
    """
    if name not in NAMES:
        raise InvalidInput("workload", name, f"expected a file or one of {', '.join(sorted(NAMES))}")
    parts = []
    for place, (mix, share) in enumerate(NAMES[name]):
        rng = np.random.default_rng([seed, place])
        most = max(1, round(share * most_jobs))
        parts.append(make(mix, hosts=hosts, days=days, load=load * share, rng=rng, most_jobs=most))
    return Workload.concat(*parts) if len(parts) > 1 else parts[0]


def make(
    mix: Mix, *, hosts: int, days: float, load: float, rng: np.random.Generator, most_jobs: int = MOST_JOBS
) -> Workload:
    """Jobs of one mix. Raises InvalidInput for figures that no fleet has."""
    checks = {"hosts": hosts >= 1, "days": days > 0, "load": 0 < load <= MOST_LOAD, "most_jobs": most_jobs >= 1}
    for field, right in checks.items():
        if not right:
            raise InvalidInput("workload", field, f"expected {_EXPECTED[field]}")
    work_s = load * hosts * days * DAY_S
    planned = plan(mix.fitting(hosts), work_s, most_jobs)
    if not planned:
        raise InvalidInput("workload", "load", f"{load:g} of {hosts} hosts for {days:g} days is not one job's work")
    lots = [lot for p in planned for lot in _lots(mix, p, rng) if lot.planned.jobs]
    parts = [_of_class(mix, lot, days, rng) for lot in lots]
    parts += [running for lot in lots if (running := _running_at_first(mix, lot, days, rng)) is not None]
    return _to_the_load(Workload.concat(*parts), days, work_s)


_EXPECTED = {"hosts": "at least 1", "days": "more than 0", "load": "above 0, at most 1.5", "most_jobs": "at least 1"}


@dataclass(frozen=True)
class _Lot:
    """Jobs of one class that are made in one way."""

    planned: Planned
    lengths: Floats | None = None
    """Runs of single jobs to draw from, seconds: those that stand for themselves, or those that chains are made of."""

    @property
    def chained(self) -> bool:
        """True where each stands for several."""
        return self.planned.chain > 1


_POOL = 50_000


def _lots(mix: Mix, planned: Planned, rng: np.random.Generator) -> list[_Lot]:
    """A class whose jobs are chained in two lots: jobs that run longer than a chain stand for themselves, for what an
    interruption costs is mostly theirs, and the shorter ones are chained.
    """
    if planned.chain == 1:
        return [_Lot(planned)]
    lengths = _runs(mix, _Lot(Planned(planned.size, planned.jobs, 1.0)), _POOL, rng)
    long, short = lengths[lengths >= planned.run_s], lengths[lengths < planned.run_s]
    work_s = planned.jobs * planned.run_s
    found, long_work_s = [], 0.0
    if len(long):
        mean_s = float(long.mean())
        jobs = round(work_s * float(long.sum() / lengths.sum()) / mean_s)
        long_work_s = jobs * mean_s
        found.append(_Lot(Planned(replace(planned.size, run_h=mean_s / HOUR_S), jobs, 1.0), long))
    mean_s = float(short.mean())
    jobs = round((work_s - long_work_s) / planned.run_s)
    size = replace(planned.size, run_h=mean_s / HOUR_S)
    return [*found, _Lot(Planned(size, jobs, planned.run_s / mean_s), short)]


def _to_the_load(jobs: Workload, days: float, work_s: float) -> Workload:
    """What can't run before the end is cut off: nobody would see it, and the work told is the work that can be done.
    What chance has made too much or too little of, in a small fleet, is made up for by longer or shorter runs.
    """
    left_s = np.maximum(days * DAY_S - jobs.submit_s, 1.0)
    run_s = np.minimum(jobs.run_s, left_s)
    for _ in range(4):  # the cut takes a part of what is added
        run_s = np.minimum(run_s * (work_s / float((jobs.hosts * run_s).sum())), left_s)
    return replace(jobs, run_s=run_s, limit_s=np.maximum(jobs.limit_s, run_s))


def _of_class(mix: Mix, lot: _Lot, days: float, rng: np.random.Generator) -> Workload:
    """The jobs that come in the time simulated; their work is as planned, but for what the longest run cuts off."""
    planned = lot.planned
    run_s = _runs(mix, lot, planned.jobs, rng)
    longest = _longest(mix, planned)
    for _ in range(3):  # what is cut is made up for by the others
        run_s = np.minimum(longest, run_s * (planned.jobs * planned.run_s / run_s.sum()))
    return _jobs(mix, lot, arrivals(rng, planned.jobs, days, mix.bursts), run_s, rng)


def _running_at_first(mix: Mix, lot: _Lot, days: float, rng: np.random.Generator) -> Workload | None:
    """Those that run when time begins: as many as run at any moment, long ones more often, met anywhere within."""
    planned = lot.planned
    running = planned.jobs * planned.run_s / (days * DAY_S)
    count = int(running) + int(rng.random() < running % 1)
    if not count:
        return None
    pool = _runs(mix, lot, max(2_000, 4 * count), rng)
    met = rng.choice(pool, size=count, p=pool / pool.sum())
    left = np.maximum(1.0, met * rng.random(count))
    return _jobs(mix, lot, np.zeros(count), left, rng)


def _runs(mix: Mix, lot: _Lot, count: int, rng: np.random.Generator) -> Floats:
    """Run times, seconds. A chain's are more alike, as sums are."""
    planned, spread = lot.planned, mix.spread
    if lot.lengths is not None:
        if not lot.chained:
            return rng.choice(lot.lengths, count)
        varies = float(lot.lengths.std() / lot.lengths.mean())
        spread = math.sqrt(math.log(1 + varies**2 / planned.chain))
    longest = _longest(mix, planned)
    median = median_for(planned.run_s, spread, longest)
    drawn = median * np.exp(spread * rng.standard_normal(count))
    found: Floats = np.clip(drawn, 1.0, longest)
    return found


def _longest(mix: Mix, planned: Planned) -> float:
    """Of a job; a chain of jobs may be longer than one."""
    return mix.longest_s if planned.chain == 1 else max(mix.longest_s, 2 * planned.run_s)


def _jobs(mix: Mix, lot: _Lot, submit_s: Floats, run_s: Floats, rng: np.random.Generator) -> Workload:
    count, planned = len(submit_s), lot.planned
    low, high = mix.restart_s
    restart_s = rng.uniform(low, high, count)
    link_s = planned.run_s / planned.chain if lot.chained else math.inf
    restarts = 1 + restart_s / link_s
    return Workload.of(
        submit_s=submit_s,
        hosts=np.full(count, planned.size.hosts),
        run_s=run_s,
        # What users ask for: assumed, backfill needs an upper bound only.
        limit_s=np.maximum(2 * run_s * restarts, 3600.0),
        restart_s=restart_s,
        checkpoint_s=_checkpoints(mix, lot, count, rng),
        kind=np.full(count, int(mix.kind)),
        user=rng.integers(0, _USERS, count),
        link_s=np.full(count, link_s),
    )


def _checkpoints(mix: Mix, lot: _Lot, count: int, rng: np.random.Generator) -> Smalls:
    """The end of each job of a chain is one, however seldom the job itself saves. What hits a chain meets a long job
    more often than a short one, by their lengths: so are those ends drawn, one length a chain, and half of it is lost.
    """
    own = mix.frequent_s if lot.planned.size.hosts >= mix.frequent_from else mix.checkpoint_s
    if lot.lengths is None or not lot.chained:
        return np.full(count, own, np.float32)
    met = rng.choice(lot.lengths, size=count, p=lot.lengths / lot.lengths.sum())
    found: Smalls = np.minimum(own, met).astype(np.float32)
    return found
