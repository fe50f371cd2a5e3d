"""A train's next stop: the next domain, or "wait until T, because R".

Order: domains that visits of other pools wait for, those for which rollouts wait, then the others, in the order of
their timetable, else in their fixed order; those given back after the rest. One domain at a time, and notice for one
ahead while it runs. A domain that jobs have kept `max_returns` times is at risk: it is taken again only when all others
are done, after a pause that doubles each time from the drain deadline on; when the cycle's due date has come, the cycle
closes without it.

A pool with windows is visited in them only: jobs are told so that their time is over when the next one opens, and what
is left of a cycle is counted in windows.

A domain that its jobs asked to keep away from is not visited before the date they were granted, nor held back beyond
the due date; the others go before it. One whose jobs all say that they are ready is not kept waiting for its notice.

Pace: visits follow one another at once. A cycle that was asked for opens at once; a train without end opens its next
one when the last has closed, and not before half the cycle bound after that one opened, so that jobs have quiet
between cycles and half the bound is left to be late in.
"""

from datetime import timedelta

from fleet.models.base import Moment
from fleet.models.facts import TrainFacts
from fleet.models.stop import Stop
from fleet.models.train import Cycle, DomainProgress, DomainState, NextStop, StopAction
from fleet.models.units import format_duration
from fleet.policy.avoidance_bound import foreseen, visit_need
from fleet.policy.stopping import in_words
from fleet.policy.too_large import too_large
from fleet.policy.windows import HORIZON, begin, waits_for_window

_MOST_DOUBLINGS = 10


def next_stop(facts: TrainFacts) -> NextStop:
    """What the train does now, with the reason; `at_risk` is filled whenever the cycle bound can't be met."""
    stops = [s for s in facts.stops if s.covers(facts.cluster, facts.pool.name)]
    cycle = facts.cycle
    if cycle is None or cycle.closed_at is not None:
        return _between_cycles(facts, cycle, stops)
    remaining = _in_order(facts, cycle)
    risk = _at_risk(facts, cycle, remaining)
    if facts.open_visits:
        found = _during_visit(facts, remaining, stops)
    elif not remaining:
        visited = sum(d.state is DomainState.VISITED for d in cycle.domains)
        found = NextStop(
            action=StopAction.CLOSE_CYCLE,
            reason=f"all {len(cycle.domains)} domains are done: {visited} visited, the others skipped",
        )
    elif stops:
        found = NextStop(action=StopAction.WAIT, reason=in_words(stops[0]))
    else:
        found = _next_domain(facts, cycle, remaining)
    return found.model_copy(update={"at_risk": risk})


def standing(facts: TrainFacts, domain: DomainProgress) -> tuple[int, bool, bool]:
    """What goes before the timetable: the lowest first."""
    return domain.give_backs, not _is_called(facts, domain), facts.first.isdisjoint(domain.domain.hosts)


def earliest(facts: TrainFacts, domain: DomainProgress) -> Moment:
    """Before when a domain is not visited, for its jobs kept it or asked to keep away from it."""
    return max(_paused_until(facts, domain), _avoided_until(facts, domain.domain.name))


def _in_order(facts: TrainFacts, cycle: Cycle) -> list[DomainProgress]:
    """Domains that are not done. The sort is stable: the fixed order among equals."""
    place = {name: i for i, name in enumerate(facts.preferred)}
    return sorted(cycle.left, key=lambda d: (standing(facts, d), place.get(d.domain.name, len(place))))


def kept_by_jobs(facts: TrainFacts) -> tuple[DomainProgress, ...]:
    """Domains of the open cycle that jobs have kept so often that a person is asked."""
    return tuple(d for d in (facts.cycle.left if facts.cycle else ()) if _is_at_risk(facts, d))


def _between_cycles(facts: TrainFacts, last: Cycle | None, stops: list[Stop]) -> NextStop:
    """No cycle is open."""
    if not facts.cycle_asked:
        return NextStop(action=StopAction.WAIT, reason="no cycle asked")
    if stops:
        return NextStop(action=StopAction.WAIT, reason=in_words(stops[0]))
    if last is None:
        return NextStop(action=StopAction.OPEN_CYCLE, reason="the pool's first cycle was asked for")
    if not facts.endless:
        return NextStop(action=StopAction.OPEN_CYCLE, reason=f"a cycle after number {last.number} was asked for")
    earliest = last.opened_at + facts.pool.cycle_bound / 2
    if facts.now < earliest:
        half = format_duration(facts.pool.cycle_bound / 2)
        reason = f"endless train: the next cycle opens {half} (half the cycle bound) after the last one opened"
        return NextStop(action=StopAction.WAIT, until=earliest, reason=reason)
    return NextStop(action=StopAction.OPEN_CYCLE, reason=f"endless train: cycle {last.number} has closed")


