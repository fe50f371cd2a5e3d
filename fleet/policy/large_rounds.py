"""The rounds of a large-scale maintenance: which domains each takes, how many hosts that are, and how long it lasts.

The n-th round is the n-th step of the plan, and the last step repeats until every domain was seen to. Domains of a pool
are taken in their order, so that a plan tells beforehand what will come, as long as every host can be had.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from fleet.hostlist import natural_key
from fleet.models.base import Fact, Moment
from fleet.models.emergency import BUSY, Emergency, EmergencyHost, EmergencyHostState, EmergencySpec
from fleet.models.large import LargePlan, LargeProgress, RampUp, domains_of
from fleet.models.pool import Pool

TO_COME = (EmergencyHostState.PENDING, *BUSY)
"""A host in these is not through."""


class PlannedRound(Fact):
    """One round as it would be with every host to be had."""

    number: int
    domains: dict[str, tuple[str, ...]]
    """Pool: its domains."""
    hosts: dict[str, int]
    """Pool: hosts out at once."""
    every: dict[str, int]
    """Pool: what `totals` says."""


def totals(hosts: Iterable[EmergencyHost]) -> dict[str, int]:
    """Pool: the domains that the maintenance is for, which shares are shares of."""
    domains: dict[str, set[str]] = {}
    for host in hosts:
        domains.setdefault(host.pool, set()).add(host.domain)
    return {pool: len(names) for pool, names in domains.items()}


def chosen(
    plan: LargePlan, number: int, available: Mapping[str, Iterable[str]], every: Mapping[str, int]
) -> dict[str, tuple[str, ...]]:
    """Pool: the domains of the n-th round, of those that have hosts to be had; `every` is what `totals` says."""
    return _first(plan, number, {pool: _in_order(names) for pool, names in available.items()}, every)


def _in_order(names: Iterable[str]) -> list[str]:
    return sorted(set(names), key=natural_key)


def _first(
    plan: LargePlan, number: int, ordered: Mapping[str, Sequence[str]], every: Mapping[str, int]
) -> dict[str, tuple[str, ...]]:
    """`chosen`, of domains that are in their order."""
    width = plan.step(number).domains
    taken = {pool: tuple(names[: domains_of(width, every[pool])]) for pool, names in ordered.items()}
    return {pool: names for pool, names in taken.items() if names}


def batch(ramp: RampUp, held: Sequence[EmergencyHost], every: Mapping[str, int]) -> tuple[str, ...]:
    """Hosts of the first domains of each pool, as many as return at once; `every` is what `totals` says."""
    found: list[str] = []
    for pool in dict.fromkeys(h.pool for h in held):
        its = [h for h in held if h.pool == pool]
        names = sorted({h.domain for h in its}, key=natural_key)[: domains_of(ramp.domains, every[pool])]
        found += [h.host for h in its if h.domain in names]
    return tuple(found)


def passed(progress: LargeProgress) -> LargeProgress:
    """The progress once the round's gate has said go."""
    names = {pool: (*progress.passed.get(pool, ()), *its) for pool, its in progress.domains.items()}
    unique = {pool: tuple(dict.fromkeys(its)) for pool, its in (progress.passed | names).items()}
    return progress.model_copy(update={"passed": unique})


def planned_rounds(plan: LargePlan, hosts: Sequence[EmergencyHost]) -> tuple[PlannedRound, ...]:
    """Every round, from the hosts that wait."""
    every = totals(hosts)
    sizes: dict[str, dict[str, int]] = {}
    for host in hosts:
        if host.state is EmergencyHostState.PENDING:
            its = sizes.setdefault(host.pool, {})
            its[host.domain] = its.get(host.domain, 0) + 1
    found: list[PlannedRound] = []
    left: dict[str, list[str]] = {pool: _in_order(its) for pool, its in sizes.items()}
    while any(left.values()):
        domains = _first(plan, len(found) + 1, left, every)
        left = {pool: names[len(domains.get(pool, ())) :] for pool, names in left.items()}
        taken = {pool: sum(sizes[pool][name] for name in names) for pool, names in domains.items()}
        found.append(PlannedRound(number=len(found) + 1, domains=domains, hosts=taken, every=every))
    return tuple(found)


def stop_length(spec: EmergencySpec, pool: Pool) -> timedelta:
    """How long a host of a pool is expected to be out for the work alone."""
    return (spec.drain or pool.drain).deadline + (spec.budget or pool.visit_budget)


def held_length(
    plan: LargePlan, number: int, domains: Mapping[str, Sequence[str]], every: Mapping[str, int]
) -> timedelta:
    """How long the n-th round is held beyond its work: before its gate, and between the returns of its `domains`.

    A share in `ramp_up` is one of all domains (`every`, what `totals` says), as it is when they return, and not of
    those of the round.
    """
    step, ramp = plan.step(number), plan.ramp_up
    if ramp is None:
        return step.hold
    batches = (-(-len(names) // domains_of(ramp.domains, every[pool])) for pool, names in domains.items() if names)
    return step.hold + ramp.pause * (max(batches, default=1) - 1)


def round_length(
    spec: EmergencySpec,
    number: int,
    pools: Iterable[Pool],
    domains: Mapping[str, Sequence[str]],
    every: Mapping[str, int],
) -> timedelta:
    """How long the n-th round is expected to last with these domains, people's approvals apart."""
    assert spec.plan is not None, "only a large-scale maintenance has rounds"
    longest = max((stop_length(spec, pool) for pool in pools if pool.name in domains), default=timedelta(0))
    return longest + held_length(spec.plan, number, domains, every)


def stands_aside_at(emergency: Emergency, pools: Iterable[Pool], hosts: Iterable[EmergencyHost]) -> Moment:
    """From when on trains of its pools begin nothing more: a visit that began just before is over by the date."""
    its = {h.pool for h in hosts}
    longest = max((p.drain.deadline + p.visit_budget for p in pools if p.name in its), default=timedelta(0))
    return emergency.begins_at - longest


def rounds_left(emergency: Emergency, domains: int, every: int) -> int:
    """In how many rounds so many domains of a pool, of `every` that it is for there, will have been seen to; of an
    emergency, by its width.
    """
    plan = emergency.spec.plan
    if plan is None:
        return -(-domains // emergency.spec.width)
    begun = emergency.progress.round if emergency.progress is not None else 0
    rounds, left = 0, domains
    while left > 0:
        rounds += 1
        left -= domains_of(plan.step(begun + rounds).domains, every)
    return rounds
