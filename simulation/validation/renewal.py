"""Hosts by themselves, without jobs: how many are out as failed and by plan, and how long a train's cycle takes."""

from simulation.chance import Shape, Spread
from simulation.job import DAY_S, Workload
from simulation.running import run
from simulation.scenario import Policy, Scenario
from simulation.validation.check import Check
from simulation.validation.closed_forms import availability, cycle_s, mean_failed, planned_on_average

GROUP = "Hosts and trains, closed forms"
RATE = 50.0
"""Failures per 1,000 node-days: far more than a fleet has, so that many are seen."""
REPAIR_S = 12 * 3600.0
SHAPES = (
    Spread(mean_s=REPAIR_S, shape=Shape.FIXED),
    Spread(mean_s=REPAIR_S, shape=Shape.EXPONENTIAL),
    Spread(mean_s=REPAIR_S, sigma=1.0),
)


def no_jobs() -> Workload:
    """A fleet without work."""
    return Workload.of(submit_s=[], hosts=[], run_s=[])


def repair_checks(hosts: int = 2000, days: float = 200.0, seed: int = 1) -> list[Check]:
    """Hosts in repair on average, however repairs spread; and so their availability."""
    known = mean_failed(hosts, RATE, REPAIR_S)
    found = []
    for repair in SHAPES:
        scenario = Scenario(
            hosts=hosts,
            days=days,
            workload=no_jobs(),
            seed=seed,
            policy=Policy.NOTHING,
            failures_per_1000_node_days=RATE,
            repair=repair,
        )
        seen = run(scenario).capacity
        what = f"hosts in repair on average, repairs of {repair}"
        noise = (_VARIATION[repair.shape] / (RATE / 1000 * hosts * days)) ** 0.5
        found.append(Check(GROUP, what, known, seen.failed_mean, 0.04, source="N·MTTR/(MTTF+MTTR)", noise=noise))
    up = availability(1000 * DAY_S / RATE, REPAIR_S)
    found.append(Check(GROUP, "availability", up, seen.up_mean / hosts, 0.001, source="MTTF/(MTTF+MTTR)"))
    return found


_VARIATION = {Shape.FIXED: 1.0, Shape.EXPONENTIAL: 2.0, Shape.LOGNORMAL: 2.718}
"""E[X²]/E[X]² of a repair: how much a sum of them varies."""


def train_checks(hosts: int = 1000, domain: int = 50, seed: int = 1) -> list[Check]:
    """A train's cycle on a fleet without jobs or failures, and hosts out by plan over the time."""
    visit_s, cycles, bound_days = 2 * 3600.0, 3, 10.0
    scenario = Scenario(
        hosts=hosts,
        days=cycles * bound_days,
        workload=no_jobs(),
        seed=seed,
        policy=Policy.TRAINS,
        domain=domain,
        cycle_days=bound_days,
        visit=Spread(mean_s=visit_s, shape=Shape.FIXED),
        failures_per_1000_node_days=0.0,
        visit_fails=0.0,
    )
    seen = run(scenario)
    known_h = cycle_s(-(-hosts // domain), visit_s) / 3600
    simulated_h = 24 * (seen.cycles.mean_days or 0.0)
    planned = planned_on_average(hosts, visit_s, scenario.cycle_s)
    source = "N·visit/cycle bound (Little)"
    return [
        Check(GROUP, "a train's cycle", known_h, simulated_h, 0.01, " h", "domains × visit"),
        Check(GROUP, "hosts out by plan on average", planned, seen.capacity.planned_mean, 0.01, source=source),
        Check(
            GROUP,
            "hosts out by plan at most",
            float(domain),
            float(seen.capacity.planned_most),
            0.0,
            source="one domain",
            put_in=True,
        ),
    ]
