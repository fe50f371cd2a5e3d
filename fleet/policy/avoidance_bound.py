"""What the cycle bound leaves room for: when the visits that are left of a cycle end, if some domains are not visited
before the dates that their jobs were granted.

Visits take equally long and go one after the other, so taking them in the order of their dates ends them soonest: if
that order is too late, every order is. A grant is decided with the notice that the jobs of each visit are due, too.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import timedelta

from fleet.models.avoidance import Avoidance
from fleet.models.base import Moment
from fleet.models.facts import TrainFacts
from fleet.models.train import Cycle, DomainProgress, DomainState
from fleet.policy.windows import HORIZON, begin, ended

_DONE = (DomainState.VISITED, DomainState.SKIPPED)
_DUE = (DomainState.DUE, DomainState.NOTICED)


def visit_need(facts: TrainFacts) -> timedelta:
    """What must be left of a window for a visit to begin in it, as its request says."""
    return facts.pool.drain.deadline + facts.pool.visit_budget


def finish(facts: TrainFacts, names: Iterable[str], avoided: Mapping[str, Moment]) -> Moment | None:
    """When the visits of these domains will have ended; None when the pool's windows have no room for them."""
    at: Moment | None = facts.now + timedelta(seconds=facts.held_seconds)
    assert at is not None
    dates = Counter(max(at, avoided.get(name, at)) for name in names)
    for date in sorted(dates):
        length = timedelta(seconds=facts.visit_seconds)
        at = ended(facts.pool.windows, max(at, date), dates[date], length, visit_need(facts))
        if at is None:
            return None
    return at


def foreseen(facts: TrainFacts, domains: Iterable[DomainProgress]) -> tuple[Moment | None, timedelta]:
    """When the visits of these domains will have ended as a train goes, and how far apart they begin: jobs are told one
    domain ahead, so that where a notice is longer than a visit it is the notices that follow one another.
    """
    length = timedelta(seconds=facts.visit_seconds)
    apart = max(length, facts.pool.notice)
    paced = facts if apart == length else facts.model_copy(update={"visit_seconds": apart.total_seconds()})
    done = finish(paced, (d.domain.name for d in domains), facts.avoided)
    return None if done is None else done - (apart - length), apart


def left(cycle: Cycle | None) -> tuple[DomainProgress, ...]:
    """Domains that an open cycle has yet to be done with; none between cycles."""
    if cycle is None or cycle.closed_at is not None:
        return ()
    return tuple(d for d in cycle.domains if d.state not in _DONE)


def due_with(cycle: Cycle | None, hosts: Collection[str]) -> tuple[DomainProgress, ...]:
    """Domains with some of these hosts whose visit is still to begin in the open cycle."""
    wanted = frozenset(hosts)
    return tuple(d for d in left(cycle) if d.state in _DUE and not wanted.isdisjoint(d.domain.hosts))


def visited_now(cycle: Cycle | None, hosts: Collection[str]) -> DomainProgress | None:
    """A domain with some of these hosts whose visit has begun."""
    wanted = frozenset(hosts)
    begun = (d for d in left(cycle) if d.state is DomainState.VISITING)
    return next((d for d in begun if not wanted.isdisjoint(d.domain.hosts)), None)


def avoided_domains(cycle: Cycle | None, rows: Iterable[Avoidance], now: Moment) -> dict[str, Moment]:
    """Domain: the date before which it is not visited, by the avoidances that stand."""
    found: dict[str, Moment] = {}
    standing = [(row, row.until) for row in rows if row.until is not None and row.stands(now)]
    if not standing:
        return found
    of_host = {host: d.domain.name for d in left(cycle) if d.state in _DUE for host in d.domain.hosts}
    for row, until in standing:
        for name in {of_host[host] for host in row.ask.hosts if host in of_host}:
            found[name] = max(until, found.get(name, until))
    return found


def keeps_bound(facts: TrainFacts, avoided: Mapping[str, Moment], by: Moment | None = None) -> bool:
    """Whether every domain that is left can be visited by the cycle's due date, or `by`, as visits go."""
    cycle = facts.cycle
    domains = left(cycle)
    if cycle is None or not domains:
        return True
    done = finish(facts, (d.domain.name for d in domains), avoided)
    return done is not None and done <= (by or cycle.due_at)


def leaves_room(facts: TrainFacts, avoided: Mapping[str, Moment]) -> bool:
    """Whether the bound is kept where the jobs of every visit have their notice first, one domain's at a time: while a
    train waits with one that was told, it visits no other, and the next visit does not begin before its own notice.
    """
    cycle, now, notice = facts.cycle, facts.now, facts.pool.notice
    domains = left(cycle)
    if cycle is None or not domains:
        return True
    noticed = (d for d in domains if d.state is DomainState.NOTICED)
    told = (max((d.noticed_at or now) + notice, avoided.get(d.domain.name, now)) for d in noticed)
    first = min((*told, now + notice))
    dates = {d.domain.name: max(first, avoided.get(d.domain.name, first)) for d in domains if d.state in _DUE}
    spare = max(timedelta(0), notice - timedelta(seconds=facts.visit_seconds))
    paced = facts.model_copy(update={"visit_seconds": facts.visit_seconds + spare.total_seconds()})
    done = finish(paced, (d.domain.name for d in domains), dates)
    return done is not None and done - spare <= cycle.due_at


def called_off(facts: TrainFacts, hosts: Collection[str], until: Moment) -> tuple[DomainProgress, ...]:
    """Domains with some of these hosts whose jobs are told anew when they are kept until a date. One whose date does
    not leave a whole notice more stays as it was told: else a word that costs a second would put it off by a notice.
    """
    return due_with(facts.cycle, hosts) if until > facts.now + facts.pool.notice else ()


def latest(
    facts: TrainFacts,
    hosts: Collection[str],
    others: Mapping[str, Moment],
    upto: Moment,
    enough: Callable[[TrainFacts, Mapping[str, Moment]], bool] = leaves_room,
) -> Moment | None:
    """The latest date up to `upto`, to a second, to which the visits of these hosts can be put off beside the others'
    dates, and `enough` is kept; None when it can't be even without.
    """
    names = [d.domain.name for d in due_with(facts.cycle, hosts)]

    def fits(date: Moment) -> bool:
        return enough(facts, {**others, **{n: max(date, others.get(n, date)) for n in names}})

    if not fits(facts.now):
        return None
    if fits(upto):
        return upto
    low, high = facts.now, upto
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def expected(facts: TrainFacts, hosts: Collection[str], avoided: Mapping[str, Moment]) -> Moment | None:
    """When the first visit of these hosts is expected to begin, in the train's order of those not avoided; None when
    none is due in the open cycle.
    """
    mine = {d.domain.name for d in due_with(facts.cycle, hosts)}
    if not mine:
        return None
    now, place = facts.now, {name: number for number, name in enumerate(facts.preferred)}
    domains = sorted(
        left(facts.cycle),
        key=lambda d: (max(now, avoided.get(d.domain.name, now)), place.get(d.domain.name, len(place))),
    )
    first = next(number for number, domain in enumerate(domains) if domain.domain.name in mine)
    before = finish(facts, (d.domain.name for d in domains[:first]), avoided)
    told = domains[first].noticed_at or now
    earliest = max(told + facts.pool.notice, avoided.get(domains[first].domain.name, now), before or now + HORIZON)
    return begin(facts.pool.windows, earliest, visit_need(facts))