def _during_visit(facts: TrainFacts, remaining: list[DomainProgress], stops: list[Stop]) -> NextStop:
    """A visit is open: nothing but notice to the jobs of the next stop."""
    waiting = [d for d in remaining if d.visit not in facts.open_visits]
    visit = facts.open_visits[0]
    called = next((d for d in waiting if _is_called(facts, d)), None)
    ahead = next((d for d in waiting if _is_noticed(d) and (called is None or d is called)), None)
    due = next((d for d in waiting if _paused_until(facts, d) <= facts.now), None)
    if stops:
        return NextStop(action=StopAction.WAIT, reason=in_words(stops[0]))
    begins = _begins(facts)
    if ahead is None and due is not None and not _is_at_risk(facts, due) and begins <= facts.now + facts.pool.notice:
        name = due.domain.name
        return NextStop(
            action=StopAction.NOTICE,
            domain=name,
            reason=f"{name} is the next stop while {visit} is under way{_why(facts, name)}",
        )
    return NextStop(action=StopAction.WAIT, reason=f"waits for {visit}")


def _next_domain(facts: TrainFacts, cycle: Cycle, remaining: list[DomainProgress]) -> NextStop:
    """No visit is open and domains are left."""
    at_risk = [d for d in remaining if _is_at_risk(facts, d)]
    if len(at_risk) == len(remaining) and facts.now >= cycle.due_at:
        names = ", ".join(d.domain.name for d in at_risk)
        reason = f"closed at its due date without {names}: jobs kept them, and a person was asked"
        return NextStop(action=StopAction.CLOSE_CYCLE, reason=reason)
    called = next((d for d in remaining if _is_called(facts, d)), None)
    noticed = next((d for d in remaining if _is_noticed(d) and (called is None or d is called)), None)
    if noticed is not None:
        return _noticed_domain(facts, noticed)
    begins = _begins(facts)
    if facts.now + facts.pool.notice < begins:
        need = visit_need(facts)
        why = waits_for_window(facts.pool, facts.now, need) or waits_for_window(
            facts.pool, facts.now + facts.pool.notice, need
        )
        return NextStop(action=StopAction.WAIT, until=begins - facts.pool.notice, reason=why)
    if called is not None:
        name = called.domain.name
        reason = f"{name} is the next stop: a visit of another pool waits for it"
        return NextStop(action=StopAction.NOTICE, domain=name, reason=reason)
    domain = min(
        remaining,
        key=lambda d: (_paused_until(facts, d) > facts.now, _is_at_risk(facts, d), _paused_until(facts, d)),
    )
    name, until = domain.domain.name, _paused_until(facts, domain)
    if facts.now < until:
        reason = f"{name} was given back {domain.give_backs} times: a person is asked, and it is tried again later"
        if not _is_at_risk(facts, domain):
            reason = f"jobs on {name} were granted that it is not visited before {_shown(_avoided_until(facts, name))}"
        return NextStop(action=StopAction.WAIT, until=min(until, cycle.due_at), domain=name, reason=reason)
    return NextStop(action=StopAction.NOTICE, domain=name, reason=f"{name} is the next stop{_why(facts, name)}")


def _noticed_domain(facts: TrainFacts, domain: DomainProgress) -> NextStop:
    """Its jobs were told; have they had their time?"""
    name, notice = domain.domain.name, facts.pool.notice
    until = max((domain.noticed_at or facts.now) + notice, _avoided_until(facts, name))
    ready = name in facts.ready and name not in facts.avoided
    if facts.now < until and not ready:
        reason = f"jobs of {name} have {format_duration(notice)} from their notice on"
        return NextStop(action=StopAction.WAIT, until=until, domain=name, reason=reason)
    if why := waits_for_window(facts.pool, facts.now, visit_need(facts)):
        begins = begin(facts.pool.windows, facts.now, visit_need(facts)) or facts.now + HORIZON
        return NextStop(action=StopAction.WAIT, until=begins, domain=name, reason=why)
    told = format_duration(facts.now - (domain.noticed_at or facts.now))
    return NextStop(
        action=StopAction.VISIT,
        domain=name,
        attempt=domain.attempts + 1,
        reason=f"{name} is due, its jobs were told {told} ago" + (" and say that they are ready" if ready else ""),
    )


