"""Which stops to come a scheduler is told of: the next one of each train, as long as it is likely to come, and those
with a date.

Jobs that would not be over when it begins are then not started there. Once the visit has its hosts their drains keep
jobs away, and the announcement goes. A stop that does not come in its time is announced no longer: hosts that only
short jobs may use are capacity lost.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta

from fleet.models.announcement import Announcement
from fleet.models.base import Moment
from fleet.models.emergency import Emergency, EmergencyHost, EmergencyHostState, EmergencyState
from fleet.models.facts import TrainFacts
from fleet.models.large import LargePhase, LargePlan, LargeProgress
from fleet.models.pin import PinState, PinSwitch
from fleet.models.pool import Pool
from fleet.models.train import DomainProgress, DomainState, Visit, VisitState
from fleet.policy.large_rounds import chosen, held_length, round_length, totals

LASTS = timedelta(minutes=10)
"""An announcement that nobody moves any more holds its hosts for so long."""
_TO_CLOSE = (PinState.ASKING, PinState.REQUESTING)
_PLANNED = (DomainState.NOTICED, DomainState.VISITING)


def next_announced(
    facts: TrainFacts, visits: Mapping[str, Visit], up: Collection[str], lead: timedelta
) -> Announcement | None:
    """What is to be announced of a train now. `visits` are its open ones, `up` its hosts in production; it begins
    `lead` from now at the earliest, so that it is taken back or moved before it holds.
    """
    if facts.stops or facts.cycle is None or facts.cycle.closed_at is not None:
        return None
    planned = [p for p in facts.cycle.domains if p.state in _PLANNED and not _granted(p, visits)]
    # A visit that waits for its grant comes before one of which the jobs have only been told.
    domain = min(planned, key=lambda p: p.state is DomainState.NOTICED, default=None)
    if domain is None or domain.noticed_at is None:
        return None
    begins = _begins(facts, domain.domain.name, domain.noticed_at, visits)
    if facts.now > begins + facts.pool.drain.deadline:
        return None
    hosts = tuple(host for host in domain.domain.hosts if host in up)
    if not hosts:
        return None
    begins_in = max(begins - facts.now, lead).total_seconds()
    return Announcement(hosts=hosts, begins_in=begins_in, lasts=LASTS.total_seconds())


def switch_announced(switch: PinSwitch, up: Collection[str], now: Moment, lead: timedelta) -> Announcement | None:
    """What is to be announced of an approved pin switch with a date, which takes every host; None once it has closed
    the cluster, or when its date is long past and it still waits for something else.
    """
    at = switch.spec.at
    if at is None or not switch.approved_by or switch.state not in _TO_CLOSE or not up or now > at + LASTS:
        return None
    begins_in = max(at - now, lead).total_seconds()
    return Announcement(hosts=tuple(sorted(up)), begins_in=begins_in, lasts=LASTS.total_seconds())


def large_announced(
    large: Emergency,
    hosts: Sequence[EmergencyHost],
    pools: Sequence[Pool],
    up: Collection[str],
    now: Moment,
    lead: timedelta,
) -> Announcement | None:
    """What is to be announced of a large-scale maintenance: the hosts of the round to come, the first one for its date
    and later ones for when the round before is expected to be over; no longer where that is long past, as for a gate
    that waits for a person, and not where it would not be over in time, so that it does not begin.
    """
    plan, progress = large.spec.plan, large.progress
    if plan is None or large.state not in (EmergencyState.ANNOUNCED, EmergencyState.RUNNING):
        return None
    begun = progress is not None and progress.round > 0
    begins = _next_round_at(large, progress, hosts, pools) if progress is not None and begun else plan.at
    if now > begins + LASTS:
        return None
    number = progress.round + 1 if progress is not None else 1
    domains = _round_to_come(plan, number, progress.domains if progress is not None else {}, hosts)
    length = round_length(large.spec, number, pools, domains, totals(hosts))
    if plan.until is not None and max(begins, now) + length > plan.until:
        return None
    names = tuple(h.host for h in hosts if h.domain in domains.get(h.pool, ()) and h.host in up)
    if not names:
        return None
    begins_in = max(begins - now, lead).total_seconds()
    return Announcement(hosts=names, begins_in=begins_in, lasts=LASTS.total_seconds())


def _round_to_come(
    plan: LargePlan, number: int, now: Mapping[str, Collection[str]], hosts: Sequence[EmergencyHost]
) -> dict[str, tuple[str, ...]]:
    """Pool: domains of the next round, which has this number, if the one `now` takes all of its own."""
    waiting: dict[str, list[str]] = {}
    for host in hosts:
        if host.state is EmergencyHostState.PENDING and host.domain not in now.get(host.pool, ()):
            waiting.setdefault(host.pool, []).append(host.domain)
    return chosen(plan, number, waiting, totals(hosts))


def _next_round_at(
    large: Emergency, progress: LargeProgress, hosts: Sequence[EmergencyHost], pools: Iterable[Pool]
) -> Moment:
    """When the round that is under way is expected to be over, people's approvals apart."""
    plan, every = large.spec.plan, totals(hosts)
    assert plan is not None, "only a large-scale maintenance has rounds"
    if progress.phase is LargePhase.OUT:
        return progress.since + round_length(large.spec, progress.round, pools, progress.domains, every)
    held = held_length(plan, progress.round, progress.domains, every)
    return progress.since + (held if progress.phase is LargePhase.HOLDING else held - plan.step(progress.round).hold)


def _granted(domain: DomainProgress, visits: Mapping[str, Visit]) -> bool:
    """True for a domain that is being visited: its drains speak for themselves."""
    if domain.state is not DomainState.VISITING:
        return False
    visit = visits.get(domain.visit or "")
    return visit is None or visit.state is not VisitState.WAITING


def _begins(facts: TrainFacts, domain: str, noticed_at: Moment, visits: Mapping[str, Visit]) -> Moment:
    """After the jobs' notice and the date they were granted, and after the visit that is under way as visits go."""
    length = timedelta(seconds=facts.visit_seconds)
    ends = [v.granted_at + length for v in visits.values() if v.granted_at is not None]
    return max([noticed_at + facts.pool.notice, facts.avoided.get(domain, noticed_at), *ends])
