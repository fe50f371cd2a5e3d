"""A pool's timetable, from the facts of its train and what its scheduler shows of the jobs.

Prices are of what is known: jobs that come later have none. So the order is made anew for each stop; what a stop leaves
for the next one is the prices of jobs that are there still.
"""

from collections.abc import Sequence
from datetime import timedelta
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fleet.models.base import Moment
from fleet.models.facts import TrainFacts
from fleet.models.scheduler import ClusterView
from fleet.models.timetable import PlannedVisit, Timetable
from fleet.models.train import Cycle, Domain, DomainProgress, DomainState
from fleet.policy.avoidance_bound import visit_need
from fleet.policy.domains import form_domains
from fleet.policy.timetable_calendar import Calendar
from fleet.policy.timetable_exact import Placed, Remaining
from fleet.policy.timetable_help import Trouble, at_risk, helps
from fleet.policy.timetable_kept import KeptPrices
from fleet.policy.timetable_order import costs_of, next_visit, visit_order
from fleet.policy.timetable_places import places_of, told
from fleet.policy.timetable_prices import Some
from fleet.policy.timetable_words import spare_of, spare_of_all, why_first

_HOUR = 3600.0
_TO_COME = (DomainState.DUE, DomainState.NOTICED)


class Outlook(NamedTuple):
    """What lies before a train: `domains` in their fixed order, the rest by their index, in seconds from now on."""

    facts: TrainFacts
    domains: tuple[Domain, ...]
    left: Remaining
    prices: Some
    """In host-seconds."""
    calendar: Calendar
    begins: float
    """When the next visit may begin at the earliest."""
    opened_at: Moment
    known: bool
    """Whether the jobs are."""


def timetable(facts: TrainFacts, view: ClusterView | None) -> Timetable:
    """Every visit of the open cycle that has not begun, or, between cycles, of the next one. Without a view the jobs
    are not known, and all domains cost nothing.
    """
    outlook = look_ahead(facts, view)
    if not outlook.domains:
        return Timetable(at=facts.now, reason="no domain is left to visit")
    placed = visit_order(outlook.left, outlook.prices, outlook.calendar, outlook.begins)
    visits = _planned(outlook, [p for p in placed if p.begin < inf])
    homeless = tuple(outlook.domains[p.domain].name for p in placed if p.begin == inf)
    trouble = Trouble(
        facts,
        outlook.left,
        outlook.calendar,
        outlook.begins,
        _unasked(facts),
        outlook.opened_at,
        visits,
        homeless,
    )
    return Timetable(
        at=facts.now,
        visits=visits,
        homeless=homeless,
        at_risk=at_risk(trouble),
        helps=helps(trouble, [d.hosts for d in outlook.domains]),
        reason=_reason(outlook, visits, placed),
    )


def preferred(facts: TrainFacts, view: ClusterView, kept: KeptPrices | None = None) -> TrainFacts:
    """The facts with the domain that the timetable puts first, and why: what a train needs for its next stop.

    `kept`: prices of this pool that an earlier stop left; they are changed to what they are now. Without, they are made
    from nothing, and the answer is the same.
    """
    outlook = look_ahead(facts, view, kept)
    if len(outlook.domains) <= 1:
        return facts
    first = next_visit(outlook.left, outlook.prices, outlook.calendar, outlook.begins)
    if first.begin == inf:
        return facts
    names = (outlook.domains[first.domain].name,)
    return facts.model_copy(
        update={"preferred": names, "preferred_why": _reason(outlook, _planned(outlook, [first]), [first])}
    )


