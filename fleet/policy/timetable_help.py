"""When a timetable can't keep its due dates: which, and what would help, computed and not guessed.

Each help is enough by itself while everything else stays as it is, in this cycle or from the next one on, as it says.
Visits of one length that go as soon as they may end soonest in the order of the dates before which they may not begin,
so that order tells what is enough.
"""

from collections.abc import Sequence
from math import ceil, inf
from typing import NamedTuple

import numpy as np

from fleet.models.base import Moment
from fleet.models.facts import TrainFacts
from fleet.models.pool import MOST_HOSTS
from fleet.models.timetable import PlannedVisit
from fleet.policy.limits import problems
from fleet.policy.timetable_calendar import Calendar, Floats
from fleet.policy.timetable_exact import Remaining
from fleet.policy.timetable_words import length

_COARSE = 600
"""Seconds from which on lengths are told in minutes."""


class Trouble(NamedTuple):
    """A timetable and what it was made from."""

    facts: TrainFacts
    left: Remaining
    calendar: Calendar
    begins: float
    unasked: Floats
    """Before which each domain may not begin, were no dates granted to jobs."""
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
    found = [
        _without_avoidance(trouble),
        _shorter_visits(trouble),
        _larger_domains(trouble, [len(h) for h in hosts]),
        _more_windows(trouble),
        _longer_bound(trouble),
    ]
    return tuple(words for words in found if words)


class _Visits(NamedTuple):
    """Visits to come: all of one length and with one due date, each not before its own moment."""

    calendar: Calendar
    begins: float
    due: float
    earliest: Floats

    @classmethod
    def of(cls, trouble: Trouble) -> "_Visits":
        return cls(trouble.calendar, trouble.begins, float(trouble.left.due.max()), trouble.left.earliest)

    def fit(self, each: float) -> int:
        """How many of them end by the due date if each takes so long."""
        if (self.earliest <= self.begins).all():
            ends = self.calendar.slots(self.begins, each, len(self.earliest)) + each
            return int((ends <= self.due).sum())
        at, count = self.begins, 0
        for earliest in np.sort(self.earliest).tolist():
            at = self.calendar.begin(max(at, earliest)) + each
            if at > self.due:
                break
            count += 1
        return count

    def enough(self, each: float) -> bool:
        """Whether all of them do."""
        return self.fit(each) == len(self.earliest)


def _each(trouble: Trouble) -> float:
    """How long a visit takes today."""
    return float(trouble.left.length.max())


def _shorter_visits(trouble: Trouble) -> str:
    visits, today = _Visits.of(trouble), _each(trouble)
    low, high = 0, ceil(today)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if visits.enough(middle) else (low, middle)
    shorter = low if low < _COARSE else low // 60 * 60
    # Jobs of the next stop have that long to know.
    if shorter < max(1.0, trouble.facts.pool.notice.total_seconds()):
        return ""
    words = length(shorter)
    return f"visits of {words} at most (today {length(today)})" if words != length(today) else ""


def _larger_domains(trouble: Trouble, hosts: Sequence[int]) -> str:
    """The smallest domains, larger than today's, whose visits fit; one may not begin before all of its hosts may."""
    each, total, largest = _each(trouble), sum(hosts), max(hosts)
    may = np.repeat(trouble.left.earliest, hosts)

    def joined(count: int) -> _Visits:
        size = -(-total // count)
        return _Visits.of(trouble)._replace(earliest=np.maximum.reduceat(may, np.arange(0, total, size)))

    low, high = 0, -(-total // largest)  # with fewer than `high` visits domains are larger than today's
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if joined(middle).enough(each) else (low, middle)
    size = -(-total // low) if low else inf
    if size > MOST_HOSTS or size <= largest:
        return ""
    words = f"from the next cycle on: domains of {size} hosts (today up to {largest}), in {-(-total // size)} visits"
    return f"{words}{_promised_otherwise(trouble.facts, int(size))}"


def _promised_otherwise(facts: TrainFacts, size: int) -> str:
    """What else a fleet file with domains of this size must change, or it is refused."""
    members = sum(not host.decommissioned for host in facts.hosts)
    spec = facts.pool.domain.model_copy(update={"size": size})
    wrong = problems(facts.pool.model_copy(update={"domain": spec}), members) if members else ()
    fields = dict.fromkeys(sentence.partition(":")[0] for sentence in wrong)
    return f", with another {' and another '.join(fields)}" if fields else ""


def _without_avoidance(trouble: Trouble) -> str:
    """Whether it is the dates granted to jobs that make visits late."""
    avoided = [name for name, until in trouble.facts.avoided.items() if until > trouble.facts.now]
    if not avoided or not _Visits.of(trouble)._replace(earliest=trouble.unasked).enough(_each(trouble)):
        return ""
    return f"visiting {', '.join(sorted(avoided))} before the dates that their jobs were granted"


def _more_windows(trouble: Trouble) -> str:
    """How much longer windows would have to be open, if windows are what is short."""
    visits, each = _Visits.of(trouble), _each(trouble)
    if not trouble.facts.pool.windows or not visits._replace(calendar=Calendar()).enough(each):
        return ""
    fit, count = visits.fit(each), len(visits.earliest)
    if not fit:
        return "windows that open before the due date"
    opens, last = np.array(trouble.calendar.opens), np.array(trouble.calendar.last)
    before = (opens <= visits.due) & (last >= trouble.begins)
    need = (trouble.facts.pool.drain.deadline + trouble.facts.pool.visit_budget).total_seconds()
    hours = (np.minimum(last[before] + need, visits.due) - np.maximum(opens[before], trouble.begins)).sum()
    return f"about {length(float(hours) / fit * (count - fit))} more of windows until the due date"


def _longer_bound(trouble: Trouble) -> str:
    if trouble.homeless:
        return ""
    last, due = max(v.end for v in trouble.visits), max(v.due for v in trouble.visits)
    bound = ceil((last - trouble.opened_at).total_seconds() / 60) * 60
    cycle = trouble.facts.cycle
    # An open cycle keeps its due date, whatever is loaded.
    later = ", from the next cycle on" if cycle is not None and cycle.closed_at is None else ""
    return f"a cycle bound of {length(bound)} (today {length((due - trouble.opened_at).total_seconds())}){later}"
