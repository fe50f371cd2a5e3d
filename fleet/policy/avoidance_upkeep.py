"""What becomes of avoidances that were granted: they end with their date or their job, and are renegotiated when the
cycle bound can't be met with them, or the cycle ends later than it does anyway: the last one granted gives way first,
to an earlier date if that is enough. What gave way in vain stays.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial

from fleet.models.avoidance import Avoidance, AvoidanceChange, AvoidanceState
from fleet.models.base import Moment
from fleet.models.emergency import Emergency
from fleet.models.facts import AvoidanceFacts, TrainFacts
from fleet.models.observation import Observation
from fleet.models.scheduler import Job
from fleet.models.train import Cycle, DomainState
from fleet.policy.avoidance import moment, planned_words
from fleet.policy.avoidance_bound import avoided_domains, due_with, expected, finish, keeps_bound, latest, left

_PREFIX = "maintrain:"
_LONGEST_NOTE = 250
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._:;,/#@=+()-")


def renegotiated(facts: AvoidanceFacts) -> tuple[AvoidanceChange, ...]:
    """What is taken back so that the cycle bound is met again, or the cycle ends no later than it does anyway; nothing
    while it is so, and nothing that would not help.
    """
    train, now = facts.train, facts.train.now
    rows = sorted((r for r in facts.rows if r.stands(now) and due_with(train.cycle, r.ask.hosts)), key=_age)
    enough = _as_good_as_none(train) if rows else None
    if enough is None or enough(train, avoided_domains(train.cycle, rows, now)):
        return ()
    dates: dict[str, Moment] = {}
    kept = {row.id: row for row in rows}
    for row in reversed(rows):
        del kept[row.id]
        dates[row.id] = now
        others = avoided_domains(train.cycle, kept.values(), now)
        if not enough(train, others):
            continue
        assert row.until is not None, "a standing avoidance has its date"
        room = latest(train, row.ask.hosts, others, row.until, enough) or now
        # One visit earlier than what would just do: estimates waver, and nobody is to be told anew with each.
        dates[row.id] = max(now, room - timedelta(seconds=train.visit_seconds))
        kept[row.id] = row.model_copy(update={"until": dates[row.id]})
        break
    for row in (r for r in rows if r.id in dates and r.id not in kept):
        # It gave way before another did, and perhaps in vain.
        if enough(train, avoided_domains(train.cycle, [*kept.values(), row], now)):
            kept[row.id] = row
            del dates[row.id]
    by_id = {row.id: row for row in rows}
    return tuple(_taken_back(facts, by_id[key], date, _beside(facts, kept, key)) for key, date in dates.items())


def ended_by_time(rows: Iterable[Avoidance], now: Moment) -> tuple[AvoidanceChange, ...]:
    """Avoidances whose date has come."""
    over = (r for r in rows if r.state is AvoidanceState.GRANTED and not r.stands(now))
    return tuple(AvoidanceChange(id=r.id, state=AvoidanceState.ENDED, reason="its date has come") for r in over)


def ended_by_jobs(rows: Iterable[Avoidance], jobs: Mapping[str, Job]) -> tuple[AvoidanceChange, ...]:
    """Avoidances, and words that a job is ready, whose job no longer runs, or runs anew. `jobs` is a whole reading."""
    changes = []
    for row in rows:
        job = jobs.get(row.ask.job)
        if not row.open or not row.ask.job or (job is not None and job.holds and job.restarts == row.ask.restarts):
            continue
        state = AvoidanceState.ENDED if row.state is AvoidanceState.READY else AvoidanceState.WITHDRAWN
        why = "has ended" if job is None or job.restarts == row.ask.restarts else "was started anew"
        changes.append(AvoidanceChange(id=row.id, state=state, reason=f"job {row.ask.job} {why}"))
    return tuple(changes)


def ready_domains(cycle: Cycle | None, rows: Iterable[Avoidance], look: Observation | None) -> frozenset[str]:
    """Domains whose jobs, as last seen after their notice, have all said since that they may be visited now."""
    said = {r.ask.job: r.asked_at for r in rows if r.state is AvoidanceState.READY}
    if not said or look is None:
        return frozenset()
    found = set()
    for domain in left(cycle):
        at = domain.noticed_at
        if domain.state is not DomainState.NOTICED or at is None or look.began_at < at:
            continue
        jobs = {job for host in domain.domain.hosts if host in look.hosts for job in look.hosts[host].jobs}
        if jobs and all(job in said and said[job] >= at for job in jobs):
            found.add(domain.domain.name)
    return frozenset(found)


def note_of(row: Avoidance) -> str:
    """What is written on a job about its last request: one line, of characters that every command line takes."""
    return plain_note(f"{row.state}: {row.reason}")


def plain_note(words: str) -> str:
    """A note of ours, made plain and short."""
    return f"{_PREFIX} {''.join(c if c in _PLAIN else ' ' for c in words)}"[:_LONGEST_NOTE].rstrip()


def overruled_words(emergency: Emergency) -> str:
    """What a job is told whose hosts an emergency takes."""
    return f"{emergency.id} goes before what was granted, from {moment(emergency.begins_at)} on: {emergency.why}"


def may_note(job: Job) -> bool:
    """Whether a job's note is ours to write: somebody else's is never overwritten."""
    return not job.note or job.note.startswith(_PREFIX)


def _age(row: Avoidance) -> tuple[Moment, str]:
    """The oldest first."""
    return row.asked_at, row.id


def _as_good_as_none(train: TrainFacts) -> Callable[[TrainFacts, Mapping[str, Moment]], bool] | None:
    """Whether the cycle ends in time with these dates, or no later than without any where it is late all the same; None
    where no end is in sight, and nothing taken back would help.
    """
    alone = finish(train, (d.domain.name for d in left(train.cycle)), {})
    if train.cycle is None or alone is None:
        return None
    return partial(keeps_bound, by=max(train.cycle.due_at, alone))


def _beside(facts: AvoidanceFacts, kept: Mapping[str, Avoidance], key: str) -> dict[str, Moment]:
    """What others keep."""
    others = (row for row in kept.values() if row.id != key)
    return avoided_domains(facts.train.cycle, others, facts.train.now)


def _taken_back(facts: AvoidanceFacts, row: Avoidance, date: Moment, others: Mapping[str, Moment]) -> AvoidanceChange:
    train, cycle = facts.train, facts.train.cycle
    due = f"the cycle is due at {moment(cycle.due_at)}" if cycle is not None else "its cycle is over"
    why = f"{due}, and what is left to visit takes longer than it did"
    if date - train.now < timedelta(seconds=1):
        planned = expected(train, row.ask.hosts, others)
        reason = f"taken back, {why}; {planned_words(planned)}"
        return AvoidanceChange(id=row.id, state=AvoidanceState.REVOKED, planned=planned, reason=reason)
    mine = {d.domain.name: date for d in due_with(cycle, row.ask.hosts)}
    planned = expected(train, row.ask.hosts, {**mine, **{n: max(at, mine.get(n, at)) for n, at in others.items()}})
    reason = f"kept away until {moment(date)} only, {why}; {planned_words(planned)}"
    return AvoidanceChange(id=row.id, state=AvoidanceState.GRANTED, until=date, planned=planned, reason=reason)
