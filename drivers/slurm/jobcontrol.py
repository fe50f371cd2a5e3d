"""Telling, requeueing and cancelling jobs. A job that has ended meanwhile is no error.

Seen on 22.05.8: each command goes on to the next id after one that it can't serve and then says rc != 0, so every
line of its complaint is judged; `--signal` alone reaches a job's steps only, `--batch` its batch shell only.
"""

import re
from collections.abc import Iterator

from drivers.slurm.command import SlurmCommand, failure
from fleet.errors import InvalidInput, Refused

_ID = re.compile(r"^[0-9]{1,10}(_[0-9]{1,10})?$")
_SIGNAL = re.compile(r"^[A-Z][A-Z0-9]{1,9}$")
_NOTE = re.compile(r"^[A-Za-z0-9 ._:;,/#@=+()-]{1,250}$")
_AT_ONCE = 200

_ENDED = ("invalid job id", "already completing or completed", "already finished", "job not found")
_NOT_STARTED = ("can not be altered now", "pending execution")
_NOTHING = ("slurm_suspend error: no error",)
_HELD = ("JobHeldUser", "JobHeldAdmin")
_NO_BATCH_SHELL = ("job script not specified",)
_CANT_REQUEUE = ("presently disabled", "only batch jobs are accepted", "not permitted", "het job", "hetjob")


async def signal_jobs(slurm: SlurmCommand, jobs: tuple[str, ...], name: str) -> None:
    """Send a signal to batch shells and to steps. Raises `Unreachable`, `Refused` or `BadAnswer`."""
    if not _SIGNAL.fullmatch(name):
        raise InvalidInput("signal", "", f"expected a name such as USR1, found {name[:40]!r}")
    for some in _batches(jobs):
        for part in (["--batch"], []):
            await _run(slurm, ("scancel", f"--signal={name}", *part, *some), _ENDED + _NOT_STARTED + _NO_BATCH_SHELL)


async def note_on_job(slurm: SlurmCommand, job: str, note: str) -> None:
    """Set a job's admin comment, which its user can read and not write."""
    if not _NOTE.fullmatch(note):
        raise InvalidInput("note", "", f"expected a line of plain characters, found {note[:40]!r}")
    for (one,) in _batches((job,)):
        await _run(slurm, ("scontrol", "update", f"JobId={one}", f"AdminComment={note}"), _ENDED)


async def requeue(slurm: SlurmCommand, jobs: tuple[str, ...]) -> None:
    """Requeue jobs that hold hosts now: a completed one would run again.

    Raises `Refused` when one can't be requeued; the others are requeued all the same.
    """
    await _requeue(slurm, "requeue", jobs)


async def requeue_held(slurm: SlurmCommand, jobs: tuple[str, ...]) -> None:
    """As `requeue`, and they are held. One that is in line already is left as it is."""
    await _requeue(slurm, "requeuehold", jobs)


async def _requeue(slurm: SlurmCommand, verb: str, jobs: tuple[str, ...]) -> None:
    refused = []
    for some in _batches(jobs):
        try:
            await _run(slurm, ("scontrol", verb, ",".join(some)), _ENDED + _NOT_STARTED)
        except Refused as no:
            refused.append(str(no))
    if refused:
        raise Refused("; ".join(refused)[:300])


async def release(slurm: SlurmCommand, jobs: tuple[str, ...]) -> None:
    """Let jobs that were requeued held go on; one that is not held, or runs, is left as it is.

    `Refused` for one that somebody else holds. That shows only where they released it before: a hold beside that of a
    requeue leaves no trace.
    """
    theirs: list[str] = []
    for some in _batches(jobs):
        held = await _held_by_others(slurm, some)
        theirs += held
        ours = [job for job in some if job not in held]
        if ours:
            await _run(slurm, ("scontrol", "release", ",".join(ours)), _ENDED + _NOT_STARTED + _NOTHING)
    if theirs:
        raise Refused(f"job {', '.join(theirs)} is held by its user or by an operator")


async def _held_by_others(slurm: SlurmCommand, jobs: tuple[str, ...]) -> list[str]:
    """Those of the jobs that show a hold. One that was requeued held tells that instead, in words of its own."""
    argv = ("squeue", "-h", "-a", "-j", ",".join(jobs), "-o", "%i|%r")
    done = await slurm.run(*argv)
    if done.rc != 0 and _ENDED[0] not in done.err.lower():
        raise failure(argv, done)
    shown = (line.strip().partition("|") for line in done.out.splitlines())
    return [job for job, _, reason in shown if reason in _HELD]


async def cancel(slurm: SlurmCommand, jobs: tuple[str, ...]) -> None:
    """Cancel jobs."""
    for some in _batches(jobs):
        await _run(slurm, ("scancel", *some), _ENDED)


async def _run(slurm: SlurmCommand, argv: tuple[str, ...], harmless: tuple[str, ...]) -> None:
    done = await slurm.run(*argv)
    lines = [line for line in done.err.splitlines() if line.strip()]
    serious = [line for line in lines if not any(sign in line.lower() for sign in harmless)]
    if done.rc == 0 or (lines and not serious):
        return
    if serious and all(any(sign in line.lower() for sign in _CANT_REQUEUE) for line in serious):
        raise Refused("; ".join(line.strip() for line in serious)[:300])
    raise failure(argv, done)


def _batches(jobs: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for job in jobs:
        if not _ID.fullmatch(job):
            raise InvalidInput("job", "", f"expected a job id such as 123 or 123_4, found {job[:40]!r}")
    for start in range(0, len(jobs), _AT_ONCE):
        yield jobs[start : start + _AT_ONCE]
