"""The domain size of a pool, with a curve, the optimum, today's size, and what the optimum hangs on."""

from collections.abc import Iterable, Sequence
from math import isinf

from fleet.models.pool import MOST_HOSTS
from fleet.models.sizing import JobMix, PoolKind, Sensitivity, SizePoint, SizeQuestion, Sizing, VisitModel
from fleet.policy.sizing_cost import best, closed_form, cycle_cost, point, smallest

GANG = 2.0
"""Mean hosts of a job, weighed by its hosts, above which a pool's jobs are gangs."""
_FINE, _COARSE = 24, 1.12
_NOTABLE = 0.01


def sizes(members: int, groups: Sequence[int] = (), most: int = MOST_HOSTS) -> list[int]:
    """Sizes worth a look: all small ones and some of the larger of `possible`."""
    return _thinned(possible(members, groups, most))


def possible(members: int, groups: Sequence[int] = (), most: int = MOST_HOSTS) -> Sequence[int]:
    """Sizes that there can be: where domains follow racks, say, even parts of one and whole ones. `groups`: how many
    hosts the racks have.
    """
    largest = min(members, most)
    if not groups:
        return range(1, largest + 1)
    parts = {-(-group // count) for group in groups for count in range(1, group + 1)}
    whole = {size for group in groups for size in range(group, largest + 1, group)}
    return sorted(s for s in parts | whole if s <= largest)


def _thinned(found: Iterable[int]) -> list[int]:
    """All up to some, then each a little larger than the one before."""
    kept: list[int] = []
    for size in found:
        if size <= _FINE or size >= kept[-1] * _COARSE:
            kept.append(size)
    return kept


def kind_of(mix: JobMix, has_replicas: bool) -> tuple[PoolKind, str]:
    """What the pool is for, and what tells it."""
    if not mix.busy_hosts:
        if has_replicas:
            return PoolKind.STORAGE, "it has replica groups, and no jobs run on it"
        return PoolKind.INFERENCE, "no jobs are known, so that nothing gangs"
    if mix.mean_gang > GANG:
        return PoolKind.TRAINING, f"a host in use works for a job of {mix.mean_gang:.0f} hosts on average"
    return PoolKind.INFERENCE, f"its jobs have {mix.mean_gang:.1f} hosts on average"


def sizing(pool: str, question: SizeQuestion, today: int, among: Iterable[int], kind: tuple[PoolKind, str]) -> Sizing:
    """Look at every size of `among`, and say which is best. A size of today's that is above what there is takes all."""
    today = min(today, question.members)
    points = tuple(point(question, size) for size in sorted(set(among)))
    chosen = best(points)
    free, floor = closed_form(question), smallest(question)
    return Sizing(
        pool=pool,
        kind=kind[0],
        kind_because=kind[1],
        today=today,
        best=None if chosen is None else chosen.size,
        closed_form=free,
        smallest=None if isinf(floor) else floor,
        points=points,
        sensitivity=_sensitivity(question, [p.size for p in points]),
        visit=question.visit,
        reason=_reason(question, points, chosen, today, kind[0]),
    )


def _sensitivity(question: SizeQuestion, among: Sequence[int]) -> tuple[Sensitivity, ...]:
    """The best size if one thing were otherwise."""
    mix = question.mix
    changes: list[tuple[str, SizeQuestion]] = []
    if mix.busy_hosts:
        changes = [
            (f"an interruption costs {words}", _with(question, mix.scaled(lost=by)))
            for by, words in ((0.5, "half as much"), (2.0, "twice as much"))
        ] + [
            (f"jobs of {words} the size, as many hosts in use", _with(question, mix.scaled(size=by)))
            for by, words in ((0.5, "half"), (2.0, "twice"))
        ]
    changes += [
        (f"visits {words} as long", question.model_copy(update={"visit": _longer(question, by)}))
        for by, words in ((0.5, "half"), (2.0, "twice"))
    ]
    found = []
    for what, asked in changes:
        chosen = best(point(asked, size) for size in among)
        found.append(
            Sensitivity(
                what=what,
                best=None if chosen is None else chosen.size,
                cost=None if chosen is None else round(chosen.cost, 1),
            )
        )
    return tuple(found)


def _with(question: SizeQuestion, mix: JobMix) -> SizeQuestion:
    """Another mix: what was counted on the hosts changes as the mix's cost does."""
    placed: dict[int, float] = {}
    for size, hours in question.placed_host_hours.items():
        before = cycle_cost(question.mix, size)
        # Jobs that lose nothing lose nothing however they are changed.
        placed[size] = hours * cycle_cost(mix, size) / before if before else hours
    return question.model_copy(update={"mix": mix, "placed_host_hours": placed})


def _longer(question: SizeQuestion, by: float) -> VisitModel:
    visit = question.visit
    times = {name: getattr(visit, name) * by for name in ("fixed_seconds", "host_seconds", "flash_seconds")}
    return visit.model_copy(update=times)


def _reason(
    question: SizeQuestion, points: Sequence[SizePoint], chosen: SizePoint | None, today: int, kind: PoolKind
) -> str:
    if chosen is None:
        return _none_can(question, points)
    words = f"{_because(points, chosen, kind)}, at {chosen.cost:,.0f} host-hours a day"
    now = point(question, today)
    if now.why_not:
        return f"{words}; today's {today} can't be: {now.why_not}"
    saved = now.cost - chosen.cost
    if saved <= _NOTABLE * now.cost:
        return f"{words}; today's {today} costs the same within 1%"
    return f"{words}; today's {today} costs {now.cost:,.0f}"


def _none_can(question: SizeQuestion, points: Sequence[SizePoint]) -> str:
    """Small ones may break the bound, and large ones the promises."""
    if not points:
        return "it has no hosts"
    first, last = points[0], points[-1]
    if all(p.cycle_days > question.bound_days for p in points):
        return f"no size keeps the bound: {last.why_not}"
    return f"no size can be ({first.size}: {first.why_not}; {last.size}: {last.why_not})"


def _because(points: Sequence[SizePoint], chosen: SizePoint, kind: PoolKind) -> str:
    """What makes it the best."""
    less = chosen.cost * (1 - _NOTABLE)
    larger = next((p for p in points if p.size > chosen.size and p.why_not and p.cost < less), None)
    if larger is not None:
        return f"{chosen.size} hosts, for more would cost less but can't be ({larger.size}: {larger.why_not})"
    smaller = [p for p in points if p.size < chosen.size]
    if smaller and all(p.why_not for p in smaller):
        why = {
            PoolKind.TRAINING: "interruptions would be fewer with a larger one, and what that reserves costs more",
            PoolKind.INFERENCE: "a larger one interrupts hardly fewer jobs, and reserves more",
            PoolKind.STORAGE: "no jobs lose by it, and a larger one only reserves more",
        }[kind]
        return f"{chosen.size} hosts is the smallest that can be ({smaller[-1].size}: {smaller[-1].why_not}); {why}"
    if chosen.size == 1:
        return "1 host: nothing is saved by taking more together"
    return (
        f"{chosen.size} hosts: with fewer, gangs are interrupted more often; with more, more is kept free "
        f"({chosen.interrupted:,.0f} and {chosen.reserved:,.0f} host-hours a day)"
    )
