"""From what was counted on the way to the figures of an outcome."""

from math import inf, isfinite
from typing import TYPE_CHECKING

import numpy as np

from simulation.job import DAY_S
from simulation.outcome import (
    LARGE,
    Capacity,
    Curve,
    Cycles,
    Goodput,
    Interruptions,
    Jobs,
    Outcome,
    Reach,
    Work,
)

if TYPE_CHECKING:
    from simulation.running import Simulation

_NEAR = 6
"""Decimals that are kept: more would be noise of sums."""


def outcome(simulation: "Simulation") -> Outcome:
    """The figures of a simulation that has run to its end."""
    scenario = simulation.scenario
    return Outcome(
        policy=scenario.policy,
        hosts=scenario.hosts,
        days=scenario.days,
        seed=scenario.seed,
        capacity=_capacity(simulation),
        goodput=_goodput(simulation),
        interruptions=_interruptions(simulation),
        jobs=_jobs(simulation),
        reach=_reach(simulation),
        cycles=_cycles(simulation),
        work=Work(
            jobs=simulation.arrived,
            events=simulation.clock.events + simulation.arrived + simulation.passes,
            decisions=simulation.policy.decisions + simulation.scheduler.decisions,
            policy_decisions=simulation.policy.decisions,
            failures=simulation.visits.failures,
        ),
        curves=_curves(simulation),
    )


def _capacity(s: "Simulation") -> Capacity:
    meter, until = s.meter, s.scenario.until_s
    return Capacity(
        up_min=meter.least_up,
        up_mean=_round(meter.sums[0] / until),
        floor=sum(meter.floor),
        at_or_above_floor=_round(1 - meter.below_s / (until * len(meter.floor))),
        least_margin=meter.least_margin,
        planned_mean=_round(meter.sums[1] / until),
        planned_most=max(meter.most_planned_in),
        planned_buffer=max(p.planned_buffer for p in s.visits.promised),
        failed_mean=_round(meter.sums[2] / until),
    )


def _goodput(s: "Simulation") -> Goodput:
    gangs, until, jobs = s.gangs, s.scenario.until_s, s.scenario.workload
    arrived = s.arrived
    done = np.minimum(np.array(gangs.done_at[:arrived]), until)
    productive = jobs.run_s[:arrived] - np.array(gangs.left[:arrived])
    hosts = jobs.hosts[:arrived].astype(np.float64)
    present = done - jobs.submit_s[:arrived]
    held = present - _waits(s)
    large = hosts >= LARGE
    whole = s.scenario.hosts * until
    return Goodput(
        ettr=_ratio(hosts * productive, hosts * present) or 0.0,
        ettr_large=_ratio((hosts * productive)[large], (hosts * present)[large]),
        effective=_ratio(hosts * productive, hosts * held) or 0.0,
        effective_large=_ratio((hosts * productive)[large], (hosts * held)[large]),
        busy=_round((gangs.productive + sum(gangs.lost) + gangs.restarting + gangs.writing) / whole),
        productive=_round(gangs.productive / whole),
        productive_host_days=_round(gangs.productive / DAY_S),
        lost_planned_host_days=_round(gangs.lost[True] / DAY_S),
        lost_unplanned_host_days=_round(gangs.lost[False] / DAY_S),
        restart_host_days=_round(gangs.restarting / DAY_S),
        checkpoint_host_days=_round(gangs.writing / DAY_S),
    )


def _waits(s: "Simulation") -> np.ndarray:
    """How long each job waited, with the wait under way at the end of those that are neither done nor running."""
    found = np.array(s.gangs.waited[: s.arrived])
    for job in np.flatnonzero(np.isinf(np.array(s.gangs.done_at[: s.arrived]))).tolist():
        if job not in s.gangs.began:
            found[job] += s.scenario.until_s - s.gangs.queued_at[job]
    return found


def _interruptions(s: "Simulation") -> Interruptions:
    unplanned, planned = (np.array(hits[: s.arrived]) for hits in s.gangs.hits)
    started = np.array(s.gangs.starts[: s.arrived]) > 0
    both = unplanned + planned
    hit = int((both > 0).sum())
    return Interruptions(
        planned_a_day=_round(float(planned.sum()) / s.scenario.days),
        unplanned_a_day=_round(float(unplanned.sum()) / s.scenario.days),
        jobs_hit=hit,
        jobs_hit_planned=int((planned > 0).sum()),
        share_hit=_round(hit / max(1, int(started.sum()))),
        worst=int(both.max(initial=0)),
    )


def _jobs(s: "Simulation") -> Jobs:
    started = np.array(s.gangs.starts[: s.arrived])
    work = s.scenario.workload
    return Jobs(
        submitted=s.arrived,
        done=sum(at < inf for at in s.gangs.done_at),
        started=int((started > 0).sum()),
        wait_hours_mean=_round(float(_waits(s).mean()) / 3600 if s.arrived else 0.0),
        load=_round(float((work.hosts * work.run_s)[: s.arrived].sum()) / (s.scenario.hosts * s.scenario.until_s)),
    )


def _reach(s: "Simulation") -> Reach | None:
    upgrades, spec = s.visits.upgrades, s.scenario.upgrade
    if spec is None:
        return None
    half, most, all_ = (_days(at - upgrades.at) if isfinite(at) else None for at in upgrades.reached)
    blamed = _days(upgrades.blamed_at - upgrades.at) if isfinite(upgrades.blamed_at) else None
    mean_half, mean_most, mean_all = (_days(s) if isfinite(s) else None for s in upgrades.mean_reached())
    return Reach(
        half=half,
        most=most,
        all=all_,
        mean_half=mean_half,
        mean_most=mean_most,
        mean_all=mean_all,
        carried=upgrades.count,
        harmed=upgrades.harmed,
        blamed_days=blamed,
    )


def _cycles(s: "Simulation") -> Cycles:
    lengths = [c.closed_s - c.opened_s for c in s.policy.cycles if c.opened_s >= 0]
    late = sum(length > s.scenario.bound_s for length in lengths)
    return Cycles(
        closed=len(lengths),
        mean_days=_days(sum(lengths) / len(lengths)) if lengths else None,
        longest_days=_days(max(lengths)) if lengths else None,
        late=late + s.policy.overdue(s.scenario.until_s),
        host_visits=s.visits.count,
        handovers=s.visits.handovers,
    )


def _curves(s: "Simulation") -> tuple[Curve, ...]:
    step = s.scenario.days / s.scenario.points
    return tuple(
        Curve(
            day=_round((n + 0.5) * step),
            up_least=least,
            up=round(up, 2),
            planned=round(planned, 2),
            failed=round(failed, 2),
            busy=round(busy, 2),
        )
        for n, (least, up, planned, failed, busy) in enumerate(s.meter.curves)
    )


def _ratio(part: np.ndarray, whole: np.ndarray) -> float | None:
    total = float(whole.sum())
    return _round(float(part.sum()) / total) if total > 0 else None


def _days(length_s: float) -> float:
    return _round(length_s / DAY_S)


def _round(value: float) -> float:
    return round(float(value), _NEAR)
