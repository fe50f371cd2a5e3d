"""One large job on a fleet with a few hosts to spare: how much of its time is effective, and how often it fails.

The known figures are the formula of arXiv 2410.21680, the same without its approximation, and what that paper
publishes of Meta's research clusters.
"""

import math

import numpy as np

from simulation.chance import Spread
from simulation.job import DAY_S, Workload
from simulation.outcome import Outcome
from simulation.running import run
from simulation.scenario import Policy, Scenario
from simulation.validation.check import Check
from simulation.validation.closed_forms import Gang, ettr_first_order, ettr_renewal, mean_failed

FORMULA = "ETTR of one job, closed form"
PUBLISHED = "Published of RSC-1 and RSC-2 (arXiv 2410.21680)"
RSC_1, RSC_2 = 6.50, 2.34
"""Failures per 1,000 node-days."""
SMALL_JOBS = 1000 / 47.7
"""The same, as the MTTF of 47.7 days of jobs of one host tells it."""
MINUTE_S = 60.0
REPAIR_S = 12 * 3600.0
_MOST_DAYS = 3650.0
_HOST_GPUS = 8
_SMALL_ONES = 200
"""Jobs of one host that run beside one another, for one alone hardly ever fails."""


def gang_outcome(job: Gang, failures: int, seed: int = 1, jobs: int = 1) -> Outcome:
    """The job alone on a fleet, or several like it, until they have failed about so often together."""
    days = min(_MOST_DAYS, failures * job.mttf_s / DAY_S / jobs)
    needed = job.hosts * jobs
    hosts = needed + math.ceil(3 * mean_failed(needed, job.per_1000_node_days, REPAIR_S)) + 20
    workload = Workload.of(
        submit_s=np.zeros(jobs),
        hosts=np.full(jobs, job.hosts),
        run_s=np.full(jobs, 2 * days * DAY_S),
        restart_s=np.full(jobs, job.restart_s),
        checkpoint_s=np.full(jobs, job.checkpoint_s),
    )
    scenario = Scenario(
        hosts=hosts,
        days=days,
        workload=workload,
        seed=seed,
        policy=Policy.NOTHING,
        pool_hosts=hosts,
        failures_per_1000_node_days=job.per_1000_node_days,
        repair=Spread(mean_s=REPAIR_S, sigma=1.0),
        checkpoint_write_s=job.write_s,
        schedule_every_s=0.0,
        points=1,
    )
    return run(scenario)


def noise(job: Gang, failures: int) -> float:
    """One standard deviation of an ETTR that so many failures have made, as a share of it."""
    square = job.restart_s**2 + job.restart_s * job.checkpoint_s + job.checkpoint_s**2 / 3  # E[(u0 + U(0, D))²]
    return math.sqrt(failures * square) / (failures * job.mttf_s) / ettr_renewal(job)


def formula_checks(sizes: tuple[int, ...] = (16, 128, 512, 1024, 2048), failures: int = 1500) -> list[Check]:
    """The job of so many hosts, with RSC-1's failures, restarts of five minutes and a checkpoint an hour."""
    found = []
    for hosts in sizes:
        job = Gang(hosts, RSC_1, 5 * MINUTE_S, 60 * MINUTE_S)
        found += _both(job, failures, f"{hosts:,} hosts")
    slow = Gang(512, RSC_1, 20 * MINUTE_S, 60 * MINUTE_S, write_s=2 * MINUTE_S)
    return found + _both(slow, failures, "512 hosts, restarts of 20 min, checkpoints that take 2 min")


def _both(job: Gang, failures: int, what: str) -> list[Check]:
    seen = gang_outcome(job, failures).goodput.ettr
    by_chance = noise(job, round(min(failures, _MOST_DAYS * DAY_S / job.mttf_s)))
    first = ettr_first_order(job)
    exact = Check(FORMULA, f"{what}, exact", ettr_renewal(job), seen, 0.01, source="renewal", noise=by_chance)
    # What the formula leaves out is of second order: failures in restarts, and intervals that are never completed.
    leaves_out = abs(first - ettr_renewal(job)) / first
    allowed = round(0.01 + leaves_out, 3)
    return [exact, Check(FORMULA, f"{what}, first order", first, seen, allowed, source="the formula", noise=by_chance)]


def rsc_checks(failures: int = 1500) -> list[Check]:
    """What the paper publishes, from its own parameters."""
    return [*_mttf(failures), *_ettr(failures)]


def _mttf(failures: int) -> list[Check]:
    """Mean time to failure by size: the projections by RSC-1's rate; what was measured by the rate of small jobs."""
    found = []
    for gpus, known_h, rate, allowed, source in (
        (_HOST_GPUS, 47.7 * 24, SMALL_JOBS, 0.05, "measured; sets the rate of the next"),
        (1024, 7.9, SMALL_JOBS, 0.20, "measured; 8.9 h by that rate, 28.8 h by RSC-1's mean rate"),
        (16_384, 1.8, RSC_1, 0.08, "projected by the paper"),
        (131_072, 0.23, RSC_1, 0.08, "projected by the paper"),
    ):
        job = Gang(gpus // _HOST_GPUS, rate, MINUTE_S, 10 * MINUTE_S)
        jobs = _SMALL_ONES if gpus == _HOST_GPUS else 1
        a_day = gang_outcome(job, failures, jobs=jobs).interruptions.unplanned_a_day / jobs
        what = f"time to failure of a job of {gpus:,} GPUs"
        by_chance, told = 1 / math.sqrt(failures), gpus == _HOST_GPUS
        found.append(Check(PUBLISHED, what, known_h, 24 / a_day, allowed, " h", source, noise=by_chance, put_in=told))
    return found


def _ettr(failures: int) -> list[Check]:
    found = []
    middle = 12.5 * MINUTE_S  # of the restarts of 5 to 20 minutes that it tells
    for what, job, known, at_least, source in (
        ("ETTR, 2,048 GPUs, checkpoint an hour", Gang(256, RSC_1, middle, 60 * MINUTE_S), 0.9, True, "over 0.9"),
        ("ETTR, 4,096 GPUs, checkpoint an hour", Gang(512, RSC_1, middle, 60 * MINUTE_S), 0.9, True, "over 0.9"),
        (
            "ETTR, 16,000 GPUs, a checkpoint in 5 min, restarts of 5 min",
            Gang(2000, RSC_1, 5 * MINUTE_S, 5 * MINUTE_S),
            0.93,
            False,
            "0.93 (size and restart are read into it)",
        ),
        (
            "ETTR, 100,000 GPUs, RSC-2's rate, checkpoint and restart of 2 min",
            Gang(12_500, RSC_2, 2 * MINUTE_S, 2 * MINUTE_S),
            0.9,
            True,
            "0.9 needs about 2 min",
        ),
    ):
        seen = gang_outcome(job, failures).goodput.ettr
        by_chance = noise(job, failures)
        found.append(Check(PUBLISHED, what, known, seen, 0.01, source=source, at_least=at_least, noise=by_chance))
    return found
