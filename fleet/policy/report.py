"""From what was noted to a report: were a pool's promises kept, and if not, why.

Times that no span covers were not observed; they count neither as kept nor as broken, and are told.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta

from fleet.models.base import Moment
from fleet.models.host import HostSet
from fleet.models.report import (
    CycleEnd,
    CycleReport,
    CycleTimes,
    HostHours,
    HostOut,
    Interruption,
    Lowest,
    Point,
    PoolReport,
    PoolSpan,
    Report,
    ReportFacts,
)

HOUR = timedelta(hours=1)
POINTS = 360
"""Stretches of the picture."""
_BY_HOLDER = {
    "visit": "maintenance",
    "pin": "pin switch",
    "op": "operation",
    "emergency": "emergency train",
    "large": "large-scale maintenance",
}
_LONGEST_CAUSE = 60
REPAIR, NOBODYS, UNSEEN = "repair", "failed, in nobody's hands", "not observable"


def cause_of(where: HostSet, owner: str | None, leased: bool) -> str:
    """Why a host is out, as a word to count by."""
    if where is HostSet.PLANNED:
        return _BY_HOLDER.get((owner or "").partition("/")[0], "other planned work")
    if where is HostSet.FAILED:
        return REPAIR if leased else NOBODYS
    if where is HostSet.FOREIGN:
        return f"another's: {owner or 'unknown'}"[:_LONGEST_CAUSE]
    return UNSEEN


def report(clusters: Iterable[ReportFacts]) -> Report:
    """A report on clusters, which share their time."""
    found = list(clusters)
    return Report(
        begin=min(f.begin for f in found),
        end=max(f.end for f in found),
        pools=tuple(pool_report(facts, pool) for facts in found for pool in facts.spans),
        upgrades={f.cluster: f.carried for f in found},
        members={f.cluster: f.members for f in found},
    )


def pool_report(facts: ReportFacts, pool: str) -> PoolReport:
    """One pool's promises over the time."""
    spans = clipped(facts.spans[pool], facts.begin, facts.end)
    seen = [s for s in spans if s.seen]
    low = lowest(seen)
    under = [s for s in seen if s.under_floor]
    over = [s for s in seen if s.over_buffer and not s.overridden]
    cycles = tuple(_cycle(c, facts.end) for c in facts.cycles if c.pool == pool)
    broken = _broken([s for s in under if not s.overridden], over, cycles)
    observed = hours(seen)
    whole = (facts.end - max(facts.begin, spans[0].since)) / HOUR if spans else 0.0
    interrupted = [i for i in facts.interruptions if i.pool == pool]
    outs = [o for o in facts.outs if o.pool == pool]
    return PoolReport(
        reason="; ".join(broken) if broken else _well(observed),
        kept=not broken,
        cluster=facts.cluster,
        pool=pool,
        members=spans[-1].members if spans else 0,
        observed_hours=observed,
        unobserved_hours=max(0.0, whole - observed),
        lowest=low,
        hours_under_floor=hours(under),
        hours_under_floor_overridden=hours(s for s in under if s.overridden),
        under_floor_host_hours=host_hours(under),
        hours_over_buffer=hours(over),
        hours_at_failure_buffer=hours(s for s in seen if s.counts.failed >= s.failure_buffer),
        cycles=cycles,
        **_interruptions(interrupted),
        out_host_hours=by_cause(outs, facts.begin, facts.end),
        hosts=by_host(outs, facts.begin, facts.end),
        points=points(spans, facts.begin, facts.end),
    )


def clipped(spans: Iterable[PoolSpan], begin: Moment, end: Moment) -> list[PoolSpan]:
    """The parts of spans within a time, without those of no length."""
    cut = [s.model_copy(update={"since": max(s.since, begin), "until": min(s.until, end)}) for s in spans]
    return [s for s in cut if s.since < s.until]


def hours(spans: Iterable[PoolSpan]) -> float:
    """Their length together."""
    return sum((s.until - s.since) / HOUR for s in spans)


def host_hours(spans: Iterable[PoolSpan]) -> dict[str, float]:
    """Cause: host-hours out, most first."""
    found: dict[str, float] = defaultdict(float)
    for span in spans:
        for cause, count in span.causes.items():
            found[cause] += count * ((span.until - span.since) / HOUR)
    return _most_first(found)


def lowest(spans: Iterable[PoolSpan]) -> Lowest | None:
    """The span with the fewest hosts up against its floor; the first of several."""
    low = min(spans, key=lambda s: (s.counts.up - s.floor, s.since), default=None)
    if low is None:
        return None
    return Lowest(at=low.since, up=low.counts.up, floor=low.floor, members=low.members, causes=low.causes)