def _avoided_until(facts: TrainFacts, name: str) -> Moment:
    """Before when a domain is not visited; never beyond its cycle's due date."""
    until = facts.avoided.get(name, facts.now)
    return until if facts.cycle is None else max(facts.now, min(until, facts.cycle.due_at))


def _begins(facts: TrainFacts) -> Moment:
    """When a visit may begin whose jobs are told now."""
    told = facts.now + facts.pool.notice
    return begin(facts.pool.windows, told, visit_need(facts)) or facts.now + HORIZON


def _is_noticed(domain: DomainProgress) -> bool:
    """A domain that was given back is due again, and its new jobs have yet to be told."""
    return domain.state is DomainState.NOTICED


def _is_called(facts: TrainFacts, domain: DomainProgress) -> bool:
    """True for a domain that a joint visit waits for, and that jobs have not kept before."""
    name = domain.domain.name
    return name in facts.invited and not domain.give_backs and _avoided_until(facts, name) <= facts.now


def _is_at_risk(facts: TrainFacts, domain: DomainProgress) -> bool:
    """True when jobs have kept a domain so often that a person is asked."""
    return domain.give_backs > 0 and domain.give_backs >= facts.pool.drain.max_returns


def _paused_until(facts: TrainFacts, domain: DomainProgress) -> Moment:
    """When the jobs of a domain may be told at the earliest: they may have kept it, or asked to keep away from it."""
    avoided = max(facts.now, _avoided_until(facts, domain.domain.name) - facts.pool.notice)
    if not _is_at_risk(facts, domain) or domain.ended_at is None:
        return avoided
    doublings = min(domain.give_backs - facts.pool.drain.max_returns, _MOST_DOUBLINGS)
    return max(avoided, domain.ended_at + facts.pool.drain.deadline * (1 << doublings))


def _at_risk(facts: TrainFacts, cycle: Cycle, remaining: list[DomainProgress]) -> str:
    """Why the cycle bound can't be met, with the numbers; empty when it can."""
    large = too_large(facts, remaining)
    reasons = [_too_late(facts, cycle, remaining) if remaining else "", large.why if large else ""]
    reasons += [
        f"{d.domain.name} was given back {d.give_backs} times and a person is asked"
        for d in remaining
        if _is_at_risk(facts, d)
    ]
    return "; ".join(filter(None, reasons))


def _too_late(facts: TrainFacts, cycle: Cycle, remaining: list[DomainProgress]) -> str:
    """Why these domains can't be visited by the due date, counting only the time in the pool's windows."""
    held, left, (done, apart) = timedelta(seconds=facts.held_seconds), len(remaining), foreseen(facts, remaining)
    due = f"the due date {cycle.due_at.isoformat(sep=' ', timespec='seconds')}"
    if done is None:
        return f"{left} domains left, and the pool's windows have no room for them before {due}"
    if done <= cycle.due_at:
        return ""
    each, late = format_duration(_rounded(apart)), _rounded(done - cycle.due_at)
    within = " for its notice" if apart.total_seconds() > facts.visit_seconds else ""
    within += ", begun in the pool's windows," if facts.pool.windows else ""
    before = f"; {facts.held_by} goes before, for about {format_duration(_rounded(held))}" if held else ""
    away = f"; jobs were granted that {len(facts.avoided)} of them are not visited yet" if facts.avoided else ""
    return f"{left} domains left at {each} each{within} end {format_duration(late)} after {due}{before}{away}"


def _shown(at: Moment) -> str:
    return at.isoformat(sep=" ", timespec="seconds")


def _why(facts: TrainFacts, name: str) -> str:
    """The timetable's reason, where it is what put a domain first, or why there is no timetable."""
    return f": {facts.preferred_why}" if facts.preferred[:1] in ((name,), ()) and facts.preferred_why else ""


def _rounded(length: timedelta) -> timedelta:
    return timedelta(seconds=max(1, round(length.total_seconds())))
