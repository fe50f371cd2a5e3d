"""When a pool's windows are open, as instants: by the wall clocks of their zones, daylight saving included.

A window opens at the first instant at which its clock shows the time or more, so one that would open within a skipped
hour opens when the clocks jump. It closes at the first instant at which its clock shows the end, so of a doubled hour
the first one counts, and work ends early rather than late.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from fleet.models.base import Moment
from fleet.models.pool import Pool
from fleet.models.windows import DAY_MINUTES, Weekday, Window, minutes_of

HORIZON = timedelta(days=400)
"""How far ahead anybody looks: every window comes within a week, so this only bounds what is always open or never."""
BEGIN_WITHIN = timedelta(minutes=10)
"""A window is longer than what begins in it by so much: who looks at the opening looks a moment later, and a train only
every few minutes; in a window without a moment to spare nothing would ever begin.
"""
_DAY = timedelta(days=1)
_FAR = (8 * _DAY, HORIZON)
"""How far ahead is looked at first: nearly every answer lies in the days to come."""
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_WEEK = (datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 12, tzinfo=UTC))
"""Some week: windows are judged by their clocks alone when a file is loaded."""


class Span(NamedTuple):
    """An open stretch of time."""

    opens: Moment
    closes: Moment


def spans(windows: Sequence[Window], since: Moment, until: Moment) -> Iterator[Span]:
    """Open stretches that end after `since` and open before `until`, in order; windows that touch are one stretch."""
    found: list[Span] = []
    for span in sorted(_all(windows, since - _DAY, until)):
        if found and span.opens <= found[-1].closes:
            found[-1] = Span(found[-1].opens, max(found[-1].closes, span.closes))
        else:
            found.append(span)
    # Openings are counted by days: the last day's may lie beyond.
    return (s for s in found if s.closes > since and s.opens < until)


def begin(windows: Sequence[Window], at: Moment, need: timedelta) -> Moment | None:
    """The first moment from `at` on at which work of this length may begin; None when there is none within `HORIZON`.

    A pool without windows is always open.
    """
    if not windows:
        return at
    for far in _FAR:
        for span in _ahead(windows, at, far):
            start = max(at, span.opens)
            if span.closes - start >= need:
                return start
    return None


def closing(windows: Sequence[Window], at: Moment) -> Moment | None:
    """When the stretch that is open at a moment closes; None while none is open."""
    found = next(spans(windows, at, at + _DAY * 8), None)
    return found.closes if found is not None and found.opens <= at else None


def ended(windows: Sequence[Window], at: Moment, visits: int, each: timedelta, need: timedelta) -> Moment | None:
    """When so many visits, one after the other from `at` on, will have ended; None when not within `HORIZON`.

    Each takes `each`, and begins only where `need` is left of its window.
    """
    if not windows or visits == 0:
        return at + each * visits
    found = (_ended_within(_ahead(windows, at, far), at, visits, each, need) for far in _FAR)
    return next((end for end in found if end is not None), None)


def problems(pool: Pool) -> Iterator[tuple[int, str]]:
    """Windows in which no visit could ever begin, by their number, with what was expected of them."""
    need = pool.drain.deadline + pool.visit_budget + BEGIN_WITHIN
    for number, window in enumerate(pool.windows):
        alike = [_by_the_clock(w) for w in pool.windows if w.zone == window.zone]
        first = next(_all([_by_the_clock(window)], *_WEEK))
        longest = max(s.closes - s.opens for s in spans(alike, *_WEEK) if s.opens <= first.opens < s.closes)
        if longest < need:
            within = f"{_hours(BEGIN_WITHIN)} to begin in"
            wanted = f"expected at least {_hours(need)}, the drain deadline, the visit budget and {within}"
            yield number, f"{wanted}; {window} is {_hours(longest)} long"


def _ended_within(ahead: Iterator[Span], at: Moment, visits: int, each: timedelta, need: timedelta) -> Moment | None:
    for span in ahead:
        start = max(at, span.opens)
        room = span.closes - start - need
        if room < timedelta(0):
            continue
        fit = visits if each <= timedelta(0) else min(visits, room // each + 1)
        visits -= fit
        at = start + each * fit  # the last may end after its window, and even in the next one
        if visits == 0:
            return at
    return None


def _ahead(windows: Sequence[Window], at: Moment, far: timedelta) -> Iterator[Span]:
    """Open stretches that end after a moment and open before it is as far away."""
    since = _EPOCH + (at - _EPOCH) // _FAR[0] * _FAR[0]
    return (s for s in _known(tuple(windows), since, since + _FAR[0] + far) if s.closes > at and s.opens < at + far)


@lru_cache(maxsize=128)
def _known(windows: tuple[Window, ...], since: Moment, until: Moment) -> tuple[Span, ...]:
    """`spans`, kept: one decision asks for the same ones thousands of times, and clocks are slow to read."""
    return tuple(spans(windows, since, until))


def _by_the_clock(window: Window) -> Window:
    """The window where no clock ever jumps."""
    return window.model_copy(update={"zone": "UTC"})


def waits_for_window(pool: Pool, now: Moment, need: timedelta) -> str:
    """Why work of this length may not begin now, and when it may; empty when it may."""
    opens = begin(pool.windows, now, need)
    if opens == now:
        return ""
    closes = closing(pool.windows, now)
    why = f"outside pool {pool.name}'s windows"
    if closes is not None:
        why = f"pool {pool.name}'s window closes at {clock(pool, closes)}, too early for {_hours(need)}"
    if opens is None:
        return f"{why}; none of them is ever long enough for {_hours(need)}"
    return f"{why}; the next one opens at {clock(pool, opens)}"


def clock(pool: Pool, moment: Moment) -> str:
    """A moment as the clocks of the pool's first window show it."""
    zone = ZoneInfo(pool.windows[0].zone)
    return f"{moment.astimezone(zone):%a %Y-%m-%d %H:%M} {pool.windows[0].zone}"


def _hours(length: timedelta) -> str:
    minutes = -(-length // _MINUTE)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m"


def _all(windows: Sequence[Window], since: Moment, until: Moment) -> Iterator[Span]:
    """Every opening of every window from the day of `since` to that of `until`, as long as it is not skipped whole."""
    weekdays = list(Weekday)
    for window in windows:
        zone, opens = ZoneInfo(window.zone), minutes_of(window.opens)
        day, last = since.astimezone(zone).date(), until.astimezone(zone).date()
        while day <= last:
            if weekdays[day.weekday()] in window.days:
                midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001  (by the wall clock)
                span = Span(_instant(midnight, opens, zone), _instant(midnight, opens + window.minutes, zone))
                if span.opens < span.closes:
                    yield span
            day += _DAY


def _instant(midnight: datetime, minutes: int, zone: ZoneInfo) -> Moment:
    """The first instant at which the zone's clock shows so many minutes after midnight, or more."""
    wall = midnight + timedelta(days=minutes // DAY_MINUTES, minutes=minutes % DAY_MINUTES)
    found = wall.replace(tzinfo=zone).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall:
        return found
    # Skipped: the instant of the jump lies between what the offsets after and before it make of the time.
    low = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    high = found
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        low, high = (low, middle) if middle.astimezone(zone).replace(tzinfo=None) >= wall else (middle, high)
    return high.replace(microsecond=0)
