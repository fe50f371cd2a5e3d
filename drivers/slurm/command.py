"""Running one Slurm command: by argument list, in a bounded time, its failure told as an error of the tree.

Variables that change what Slurm's commands show (SQUEUE_STATES, SLURM_CLUSTERS …) are not passed on.
"""

import asyncio
import contextlib
import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path

from drivers.slurm.answers import says_away
from fleet.errors import BadAnswer, DriverError, Refused, Unreachable

_SHOWN = 300
_CHANGES_ANSWERS = re.compile(r"^(SLURM|SQUEUE|SINFO|SCANCEL|SCONTROL|SBATCH)_")
_KEPT = {"SLURM_CONF", "SLURM_JWT", "SLURM_CONF_SERVER"}
_NO = ("invalid node name", "permission denied", "invalid user id", "access denied")
_NODE_UNKNOWN = re.compile(r"^Node \S+ not found", re.MULTILINE)
_VERSION = re.compile(r"\b(\d{2})\.(\d{2})(?:\.\d+)?\b")


@dataclass(frozen=True)
class Done:
    """A command that ran to its end."""

    rc: int
    out: str
    err: str


class SlurmCommand:
    """Runs Slurm's commands, for one cluster. `timeout` is in seconds."""

    def __init__(self, conf: str | None, folder: str | None, timeout: float) -> None:
        self._conf, self._folder, self._timeout = conf, folder, timeout

    async def answer(self, *argv: str) -> str:
        """Stdout of a command that succeeded. Raises `Unreachable`, `Refused` or `BadAnswer`."""
        done = await self.run(*argv)
        if done.rc != 0:
            raise failure(argv, done)
        return done.out

    async def run(self, *argv: str) -> Done:
        """Run a command to its end, whatever that is. Raises `Unreachable` when it can't run or takes too long."""
        program = str(Path(self._folder) / argv[0]) if self._folder else argv[0]
        try:
            process = await asyncio.create_subprocess_exec(
                program,
                *argv[1:],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise Unreachable(f"{argv[0]} can't be run: {error}") from error
        try:
            async with asyncio.timeout(self._timeout):
                out, err = await process.communicate()
        except TimeoutError as error:
            raise Unreachable(f"{_told(argv)}: no answer within {self._timeout:g} s") from error
        finally:
            if process.returncode is None:
                await _end(process)
        return Done(process.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace"))

    async def version(self) -> tuple[int, int]:
        """(year, month) of the installed Slurm; asks no controller. Raises `BadAnswer` when it tells none."""
        said = await self.answer("scontrol", "--version")
        found = _VERSION.search(said)
        if found is None:
            raise BadAnswer(f"scontrol --version: expected a version such as 'slurm 23.11.4', found {said[:_SHOWN]!r}")
        return int(found[1]), int(found[2])

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k in _KEPT or not _CHANGES_ANSWERS.match(k)}
        return kept | {"LC_ALL": "C", "SLURM_TIME_FORMAT": "%s"} | ({"SLURM_CONF": self._conf} if self._conf else {})


def failure(argv: tuple[str, ...], done: Done) -> DriverError:
    """What a command's failure means."""
    said = (done.err.strip() or done.out.strip())[:_SHOWN]
    message = f"{_told(argv)}: rc {done.rc}: {said or 'without a word'}"
    if says_away(said):
        return Unreachable(message)
    if any(sign in said.lower() for sign in _NO) or _NODE_UNKNOWN.search(said):
        return Refused(message)
    return BadAnswer(message)


def _told(argv: tuple[str, ...]) -> str:
    return " ".join(argv)[:120]


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill a command with all that it started, and reap it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
