"""Where and when a job ran: squeue while Slurm remembers the job, then its accounting.

Seen on 22.05.8: squeue lists a job with its nodes until `MinJobAge` (300 s) after its end, and tells of a running one
the end that its limit sets; a job that never got nodes has none; sacct without a database says that it is disabled.
"""

import re
from datetime import UTC, datetime

from drivers.slurm.answers import Record, records
from drivers.slurm.command import SlurmCommand, failure
from drivers.slurm.jobs import job_id
from drivers.slurm.states import job_state
from fleet import hostlist
from fleet.errors import BadAnswer, InvalidInput, Refused
from fleet.models.scheduler import JobRun, JobState

_ID = re.compile(r"^[0-9]{1,10}(_[0-9]{1,10})?$")
_FIELDS = "Start,End,NodeList"
_NO_ACCOUNTING = "accounting storage is disabled"


async def job_run(slurm: SlurmCommand, job: str) -> JobRun:
    """The last run of a job. Raises `Refused` when it never started or nobody remembers it."""
    if not _ID.fullmatch(job):
        raise InvalidInput("job", "", f"expected a job id such as 123 or 123_4, found {job[:40]!r}")
    listed = records(await slurm.answer("squeue", "--all", "--json"), "jobs", "squeue --json")
    found = next((record for record in listed if job_id(record) == job), None)
    return _from_squeue(found, job) if found is not None else await _from_accounting(slurm, job)


def _from_squeue(record: Record, job: str) -> JobRun:
    hosts, started = _hosts(record.text("nodes"), job), record.number("start_time")
    holds = job_state(record.words("job_state")) is not JobState.OTHER
    if not hosts or not started:
        raise Refused(f"job {job} has not run on any host yet")
    ended = None if holds else record.number("end_time")
    if not holds and not ended:
        raise BadAnswer(f"{record.what}: expected 'end_time' of a job that has ended, found none")
    return JobRun(id=job, hosts=hosts, started=_at(started), ended=_at(ended) if ended else None, source="scheduler")


async def _from_accounting(slurm: SlurmCommand, job: str) -> JobRun:
    argv = ("sacct", "--noheader", "--parsable2", "--allocations", f"--jobs={job}", f"--format={_FIELDS}")
    done = await slurm.run(*argv)
    if done.rc != 0:
        if _NO_ACCOUNTING in done.err + done.out:
            raise Refused(f"job {job} is no longer listed by squeue, and this Slurm keeps no accounting")
        raise failure(argv, done)
    lines = [line for line in done.out.splitlines() if line.strip()]
    if not lines:
        raise Refused(f"neither squeue nor sacct knows job {job}")
    fields = lines[-1].split("|")
    if len(fields) != _FIELDS.count(",") + 1:
        raise BadAnswer(f"sacct: expected {_FIELDS}, found {lines[-1][:200]!r}")
    start, end, nodes = fields
    if not start.isdecimal():
        raise Refused(f"job {job} has not run on any host yet")
    ended = _at(int(end)) if end.isdecimal() else None
    return JobRun(id=job, hosts=_hosts(nodes, job), started=_at(int(start)), ended=ended, source="accounting")


def _hosts(text: str, job: str) -> tuple[str, ...]:
    try:
        return hostlist.expand(text)
    except ValueError as error:
        raise BadAnswer(f"job {job}: expected its nodes to be a hostlist: {error}") from error


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
