"""What one answer can't show of itself: how much its figures vary by chance, and by how many jobs are told as one, on
smaller fleets.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

from simulation.comparing import compare
from simulation.outcome import Outcome
from simulation.scenario import Policy, Scenario, Upgrade
from simulation.workloads import named

LOAD = 0.85
_EVERY_JOB = 10_000_000
"""So many may be made that none stands for several."""

Figure = Callable[[Outcome], float | None]

FIGURES: dict[str, Figure] = {
    "ETTR, %": lambda o: 100 * o.goodput.ettr,
    "ETTR without waits, %": lambda o: 100 * o.goodput.effective,
    "planned interruptions a day": lambda o: o.interruptions.planned_a_day,
    "host-days lost to them": lambda o: o.goodput.lost_planned_host_days,
    "host-days lost to failures": lambda o: o.goodput.lost_unplanned_host_days,
    "floor kept, % of time": lambda o: 100 * o.capacity.at_or_above_floor,
    "hosts up, lowest": lambda o: float(o.capacity.up_min),
    "upgrade on half, days": lambda o: o.reach.mean_half if o.reach else None,
}
CHAINED: dict[str, Figure] = {
    "ETTR, %": FIGURES["ETTR, %"],
    "ETTR without waits, %": FIGURES["ETTR without waits, %"],
    "hosts' time held, %": lambda o: 100 * o.goodput.busy,
    "host-days lost to failures": FIGURES["host-days lost to failures"],
    "host-days lost to planned work": FIGURES["host-days lost to them"],
    "gangs interrupted a day, unplanned": lambda o: o.interruptions.unplanned_a_day,
    "gangs interrupted a day, planned": lambda o: o.interruptions.planned_a_day,
    "jobs hit, %": lambda o: 100 * o.interruptions.share_hit,
    "wait of a job, h": lambda o: o.jobs.wait_hours_mean,
}


@dataclass(frozen=True)
class Repeats:
    """Sizes of the two questions."""

    hosts: int = 1024
    days: float = 90
    cycle_days: float = 30
    domain: int = 51
    jobs: int = 20_000
    seeds: int = 10
    chain_hosts: int = 600
    chain_days: float = 20
    chained: int = 1_100
    chain_domain: int = 30
    processes: int | None = None
    """At once; by default one a processor."""


def repeated(plan: Repeats) -> dict[str, Any]:
    """Both, as values for the page."""
    return {"repeats": asdict(plan), "seeds": _seeds(plan), "chains": _chains(plan)}


def _seeds(plan: Repeats) -> list[dict[str, Any]]:
    """A row a policy: mean and standard deviation of each figure over the seeds. Those that take hosts one by one have
    a second row, in random order.
    """
    by_name, drawn = list(Policy), [Policy.SLIDING, Policy.MAX_UNAVAILABLE]
    found: dict[tuple[Policy, bool], list[Outcome]] = {}
    for seed in range(plan.seeds):
        jobs = named("training", hosts=plan.hosts, days=plan.days, load=LOAD, seed=seed, most_jobs=plan.jobs)
        for random, policies in ((False, by_name), (True, drawn)):
            scenario = Scenario(
                hosts=plan.hosts,
                days=plan.days,
                cycle_days=plan.cycle_days,
                workload=jobs,
                seed=seed,
                domain=plan.domain,
                random_order=random,
                upgrade=Upgrade(),
            )
            for policy, measured in zip(policies, compare(scenario, policies, processes=plan.processes), strict=True):
                found.setdefault((policy, random), []).append(measured.outcome)
    trains = found[Policy.TRAINS, False]
    return [
        {
            "policy": policy.value,
            "random_order": random,
            "figures": {"ETTR beside trains, points": _beside(outcomes, trains), **_spread(outcomes, FIGURES)},
        }
        for (policy, random), outcomes in found.items()
    ]


def _spread(outcomes: list[Outcome], figures: Mapping[str, Figure]) -> dict[str, list[float] | None]:
    """Mean and standard deviation of each; None where it is not known of all."""
    spread: dict[str, list[float] | None] = {}
    for name, of in figures.items():
        values = [value for o in outcomes if (value := of(o)) is not None]
        spread[name] = _of(values) if len(values) == len(outcomes) else None
    return spread


def _of(values: Sequence[float]) -> list[float]:
    return [round(fmean(values), 3), round(stdev(values) if len(values) > 1 else 0.0, 3)]


def _beside(outcomes: list[Outcome], trains: list[Outcome]) -> list[float]:
    """ETTR less that of trains with the same fleet and luck, in points."""
    return _of([100 * (o.goodput.ettr - t.goodput.ettr) for o, t in zip(outcomes, trains, strict=True)])


def _chains(plan: Repeats) -> list[dict[str, Any]]:
    """The same small fleet with every job told, and with several told as one."""
    found = []
    for most in (_EVERY_JOB, plan.chained):
        outcomes: dict[Policy, list[Outcome]] = {}
        told = stands_for = 0
        for seed in range(plan.seeds):
            jobs = named("training", hosts=plan.chain_hosts, days=plan.chain_days, load=LOAD, seed=seed, most_jobs=most)
            scenario = Scenario(
                hosts=plan.chain_hosts,
                days=plan.chain_days,
                cycle_days=plan.chain_days / 2,
                workload=jobs,
                seed=seed,
                domain=plan.chain_domain,
            )
            about = jobs.summary()
            told, stands_for = told + about.jobs, stands_for + about.stands_for
            policies = [Policy.NOTHING, Policy.TRAINS]
            for policy, measured in zip(policies, compare(scenario, policies, processes=plan.processes), strict=True):
                outcomes.setdefault(policy, []).append(measured.outcome)
        for policy, seen in outcomes.items():
            row = {"policy": policy.value, "jobs": round(told / plan.seeds), "each": round(stands_for / told, 1)}
            found.append({**row, "figures": _spread(seen, CHAINED)})
    return found