def by_cause(outs: Iterable[HostOut], begin: Moment, end: Moment) -> dict[str, float]:
    """Cause: host-hours out within the time, most first."""
    found: dict[str, float] = defaultdict(float)
    for out in outs:
        length = _within(out, begin, end)
        if length > 0:
            found[out.cause] += length
    return _most_first(found)


def by_host(outs: Iterable[HostOut], begin: Moment, end: Moment) -> tuple[HostHours, ...]:
    """Every host that was out within the time, longest first."""
    mine: dict[str, list[HostOut]] = defaultdict(list)
    for out in outs:
        if _within(out, begin, end) > 0:
            mine[out.host].append(out)
    found = []
    for host, its in mine.items():
        causes = by_cause(its, begin, end)
        found.append(HostHours(host=host, hours=sum(causes.values()), times=_times(its), by_cause=causes))
    return tuple(sorted(found, key=lambda h: (-h.hours, h.host)))


def points(spans: Sequence[PoolSpan], begin: Moment, end: Moment, count: int = POINTS) -> tuple[Point, ...]:
    """The picture: the worst of each stretch that anything is known of."""
    step = (end - begin) / count
    stretches: dict[int, list[PoolSpan]] = defaultdict(list)
    for span in spans:
        first, last = (span.since - begin) // step, (span.until - begin) / step
        for index in range(first, min(count, max(first + 1, -int(-last // 1)))):
            stretches[index].append(span)
    found = []
    for index, its in sorted(stretches.items()):
        low = min(its, key=lambda s: s.counts.up)
        found.append(
            Point(
                at=begin + index * step,
                until=begin + (index + 1) * step,
                up=low.counts.up,
                floor=low.floor,
                planned=low.counts.planned,
                failed=low.counts.failed,
                others=low.counts.foreign + low.counts.unknown,
            )
        )
    return tuple(found)


def _times(outs: Sequence[HostOut]) -> int:
    """How often a host went out: a cause that follows at once upon another is the same time out."""
    ordered = sorted(outs, key=lambda o: o.since)
    return sum(1 for before, out in zip([None, *ordered], ordered, strict=False) if _apart(before, out))


def _apart(before: HostOut | None, out: HostOut) -> bool:
    return before is None or before.until is None or before.until < out.since


def _within(out: HostOut, begin: Moment, end: Moment) -> float:
    return (min(out.until or end, end) - max(out.since, begin)) / HOUR


def _most_first(found: dict[str, float]) -> dict[str, float]:
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _interruptions(found: Sequence[Interruption]) -> dict[str, int]:
    return {
        "jobs_interrupted": len(found),
        "gangs_interrupted": sum(1 for i in found if i.hosts > 1),
        "job_hosts_interrupted": sum(i.hosts for i in found),
    }


def _cycle(times: CycleTimes, end: Moment) -> CycleReport:
    told = f"{times.visited} of {times.domains} domains visited, {times.skipped} left out"
    if times.closed_at is None:
        late = end - times.due_at
        if late <= timedelta(0):
            return CycleReport(times=times, end=CycleEnd.UNDER_WAY, reason=f"{told}, due {times.due_at:%F %T}")
        return CycleReport(times=times, end=CycleEnd.OVERDUE, reason=f"{told}, due {late / HOUR:.1f} h ago")
    late = times.closed_at - times.due_at
    if late <= timedelta(0):
        return CycleReport(times=times, end=CycleEnd.ON_TIME, reason=f"{told}, closed {-late / HOUR:.1f} h early")
    return CycleReport(times=times, end=CycleEnd.LATE, reason=f"{told}, closed {late / HOUR:.1f} h late")


def _broken(under: Sequence[PoolSpan], over: Sequence[PoolSpan], cycles: Iterable[CycleReport]) -> list[str]:
    """Every promise that was not kept, a clause each."""
    found = []
    if under:
        causes = ", ".join(list(host_hours(under))[:3]) or "no cause noted"
        found.append(f"{hours(under):.1f} h under the floor ({causes})")
    if over:
        found.append(f"{hours(over):.1f} h over the planned buffer")
    late = [c for c in cycles if c.end in (CycleEnd.LATE, CycleEnd.OVERDUE)]
    if late:
        found.append("late cycles: " + ", ".join(str(c.times.number) for c in late))
    return found


def _well(observed: float) -> str:
    return f"kept throughout the {observed:.1f} h observed" if observed else "nothing was observed"