def look_ahead(facts: TrainFacts, view: ClusterView | None, kept: KeptPrices | None = None) -> Outlook:
    """What the timetable is made from."""
    cycle, opened_at = _cycle(facts)
    states = [d.state for d in cycle.domains]
    indices = [i for i, state in enumerate(states) if state in _TO_COME]
    domains = [cycle.domains[i] for i in indices]
    places = places_of(facts, domains)
    due = (cycle.due_at - facts.now).total_seconds()
    visiting = DomainState.VISITING in states
    notice, length = facts.pool.notice.total_seconds(), facts.visit_seconds
    tell = max(notice, (opened_at - facts.now).total_seconds() + notice)
    ready = min([tell, *(told(facts, d) for d in domains if d.state is DomainState.NOTICED)])
    # One visit at a time, and an emergency goes before, also where jobs have had their time by now.
    begins = max(ready, length if visiting else 0.0, facts.held_seconds)
    prices = (kept or KeptPrices()).look(facts, cycle, view, facts.now + timedelta(seconds=begins))
    return Outlook(
        facts=facts,
        domains=tuple(d.domain for d in domains),
        left=Remaining(
            due=np.full(len(domains), due),
            earliest=places.earliest(),
            length=np.full(len(domains), max(length, notice)),
            rank=places.rank(),
        ),
        prices=prices.only(np.array(indices, np.int64), (facts.now - cycle.opened_at).total_seconds()),
        calendar=Calendar.of(facts.pool.windows, facts.now, visit_need(facts)),
        begins=begins,
        opened_at=opened_at,
        known=view is not None,
    )


def _cycle(facts: TrainFacts) -> tuple[Cycle, Moment]:
    """The open cycle, or the next one as it would open, and when it opened or will."""
    last = facts.cycle
    if last is not None and last.closed_at is None:
        return last, last.opened_at
    pool, opens = facts.pool, facts.now
    if last is not None and facts.endless:
        opens = max(opens, last.opened_at + pool.cycle_bound / 2)
    formed = form_domains(facts.hosts, pool.domain, pool.replicas)
    following = Cycle(
        cluster=facts.cluster,
        pool=pool.name,
        number=last.number + 1 if last else 1,
        opened_at=opens,
        due_at=opens + pool.cycle_bound,
        domains=tuple(DomainProgress(domain=d, state=DomainState.DUE) for d in formed),
    )
    return following, opens


def _unasked(facts: TrainFacts) -> NDArray[np.float64]:
    """Before when the domains to come may not begin, were no dates granted to jobs."""
    free = facts.model_copy(update={"avoided": {}})
    domains = [d for d in _cycle(free)[0].domains if d.state in _TO_COME]
    return places_of(free, domains).earliest()


def _planned(outlook: Outlook, placed: Sequence[Placed]) -> tuple[PlannedVisit, ...]:
    """The visits with their prices."""
    now, length = outlook.facts.now, timedelta(seconds=outlook.facts.visit_seconds)
    found = []
    for visit, cost in zip(placed, costs_of(placed, outlook.prices), strict=True):
        domain, begin = outlook.domains[visit.domain], now + timedelta(seconds=visit.begin)
        found.append(
            PlannedVisit(
                domain=domain.name,
                hosts=len(domain.hosts),
                begin=begin,
                end=begin + length,
                due=now + timedelta(seconds=float(outlook.left.due[visit.domain])),
                jobs=int(outlook.prices.jobs_at(visit.begin)[visit.domain]),
                cost_host_hours=round(float(cost) / _HOUR, 3),
            )
        )
    return tuple(found)


def _reason(outlook: Outlook, visits: Sequence[PlannedVisit], placed: Sequence[Placed]) -> str:
    """Why the first is the first."""
    if not visits:
        return "the pool's windows have no room for a visit"
    first = placed[0]
    if not outlook.known:
        return f"{visits[0].domain} is first in the fixed order, for the jobs are not known{spare_of(visits)}"
    others = outlook.prices.at(np.array([first.begin]))[0] / _HOUR
    rank = outlook.left.rank
    if rank[first.domain] < rank.max():
        others = others[rank == rank[first.domain]]
    return f"{why_first(visits[0], others)}{spare_of(visits) if len(visits) > 1 else _spare(outlook)}"


def _spare(outlook: Outlook) -> str:
    """What the due dates have to spare if domains are visited by due date."""
    due, length = np.sort(outlook.left.due), float(outlook.left.length.max())
    ends = outlook.calendar.slots(outlook.begins, length, len(due)) + outlook.facts.visit_seconds
    return spare_of_all(len(due), float((due - ends).min()))
