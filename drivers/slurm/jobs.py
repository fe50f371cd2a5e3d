"""Slurm's jobs: `squeue --json` of any version as `Job`s.

Pure: text to models, `BadAnswer` for what can't be believed. squeue lists finished jobs too, with their nodes; they
hold nothing.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from drivers.slurm.answers import Record, records
from drivers.slurm.ends import job_end
from drivers.slurm.states import job_state
from fleet import hostlist
from fleet.errors import BadAnswer
from fleet.models.scheduler import Job, JobEnd, JobKind, JobState

_NEVER = 2**32 - 2
"""Slurm's own word for no end."""
_hosts = lru_cache(maxsize=16_384)(hostlist.expand)
"""Most jobs run where they ran when they were listed last, and names that are the same are told to be so at once."""


def parse_jobs(answer: str, source: str) -> dict[str, Job]:
    """Every job of a JSON answer, by id. None at all is a quiet cluster."""
    return parse_jobs_and_ends(answer, source)[0]


def parse_jobs_and_ends(answer: str, source: str) -> tuple[dict[str, Job], tuple[JobEnd, ...]]:
    """Every job of a JSON answer, by id, and the ends of those that have ended on some host."""
    jobs: dict[str, Job] = {}
    ends: list[JobEnd] = []
    for record in records(answer, "jobs", source):
        job = _job(record)
        if job.id in jobs:
            raise BadAnswer(f"{record.what}: expected each job once, found {job.id!r} again")
        jobs[job.id] = job
        end = None if job.holds else job_end(record, job)
        if end is not None:
            ends.append(end)
    return jobs, tuple(ends)


def _job(record: Record) -> Job:
    its_id = job_id(record)
    record.what = f"{record.what} ({its_id})"
    words = record.words("job_state")
    if not words:
        raise BadAnswer(f"{record.what}: expected 'job_state' to name a state, found none")
    state = job_state(words)
    try:
        hosts = _hosts(record.text("nodes"))
    except ValueError as error:
        raise BadAnswer(f"{record.what}: expected 'nodes' to be a hostlist: {error}") from error
    if state in (JobState.RUNNING, JobState.SUSPENDED) and not hosts:
        raise BadAnswer(f"{record.what}: expected a {state.value} job to name its nodes, found none")
    listed = _Listed(
        its_id,
        record.text("name"),
        record.text("user_name"),
        state,
        _kind(record),
        hosts,
        record.count("restart_cnt"),
        record.text("comment"),
        record.text("admin_comment") if record.has("admin_comment") else "",
        record.number("end_time") if state is JobState.RUNNING and record.has("end_time") else None,
    )
    return _made(listed)


class _Listed(NamedTuple):
    """What squeue tells of a job."""

    id: str
    name: str
    user: str
    state: JobState
    kind: JobKind
    hosts: tuple[str, ...]
    restarts: int
    comment: str
    note: str
    end: int | None


@lru_cache(maxsize=32_768)
def _made(listed: _Listed) -> Job:
    """A job that is as it was when it was listed last is the very same object, which who compares looks sees at once;
    and most are.
    """
    return Job(
        id=listed.id,
        name=listed.name,
        user=listed.user,
        state=listed.state,
        kind=listed.kind,
        hosts=listed.hosts,
        restarts=listed.restarts,
        comment=listed.comment,
        note=listed.note,
        ends_by=_ends_by(listed.end),
    )


def _ends_by(told: int | None) -> datetime | None:
    """The end that a running job's limit sets. One without a limit is told to end in a year."""
    return datetime.fromtimestamp(told, UTC) if told is not None and 0 < told < _NEVER else None


def job_id(record: Record) -> str:
    """`ARRAY_TASK` for a started array task, else the job's number.

    The last task to start has the array's own number, which alone would name every task to scancel; and seen on
    22.05.8, `scancel` of any other task's own number does nothing and says rc 0.
    """
    number = record.count("job_id")
    array, task = record.number("array_job_id"), record.number("array_task_id")
    return f"{array}_{task}" if array and task is not None else str(number)


def _kind(record: Record) -> JobKind:
    if not record.flag("batch_flag"):
        return JobKind.INTERACTIVE
    return JobKind.REQUEUEABLE if record.flag("requeue") else JobKind.NOT_REQUEUEABLE
