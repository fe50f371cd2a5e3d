"""When a timetable can't keep its due dates: which, and what would help, computed and not guessed.

Each help is enough by itself while everything else stays as it is.
"""

from collections.abc import Sequence
from datetime import timedelta
from math import ceil, inf
from typing import NamedTuple

import numpy as np

from fleet.models.base import Moment
from fleet.models.facts import TrainFacts
from fleet.models.pool import MOST_HOSTS
from fleet.models.timetable import PlannedVisit
from fleet.policy.timetable_calendar import Calendar
from fleet.policy.timetable_exact import Remaining
from fleet.policy.timetable_words import length

_ENOUGH = 1.0
"""Seconds to which a length is told exactly."""


class Trouble(NamedTuple):
    """A timetable and what it was made from."""

    facts: TrainFacts
    left: Remaining
    calendar: Calendar
    begins: float
    opened_at: Moment
    visits: tuple[PlannedVisit, ...]
    homeless: tuple[str, ...]


def at_risk(trouble: Trouble) -> str:
    """Which due dates can't be kept; empty when all can."""
    late = [v for v in trouble.visits if v.slack_seconds < 0]
    if not late and not trouble.homeless:
        return ""
    count = len(trouble.visits) + len(trouble.homeless)
    words = []
    if late:
        worst = min(late, key=lambda v: v.slack_seconds)
        due = worst.due.isoformat(sep=" ", timespec="seconds")
        words.append(
            f"{len(late)} of {count} visits end after their due date {due}, "
            f"{worst.domain} by {length(-worst.slack_seconds)}"
        )
    if trouble.homeless:
        words.append(f"the pool's windows have no room for {len(trouble.homeless)} of {count} domains")
    return "; ".join(words)


def helps(trouble: Trouble, hosts: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """What would let all due dates be kept. `hosts`: of each domain that is left."""
    if not at_risk(trouble):
        return ()
    facts, count = trouble.facts, len(trouble.left.due)
    each, due = float(trouble.left.length.max()), float(trouble.left.due.max())
    found = [_without_avoidance(trouble, each, due, count)]
    shorter = _longest_visit(trouble.calendar, trouble.begins, due, count, each)
    if shorter >= max(_ENOUGH, facts.pool.notice.total_seconds()):  # jobs of the next stop have that long to know
        found.append(f"visits of {length(shorter)} at most (today {length(each)})")
    fit = _fit(trouble.calendar, trouble.begins, due, each, count)
    size = ceil(sum(map(len, hosts)) / fit) if fit else inf
    if size <= MOST_HOSTS:
        largest = max(map(len, hosts))
        found.append(f"from the next cycle on: domains of {size} hosts (today up to {largest}), in {fit} visits")
    found.append(_more_windows(trouble, each, due, count, fit))
    if not trouble.homeless:
        last = max(v.end for v in trouble.visits)
        bound = (last - trouble.opened_at).total_seconds()
        found.append(f"a cycle bound of {length(ceil(bound / 60) * 60)} (today {length(_seconds(facts))})")
    return tuple(words for words in found if words)


def _seconds(facts: TrainFacts) -> float:
    return facts.pool.cycle_bound.total_seconds()


def _fit(calendar: Calendar, begins: float, due: float, each: float, most: int) -> int:
    """How many visits of a length end by the due date."""
    ends = calendar.slots(begins, each, most) + each
    return int((ends <= due).sum())


def _longest_visit(calendar: Calendar, begins: float, due: float, count: int, today: float) -> float:
    """The greatest length at which so many visits end by the due date, to a second below; 0 when none does."""
    low, high = 0.0, today
    while high - low > _ENOUGH:
        middle = (low + high) / 2
        low, high = (middle, high) if _fit(calendar, begins, due, middle, count) >= count else (low, middle)
    return float(int(low))


def _without_avoidance(trouble: Trouble, each: float, due: float, count: int) -> str:
    """Whether it is the dates granted to jobs that make visits late."""
    avoided = [name for name, until in trouble.facts.avoided.items() if until > trouble.facts.now]
    if not avoided or _fit(trouble.calendar, trouble.begins, due, each, count) < count:
        return ""
    return f"visiting {', '.join(sorted(avoided))} before the dates that their jobs were granted"


def _more_windows(trouble: Trouble, each: float, due: float, count: int, fit: int) -> str:
    """How much longer windows would have to be open, if windows are what is short."""
    windows = trouble.facts.pool.windows
    if not windows or _fit(Calendar(), trouble.begins, due, each, count) < count:
        return ""
    if not fit:
        return "windows that open before the due date"
    opens, last = np.array(trouble.calendar.opens), np.array(trouble.calendar.last)
    before = (opens <= due) & (last >= trouble.begins)
    need = trouble.facts.pool.drain.deadline + trouble.facts.pool.visit_budget
    hours = (np.minimum(last[before] + need.total_seconds(), due) - np.maximum(opens[before], trouble.begins)).sum()
    more = timedelta(seconds=float(hours) / fit * (count - fit))
    return f"about {length(more.total_seconds())} more of windows until the due date"
