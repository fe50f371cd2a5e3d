"""What a size of domains costs, seen by the simulator: capacity kept free for the train, and work that visits cost
jobs.

The same jobs stand on the fleet for the whole time and a train makes its cycles over them, once for each size. Failures
are left out, so that all work that is lost and all restarts but the first are the train's doing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fleet.errors import InvalidInput
from simulation.chance import Spread
from simulation.job import DAY_S, Workload
from simulation.running import Simulation, run
from simulation.scenario import Policy, Scenario

_VISITS_SPREAD = 0.3
_UNLIKE = (0.5, 1.5)
"""Checkpoint intervals differ from job to job, and visits in length: else they would keep step, and a visit meet all
jobs just before they save.
"""


@dataclass(frozen=True)
class Standing:
    """Jobs of one kind that stand on a pool: so many of a size."""

    hosts: int
    jobs: int
    restart_s: float
    checkpoint_s: float


@dataclass(frozen=True)
class PoolToSize:
    """A pool, its jobs and its train."""

    hosts: int
    jobs: tuple[Standing, ...]
    visit_s: float
    cycle_days: float
    drain_s: float = 0.0

    @property
    def busy(self) -> int:
        """Hosts that jobs hold."""
        return sum(j.hosts * j.jobs for j in self.jobs)


@dataclass(frozen=True)
class Cost:
    """Of one size of domains, host-hours a day."""

    domain: int
    reserved: float
    """A domain is kept free day and night."""
    interruptions: float
    cycle_days: float | None
    """How long a cycle took; None where none closed."""

    @property
    def total(self) -> float:
        """Both."""
        return self.reserved + self.interruptions


def simulated_cost(pool: PoolToSize, domain: int, cycles: int = 3, seed: int = 1) -> Cost:
    """What domains of this size cost the pool, measured over so many cycles."""
    scenario = _scenario(pool, domain, cycles, seed)
    workload = scenario.workload
    seen = run(scenario)
    first_restarts = float((workload.hosts * workload.restart_s).sum()) / DAY_S
    lost = seen.goodput.lost_planned_host_days + seen.goodput.restart_host_days - first_restarts
    return Cost(domain, 24.0 * domain, 24 * lost / scenario.days, seen.cycles.mean_days)


def placed_host_hours(pool: PoolToSize, domain: int, seed: int = 1) -> float:
    """What a cycle would cost the jobs where the scheduler puts them at first: each domain that a job touches costs
    all of its hosts a restart and half a checkpoint interval.
    """
    simulation = Simulation(_scenario(pool, domain, 1, seed))
    while len(simulation.gangs.began) < len(simulation.scenario.workload):
        simulation.step()
    jobs = simulation.scenario.workload
    each = jobs.hosts * (jobs.restart_s + np.minimum(jobs.checkpoint_s, DAY_S) / 2) / 3600
    return float(sum(each[job] for on in simulation.gangs.on for job in on))


def _scenario(pool: PoolToSize, domain: int, cycles: int, seed: int) -> Scenario:
    """Jobs fill all hosts but one domain's, as the pool promises; those that do the filling lose nothing. Raises
    InvalidInput where the pool's own jobs leave no domain free.
    """
    days = cycles * pool.cycle_days
    left = pool.hosts - domain - pool.busy
    if left < 0:
        raise InvalidInput(
            "pool to size", "jobs", f"expected at most {pool.hosts - domain} busy hosts, a domain is free"
        )
    filling = Standing(1, left, 0.0, 0.0)
    workload = _standing((*pool.jobs, filling), days, seed)
    return Scenario(
        hosts=pool.hosts,
        days=days,
        workload=workload,
        seed=seed,
        policy=Policy.TRAINS,
        pool_hosts=pool.hosts,
        domain=domain,
        cycle_days=pool.cycle_days,
        visit=Spread(mean_s=pool.visit_s, sigma=_VISITS_SPREAD),
        whole_visits=True,
        drain_s=pool.drain_s,
        planned_buffer=domain,
        failure_buffer=1,
        floor=max(0, pool.hosts - 2 * domain),
        failures_per_1000_node_days=0.0,
        visit_fails=0.0,
        schedule_every_s=0.0,
        points=1,
    )


def sweep(pool: PoolToSize, domains: Sequence[int], cycles: int = 3, seed: int = 1) -> list[Cost]:
    """The cost of every size."""
    return [simulated_cost(pool, domain, cycles, seed) for domain in domains]


def _standing(jobs: Sequence[Standing], days: float, seed: int) -> Workload:
    """Jobs that outlast the simulation, in an order drawn by the seed."""
    count = sum(j.jobs for j in jobs)
    rng = np.random.default_rng(seed)
    order = rng.permutation(count)

    def each(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.concatenate([np.full(j.jobs, float(getattr(j, name))) for j in jobs])[order]

    return Workload.of(
        submit_s=np.zeros(count),
        hosts=each("hosts"),
        run_s=np.full(count, 2 * days * DAY_S),
        restart_s=each("restart_s"),
        checkpoint_s=each("checkpoint_s") * rng.uniform(*_UNLIKE, count),
    )
