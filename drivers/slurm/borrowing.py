"""An idle node held for a moment by a batch job of ours that sleeps.

The job carries its time limit and, until it starts, a deadline, so it ends, in line or running, with nobody alive to
end it. Seen on 22.05.8: with `--export=PATH` nothing else of our environment, where secrets are, goes with it; a new
job waits for the scheduler's next round, idle node or not.
"""

import asyncio
import logging
import math
import os
import pwd
import re
import time

from drivers.slurm import jobcontrol
from drivers.slurm.answers import says_away
from drivers.slurm.command import SlurmCommand, failure
from fleet.errors import BadAnswer, DriverError, InvalidInput, Refused, Unreachable
from fleet.ids import BORROW_JOB
from fleet.models.scheduler import ClusterView, Node
from fleet.ports.fence import Fence

_LOG = logging.getLogger(__name__)
_WHY = re.compile(r"^[A-Za-z0-9._:/#~@+-]{1,400}$")
_ID = re.compile(r"^([0-9]{1,10})(;\S*)?$")
_LOOK_AGAIN = 0.25
_COMING = ("PENDING", "CONFIGURING")
_FORGOTTEN = "invalid job id"


async def borrow(
    slurm: SlurmCommand, node: Node, why: str, limit: float, within: float, extra: tuple[str, ...], fence: Fence
) -> str | None:
    """Hold an idle node for `limit` seconds, rounded up to minutes; None unless the job starts `within` seconds."""
    if not _WHY.fullmatch(why):
        raise InvalidInput("why", "", f"expected an operation, found {why[:80]!r}")
    await fence()
    try:
        job = await _submit(slurm, node, why, max(1, math.ceil(limit / 60)), within, extra)
    except (Unreachable, asyncio.CancelledError):
        # It may be in line all the same.
        await asyncio.shield(asyncio.ensure_future(_cancel_nameless(slurm, node.name, why)))
        raise
    held = False
    try:
        held = await _starts(slurm, job, within) and await _alone(slurm, job, node.name)
    finally:
        if not held:
            await asyncio.shield(asyncio.ensure_future(jobcontrol.cancel(slurm, (job,))))
    return job if held else None


def named_ours(view: ClusterView) -> ClusterView:
    """The view with our own jobs told apart: anybody may use their name, and only we our user's."""
    me = _user()
    ours = {
        i: j.model_copy(update={"ours": True}) for i, j in view.jobs.items() if (j.name, j.user) == (BORROW_JOB, me)
    }
    return view.model_copy(update={"jobs": view.jobs | ours}) if ours else view


async def _submit(
    slurm: SlurmCommand, node: Node, why: str, minutes: int, within: float, extra: tuple[str, ...]
) -> str:
    argv = (
        "sbatch",
        "--parsable",
        "--exclusive",
        "--no-requeue",
        "--nodes=1",
        f"--nodelist={node.name}",
        f"--partition={','.join(node.partitions)}",
        f"--time={minutes}",
        f"--deadline=now+{minutes * 60 + math.ceil(within)}",
        f"--job-name={BORROW_JOB}",
        f"--comment={why}",
        "--export=PATH",
        "--chdir=/",
        "--input=/dev/null",
        "--output=/dev/null",
        *extra,
        f"--wrap=exec sleep {minutes * 60}",
    )
    done = await slurm.run(*argv)
    if done.rc != 0:
        said = failure(argv, done)
        raise (
            said if says_away(str(said)) else Refused(f"sbatch -w {node.name}: {(done.err or done.out).strip()[:300]}")
        )
    told = _ID.match(done.out.strip())
    if told is None:
        raise BadAnswer(f"sbatch --parsable: expected a job id, found {done.out[:80]!r}")
    return told[1]


async def _cancel_nameless(slurm: SlurmCommand, host: str, why: str) -> None:
    """End what `sbatch` may have left without telling its id; where that fails too, the job has its limits."""
    try:
        told = await slurm.answer("squeue", "-h", "-a", f"--user={_user()}", f"--name={BORROW_JOB}", "-o", "%A|%n|%k")
        mine = [line.partition("|")[0] for line in told.splitlines() if line.partition("|")[2] == f"{host}|{why}"]
        await jobcontrol.cancel(slurm, tuple(mine))
    except DriverError as error:
        _LOG.warning("a job on %s that may have been submitted is left to its limits: %s", host, error)


async def _starts(slurm: SlurmCommand, job: str, within: float) -> bool:
    """True once the job runs; False when it ended, or is still in line after `within` seconds."""
    deadline = time.monotonic() + within
    argv = ("squeue", "-h", "-j", job, "-o", "%T")
    while True:
        done = await slurm.run(*argv)
        if done.rc != 0 and _FORGOTTEN not in done.err.lower():
            raise failure(argv, done)
        state = done.out.strip()
        if state not in _COMING or time.monotonic() > deadline:
            return state == "RUNNING"
        await asyncio.sleep(_LOOK_AGAIN)


async def _alone(slurm: SlurmCommand, job: str, host: str) -> bool:
    """False where a partition shares its nodes whatever a job asks for."""
    states = "RUNNING,SUSPENDED,CONFIGURING,COMPLETING"
    return (await slurm.answer("squeue", "-h", "-a", "-w", host, "-t", states, "-o", "%A")).split() == [job]


def _user() -> str:
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
