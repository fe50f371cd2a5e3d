"""Jobs made up from a mix, to a load, by a seed: the same seed, the same jobs.

The fleet is full from the beginning: the jobs that would be running then are submitted first, with what is left of
them, since a simulation of weeks has no weeks to spare for filling up.
"""

from dataclasses import replace

import numpy as np

from fleet.errors import InvalidInput
from simulation.job import DAY_S, Floats, Smalls, Workload
from simulation.workloads import published
from simulation.workloads.arrivals import arrivals
from simulation.workloads.chains import Planned, plan
from simulation.workloads.mix import Mix, median_for

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
    parts = [_of_class(mix, p, days, rng) for p in planned]
    parts += [running for p in planned if (running := _running_at_first(mix, p, days, rng)) is not None]
    return _to_the_load(Workload.concat(*parts), days, work_s)


_EXPECTED = {"hosts": "at least 1", "days": "more than 0", "load": "above 0, at most 1.5", "most_jobs": "at least 1"}


def _to_the_load(jobs: Workload, days: float, work_s: float) -> Workload:
    """What can't run before the end is cut off: nobody would see it, and the work told is the work that can be done.
    What chance has made too much or too little of, in a small fleet, is made up for by longer or shorter runs.
    """
    left_s = np.maximum(days * DAY_S - jobs.submit_s, 1.0)
    run_s = np.minimum(jobs.run_s, left_s)
    for _ in range(4):  # the cut takes a part of what is added
        run_s = np.minimum(run_s * (work_s / float((jobs.hosts * run_s).sum())), left_s)
    return replace(jobs, run_s=run_s, limit_s=np.maximum(jobs.limit_s, run_s))


def _of_class(mix: Mix, planned: Planned, days: float, rng: np.random.Generator) -> Workload:
    """The jobs that come in the time simulated; their work is as planned, but for what the longest run cuts off."""
    run_s = _runs(mix, planned, planned.jobs, rng)
    longest = _longest(mix, planned)
    for _ in range(3):  # what is cut is made up for by the others
        run_s = np.minimum(longest, run_s * (planned.jobs * planned.run_s / run_s.sum()))
    return _jobs(mix, planned, arrivals(rng, planned.jobs, days, mix.bursts), run_s, rng)


def _running_at_first(mix: Mix, planned: Planned, days: float, rng: np.random.Generator) -> Workload | None:
    """Those that run when time begins: as many as run at any moment, long ones more often, met anywhere within."""
    running = planned.jobs * planned.run_s / (days * DAY_S)
    count = int(running) + int(rng.random() < running % 1)
    if not count:
        return None
    pool = _runs(mix, planned, max(2_000, 4 * count), rng)
    met = rng.choice(pool, size=count, p=pool / pool.sum())
    left = np.maximum(1.0, met * rng.random(count))
    return _jobs(mix, planned, np.zeros(count), left, rng)


def _runs(mix: Mix, planned: Planned, count: int, rng: np.random.Generator) -> Floats:
    """Run times, seconds. A chain's runs are more alike, as sums are."""
    spread = mix.spread / np.sqrt(planned.chain)
    longest = _longest(mix, planned)
    median = median_for(planned.run_s, float(spread), longest)
    drawn = median * np.exp(spread * rng.standard_normal(count))
    found: Floats = np.clip(drawn, 1.0, longest)
    return found


def _longest(mix: Mix, planned: Planned) -> float:
    """Of a job; a chain of jobs may be longer than one."""
    return mix.longest_s if planned.chain == 1 else max(mix.longest_s, 2 * planned.run_s)


def _jobs(mix: Mix, planned: Planned, submit_s: Floats, run_s: Floats, rng: np.random.Generator) -> Workload:
    count = len(submit_s)
    low, high = mix.restart_s
    return Workload.of(
        submit_s=submit_s,
        hosts=np.full(count, planned.size.hosts),
        run_s=run_s,
        limit_s=np.maximum(2 * run_s, 3600.0),  # what users ask for: assumed, backfill needs an upper bound only
        restart_s=rng.uniform(low, high, count),
        checkpoint_s=_checkpoints(mix, planned, count),
        kind=np.full(count, int(mix.kind)),
        user=rng.integers(0, _USERS, count),
    )


def _checkpoints(mix: Mix, planned: Planned, count: int) -> Smalls:
    """The end of each job of a chain is one, however seldom the job itself saves."""
    own = mix.frequent_s if planned.size.hosts >= mix.frequent_from else mix.checkpoint_s
    if planned.chain > 1:
        own = min(own, planned.run_s / planned.chain)
    return np.full(count, own, np.float32)
