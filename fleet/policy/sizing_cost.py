"""What a domain size costs a day: what is kept free for visits, and what jobs lose to them. docs/sizing.md derives it.

A pool promises all hosts but one domain, so the domain is what its size reserves. A gang is interrupted by each domain
that it touches: of hosts in a row, one over g hosts touches 1 + (g - 1) / s domains of s hosts on average.
"""

from collections.abc import Iterable, Sequence
from math import inf, sqrt

from fleet.models.sizing import JobMix, SizePoint, SizeQuestion, VisitLength, VisitModel
from fleet.policy.timetable_words import length

DAY_H = 24.0
_ROUNDING = 1e-6
"""Of lengths in hours: nobody means less."""
_FEW = 5
_APART = 1.3
"""The largest visit over the smallest, for a slope to be told."""


def touched(hosts: float, size: int) -> float:
    """Domains of `size` hosts that a gang of neighbours touches, on average over where it begins."""
    return 1.0 + (hosts - 1.0) / size


def cycle_cost(mix: JobMix, size: int) -> float:
    """Host-hours that one cycle of visits costs the jobs: each domain's visit finds a mix like this one's."""
    each = zip(mix.hosts, mix.count, mix.lost_hours, strict=True)
    return sum(n * g * lost * touched(g, size) for g, n, lost in each)


def closed_form(question: SizeQuestion) -> float:
    """The size at which both costs together are least, if nothing else bound it: as an order quantity is found."""
    mix = question.mix
    spread = sum(n * g * (g - 1.0) * lost for g, n, lost in zip(mix.hosts, mix.count, mix.lost_hours, strict=True))
    return sqrt(max(0.0, spread) / (DAY_H * question.open_share * question.every_days))


def smallest(question: SizeQuestion) -> float:
    """The size below which the cycle's visits don't fit into its bound; inf where none fits.

    members / s visits of fixed + s x host seconds each, in the open share of the bound; as many notices in all of it.
    """
    room = question.bound_days * DAY_H * 3600.0 * question.open_share - question.members * question.visit.host_seconds
    told = question.members * question.notice_hours / (question.bound_days * DAY_H)
    return max(told, question.members * question.visit.fixed_seconds / room) if room > 0 else inf


def point(question: SizeQuestion, size: int) -> SizePoint:
    """What one size costs."""
    domains = question.domains.get(size, -(-question.members // size))
    hours = question.visit.seconds(size) / 3600.0
    apart = max(hours, question.notice_hours)
    days = domains * _days_a_visit(question, apart)
    every = max(question.every_days, days)
    lost = question.placed_host_hours.get(size)
    why_not = question.refused.get(size, "")
    if days > question.bound_days:
        told = f" with {_days(apart / DAY_H)} of notice each" if apart > hours else ""
        why_not = f"a cycle takes {_days(days)}{told}, the bound is {_days(question.bound_days)}"
    return SizePoint(
        size=size,
        domains=domains,
        visit_hours=round(hours, 4),
        cycle_days=round(days, 4),
        reserved=size * DAY_H * question.open_share,
        interrupted=(cycle_cost(question.mix, size) if lost is None else lost) / every,
        why_not=why_not,
    )


def _days_a_visit(question: SizeQuestion, hours: float) -> float:
    """From the beginning of one visit to that of the next, on average: with windows as many begin in each as find what
    they need left of it (as `fleet.policy.windows.ended` counts them). The last may end after it, and so hold up the
    first of the next.
    """
    if not question.open_hours or not hours:
        return hours / DAY_H / question.open_share
    begun, free = 0, 0.0
    for opens, closes in question.open_hours:
        begins = max(opens, free)
        room = closes - question.need_hours - begins
        if room > -_ROUNDING:
            fit = int(room / hours + _ROUNDING) + 1
            begun, free = begun + fit, begins + fit * hours
    return max(hours / DAY_H, question.open_for_days / max(1, begun))


def best(points: Iterable[SizePoint]) -> SizePoint | None:
    """The cheapest of those that can be, the smaller of equals."""
    can = [p for p in points if not p.why_not]
    return min(can, key=lambda p: (round(p.cost, 6), p.size)) if can else None


def visit_model(ended: Sequence[VisitLength], otherwise: VisitModel) -> VisitModel:
    """How long visits take, from those that were: a straight line where their sizes are apart, else their mean.

    Visits that were have waited for their waves of flashes already, which the model adds for every size: the line is of
    the visits without them.
    """
    seen = [_without_waves(v, otherwise) for v in ended if v.hosts > 0]
    if not seen:
        return otherwise
    told = {"flash_at_once": otherwise.flash_at_once, "flash_seconds": otherwise.flash_seconds}
    count = len(seen)
    hosts, seconds = sum(v.hosts for v in seen) / count, sum(v.seconds for v in seen) / count
    source = f"the mean of {count} visit{'s' * (count != 1)} of this pool"
    spread = sum((v.hosts - hosts) ** 2 for v in seen)
    if count >= _FEW and max(v.hosts for v in seen) >= _APART * min(v.hosts for v in seen):
        slope = sum((v.hosts - hosts) * (v.seconds - seconds) for v in seen) / spread
        slope = min(max(0.0, slope), seconds / hosts)
        source = f"{count} visits of this pool, {min(v.hosts for v in seen)} to {max(v.hosts for v in seen)} hosts"
        return VisitModel(fixed_seconds=max(0.0, seconds - slope * hosts), host_seconds=slope, source=source, **told)
    return VisitModel(fixed_seconds=seconds, source=source, **told)


def _without_waves(visit: VisitLength, told: VisitModel) -> VisitLength:
    """A visit as it would have been, could all of its hosts be flashed at once; never below nothing, where it was
    shorter than what is said of its waves.
    """
    return visit.model_copy(update={"seconds": max(0.0, visit.seconds - told.waves_seconds(visit.hosts))})


def _days(days: float) -> str:
    return length(days * DAY_H * 3600.0)
