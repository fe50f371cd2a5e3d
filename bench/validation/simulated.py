"""The same scenario in the simulator: the same jobs, and visits that work as long as the real system's did."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

import numpy as np

from bench.validation.seen import Cycle
from bench.validation.side import CYCLES, Side
from simulation.chance import Spread
from simulation.job import DAY_S, Workload
from simulation.outcome import Outcome
from simulation.running import run
from simulation.scenario import Policy, Scenario

SEEDS = 20
"""Of the lengths of visits; jobs and fleet are the same."""


@dataclass(frozen=True)
class Foretold:
    """What the simulator says, over the seeds."""

    mean: float
    spread: float
    """One standard deviation."""


def foretell(side: Side, cycles: Sequence[Cycle], began_s: float, every_s: float) -> dict[str, Foretold]:
    """Figures of the cycles, by name. `began_s`: the jobs had been submitted for so long when the train set out;
    `every_s`: between the beginnings of two cycles.
    """
    workload = running_at(side.jobs(), began_s, CYCLES * every_s)
    work_s = [length for cycle in cycles for length in cycle.work_s]
    outcomes = [run(_scenario(side, work_s, workload, every_s, seed)) for seed in range(1, SEEDS + 1)]
    working_s = fmean(work_s) * side.hosts / side.domain
    figures = {
        # The visits' work is put in; what is left of their time is what the simulator makes of the jobs on the hosts.
        "drain_s": [DAY_S * (o.cycles.mean_days or 0.0) - working_s for o in outcomes],
        "visits_s": [DAY_S * (o.cycles.mean_days or 0.0) for o in outcomes],
        "hosts": [o.cycles.host_visits / max(1, o.cycles.closed) for o in outcomes],
        "least_up": [float(o.capacity.up_min) for o in outcomes],
        "most_planned": [float(o.capacity.planned_most) for o in outcomes],
        "interrupted": [_a_cycle(o.interruptions.planned_a_day, o) for o in outcomes],
        "lost_host_s": [DAY_S * o.goodput.lost_planned_host_days / CYCLES for o in outcomes],
    }
    return {name: Foretold(fmean(values), pstdev(values)) for name, values in figures.items()}


def _a_cycle(a_day: float, outcome: Outcome) -> float:
    return a_day * outcome.days / CYCLES


def _scenario(side: Side, work_s: Sequence[float], workload: Workload, every_s: float, seed: int) -> Scenario:
    spread = pstdev(work_s) / fmean(work_s)
    return Scenario(
        hosts=side.hosts,
        days=CYCLES * every_s / DAY_S,
        workload=workload,
        seed=seed,
        policy=Policy.TRAINS,
        domain=side.domain,
        cycle_days=every_s / DAY_S,
        visit=Spread(mean_s=fmean(work_s), sigma=float(np.sqrt(np.log(1 + spread**2)))),
        whole_visits=True,
        drain_s=side.drain_s,
        planned_buffer=side.domain,
        failure_buffer=2,
        floor=side.hosts - 2 * side.domain,
        failures_per_1000_node_days=0.0,
        visit_fails=0.0,
        schedule_every_s=0.0,
        points=1,
    )


def running_at(jobs: Workload, began_s: float, lasts_s: float) -> Workload:
    """The jobs as they stand so long after the first was submitted, and those to come; times count from then. When a
    job will end is known, as the simulated driver tells it to the timetable.
    """
    left = np.where(jobs.submit_s < began_s, jobs.run_s - (began_s - jobs.submit_s), jobs.run_s)
    kept = (left > 0) & (jobs.submit_s < began_s + lasts_s)
    return Workload.of(
        submit_s=np.maximum(0.0, jobs.submit_s - began_s)[kept],
        hosts=jobs.hosts[kept],
        run_s=left[kept],
        limit_s=left[kept],
        restart_s=jobs.restart_s[kept],
        checkpoint_s=jobs.checkpoint_s[kept],
    )
