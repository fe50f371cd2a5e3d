"""What a train answers to a job that asks it to keep away: a date no later than what the cycle bound, the budgets of
the job and of its user, and the longest time of the pool leave; else a refusal that tells the planned visit.

A job's later request takes the place of its earlier one, whose time up to then stays charged.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from fleet.models.avoidance import Avoidance, AvoidanceAsk, Offer
from fleet.models.base import Moment
from fleet.models.facts import AvoidanceFacts
from fleet.models.train import DomainState
from fleet.models.units import format_duration
from fleet.policy.avoidance_bound import avoided_domains, called_off, due_with, expected, latest, visited_now


def offer(ask: AvoidanceAsk, facts: AvoidanceFacts) -> Offer:
    """Granted until a date, or refused; the reason says what bounded it, and when the visit is expected."""
    train, now = facts.train, facts.train.now
    own = standing_of(ask, facts.rows, now)
    others = avoided_domains(train.cycle, (r for r in facts.rows if r is not own), now)
    planned = expected(train, ask.hosts, train.avoided)
    begun = visited_now(train.cycle, ask.hosts)
    if begun is not None:
        return _refused(f"the visit of {begun.domain.name} has begun", planned)
    if ask.until <= now:
        return _refused(f"expected a date to come, found {moment(ask.until)}", planned)
    until, why = min(_limits(ask, facts, own), key=lambda limit: limit[0])
    until, why = min((ask.until, ""), (until, why), key=lambda limit: limit[0])
    if until > now and due_with(train.cycle, ask.hosts):
        bound = latest(train, ask.hosts, others, until)
        if bound is None or bound < until:
            until, why = bound or now, _by_bound(facts, bound)
    # What an earlier run of the job was granted ends with the look that finds that run over.
    of_run = own if own is not None and own.ask.restarts >= ask.restarts else None
    stands = of_run.until if of_run is not None and of_run.until is not None else now
    # A date that is no later is worth it for hosts that the earlier one did not keep.
    more = of_run is not None and not set(ask.hosts) <= set(of_run.ask.hosts)
    if of_run is not None and not more and until < (no_more := min(ask.until, stands)):
        # What was granted is not lost by asking for no more than that, nor gone on with on another user's budget.
        until = no_more if of_run.ask.user == ask.user else now
    if until <= now or ask.until > stands > until or (ask.until > stands == until and not more):
        kept = f", and what was granted until {moment(stands)} stands" if stands > now else ""
        return _refused(f"{why}{kept}", planned)
    mine = (d.domain.name for d in due_with(train.cycle, ask.hosts))
    planned = expected(train, ask.hosts, {**others, **{n: max(until, others.get(n, until)) for n in mine}})
    trimmed = f"; asked until {moment(ask.until)}: {why}" if until < ask.until else ""
    reason = f"kept away until {moment(until)}{trimmed}; {planned_words(planned)}"
    return Offer(until=until, planned=planned, reason=reason)


def standing_of(ask: AvoidanceAsk, rows: Iterable[Avoidance], now: Moment) -> Avoidance | None:
    """The avoidance of the same job, or the same hosts, that this one would take the place of."""
    return next((r for r in rows if r.ask.work == ask.work and r.stands(now)), None)


def joined(ask: AvoidanceAsk, earlier: Avoidance | None) -> AvoidanceAsk:
    """A request that comes to a train with its hosts, as one with what its job was granted there before: it keeps the
    hosts of both until the later date, for it takes that one's place.
    """
    if earlier is None or earlier.until is None:
        return ask
    hosts = tuple(sorted({*ask.hosts, *earlier.ask.hosts}))
    signal = ask.signal or earlier.ask.signal
    return ask.model_copy(update={"hosts": hosts, "until": max(ask.until, earlier.until), "signal": signal})


def least_charge(ask: AvoidanceAsk, facts: AvoidanceFacts, until: Moment, earlier: Avoidance | None) -> timedelta:
    """What a grant counts for at least, however soon it ends. One that calls a notice off puts the visit off by another
    one, so it costs a notice; one that takes its place goes on with what is left of that.
    """
    train = facts.train
    told = (d.state is DomainState.NOTICED for d in called_off(train, ask.hosts, until))
    begun = timedelta(0) if earlier is None else earlier.at_least - (train.now - earlier.asked_at)
    return max(begun, train.pool.notice if any(told) else timedelta(0), timedelta(0))


def spent(rows: Iterable[Avoidance], since: Moment | None, until: Moment | None = None) -> timedelta:
    """For how long these kept or keep hosts, counted from `since`, and no further than `until` where that is given; as
    a whole, no less than what each counts for at least.
    """
    total = timedelta(0)
    for row in rows:
        if row.until is None or row.passed_on:
            continue
        ends = [moment for moment in (row.until, row.ended_at, until) if moment is not None]
        begins = row.asked_at if since is None else max(since, row.asked_at)
        whole = begins == row.asked_at
        least = row.at_least if until is None and whole else timedelta(0)
        total += max(least, min(ends) - begins) + (row.carried if whole else timedelta(0))
    return total


def carried(ask: AvoidanceAsk, facts: AvoidanceFacts, earlier: Avoidance | None) -> timedelta | None:
    """What a grant counts for besides its own time, for it takes the place of another and goes on with what that one
    has counted for; None where it does not: nothing stood, or it stood on the budget of another user.
    """
    if earlier is None or earlier.ask.user != ask.user:
        return None
    return spent((earlier,), _since(facts), facts.train.now)


def planned_words(planned: Moment | None) -> str:
    """When a visit is expected, in words."""
    if planned is None:
        return "no visit of its hosts is due in this cycle"
    return f"its visit is expected at {moment(planned)}"


def moment(at: Moment) -> str:
    """A moment as answers show it."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _limits(ask: AvoidanceAsk, facts: AvoidanceFacts, own: Avoidance | None) -> Iterator[tuple[Moment, str]]:
    """Dates that bound any grant, and why."""
    now, policy = facts.train.now, facts.train.pool.avoidance
    since = _since(facts)
    yield now + policy.longest, f"the pool grants {format_duration(policy.longest)} at once at most"
    budgets = (
        (f"{ask.work}", policy.budget_per_job, [r for r in facts.rows if r.ask.work == ask.work]),
        (f"user {ask.user}", policy.budget_per_user, [r for r in facts.rows if r.ask.user == ask.user]),
    )
    for whose, budget, rows in budgets:
        used = spent((r for r in rows if r is not own), since)
        used += spent((r for r in rows if r is own), since, now)
        room = max(timedelta(0), budget - used)
        told = f"the budget of {format_duration(budget)} a cycle of {whose[:80]}"
        yield now + room, f"{told} is spent" if room <= timedelta(seconds=1) else f"{told} allows no more"


def _since(facts: AvoidanceFacts) -> Moment | None:
    """From when on budgets are counted."""
    return facts.train.cycle.opened_at if facts.train.cycle is not None else None


def _by_bound(facts: AvoidanceFacts, bound: Moment | None) -> str:
    cycle = facts.train.cycle
    due = f"the cycle is due at {moment(cycle.due_at)}" if cycle is not None else "no cycle is open"
    if bound is None:
        return f"{due}, and is at risk already"
    return f"{due}, with what is left to visit in it"


def _refused(why: str, planned: Moment | None) -> Offer:
    return Offer(until=None, planned=planned, reason=f"refused: {why}; {planned_words(planned)}")
