"""What becomes of avoidances that were granted: they end with their date or their job, and are renegotiated when the
cycle bound can't be met with them, the cycle ends later than it does anyway, or they reach beyond its due date: the
last one granted gives way first, to an earlier date if that is enough. What gave way in vain stays.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta

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


def notes_of(rows: Iterable[Avoidance], jobs: Mapping[str, Job]) -> dict[str, str]:
    """Job: what is written on it about its last request, as the train of every pool with hosts of it has answered.
    `rows`: the oldest first.
    """
    requests: dict[str, list[Avoidance]] = {}
    last: dict[str, str] = {}
    for row in rows:
        if row.ask.job:
            # An id ends with its pool.
            last[row.ask.job] = request = row.id.rpartition("/")[0] or row.id
            requests.setdefault(request, []).append(row)
    return {job: note_of(requests[request], jobs.get(job)) for job, request in last.items()}


def note_of(answers: Sequence[Avoidance], job: Job | None = None) -> str:
    """One line, of characters that every command line takes. Where an answer is not about all hosts of the job, each is
    told with its pool, first what does not stand. A note that says as much and more stays: a refusal is read for a
    while only, and holds for longer.
    """
    hosts = set() if job is None else set(job.hosts)
    if len(answers) == 1 and hosts <= set(answers[0].ask.hosts):
        return plain_note(f"{answers[0].state}: {answers[0].reason}")
    parts = sorted(answers, key=lambda row: (row.state is AvoidanceState.GRANTED, row.ask.pool))
    untold = hosts.difference(*(row.ask.hosts for row in answers))
    if job is not None and untold and all(_plain(part) in job.note for part in _shares(parts, len(parts) + 1)):
        return job.note
    return plain_note("; ".join(_shares(parts, len(parts))))


def plain_note(words: str) -> str:
    """A note of ours, made plain and short."""
    return f"{_PREFIX} {_plain(words)}"[:_LONGEST_NOTE].rstrip()


def _plain(words: str) -> str:
    return "".join(c if c in _PLAIN else " " for c in words).rstrip()


def _shares(answers: Sequence[Avoidance], count: int) -> list[str]:
    """Each answer with its pool, as a note has room for it beside others."""
    share = (_LONGEST_NOTE - len(_PREFIX)) // count - len("; ")
    return [f"{row.ask.pool}: {row.state}: {row.reason}"[:share] for row in answers]


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
    """Whether the cycle ends in time with these dates, or no later than without any where it is late all the same, and
    none is beyond its due date, to which the train holds no visit back; None where no cycle is open.
    """
    cycle = train.cycle
    if cycle is None:
        return None
    due, alone = cycle.due_at, finish(train, (d.domain.name for d in left(cycle)), {})

    def enough(facts: TrainFacts, avoided: Mapping[str, Moment]) -> bool:
        if max(avoided.values(), default=due) > due:
            return False
        # Where no end is in sight, nothing more that is taken back would help.
        return alone is None or keeps_bound(facts, avoided, by=max(due, alone))

    return enough


def _beside(facts: AvoidanceFacts, kept: Mapping[str, Avoidance], key: str) -> dict[str, Moment]:
    """What others keep."""
    others = (row for row in kept.values() if row.id != key)
    return avoided_domains(facts.train.cycle, others, facts.train.now)


def _taken_back(facts: AvoidanceFacts, row: Avoidance, date: Moment, others: Mapping[str, Moment]) -> AvoidanceChange:
    train, cycle = facts.train, facts.train.cycle
    due = f"the cycle is due at {moment(cycle.due_at)}" if cycle is not None else "its cycle is over"
    beyond = cycle is not None and row.until is not None and row.until > cycle.due_at
    why = f"{due}, and what is left to visit takes longer than it did"
    if beyond:
        why = f"{due}, beyond which no visit is put off"
    if date - train.now < timedelta(seconds=1):
        planned = expected(train, row.ask.hosts, others)
        reason = f"taken back, {why}; {planned_words(planned)}"
        return AvoidanceChange(id=row.id, state=AvoidanceState.REVOKED, planned=planned, reason=reason)
    mine = {d.domain.name: date for d in due_with(cycle, row.ask.hosts)}
    planned = expected(train, row.ask.hosts, {**mine, **{n: max(at, mine.get(n, at)) for n, at in others.items()}})
    reason = f"kept away until {moment(date)} only, {why}; {planned_words(planned)}"
    return AvoidanceChange(id=row.id, state=AvoidanceState.GRANTED, until=date, planned=planned, reason=reason)
