"""Installs hosts anew by the site's own program, which runs on the worker's machine.

It is started in a session of its own, under coreutils' `timeout`, and writes to a file: a worker that dies leaves it
running to its end, since half a reinstallation is worse than one that nobody waits for.
"""

import asyncio
import math
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from drivers.ssh.output import Kept
from fleet.errors import Refused
from fleet.models.base import HOST_PATTERN
from fleet.models.command import CommandResult
from fleet.models.ladder import ReimageHook
from fleet.ports.fence import Fence

OUTPUT = 16 * 1024
"""Bytes kept of what it says."""
ENVIRONMENT = ("PATH", "HOME", "LANG")
"""Variables of the worker that it is given in any case; others may hold secrets that it could print."""
_GRACE = 10
_POLL = 0.2
_TIMED_OUT = (124, 137)
_HOST = re.compile(HOST_PATTERN)


class ReimageProgram:
    """The program of `repair.reimage`. What it says goes to a file under `data` while it runs."""

    def __init__(self, hook: ReimageHook, data: Path) -> None:
        self._hook, self._data = hook, data
        self._running: set[subprocess.Popen[bytes]] = set()

    def still_running(self) -> int:
        """How many of its programs run, those that nobody waits for any more too."""
        self._running = {process for process in self._running if process.poll() is None}
        return len(self._running)

    async def run(self, host: str, fence: Fence) -> CommandResult:
        """Run it for a host, to its end; status None: its time was over. `Refused` when it can't be started."""
        if not _HOST.fullmatch(host):
            raise Refused(f"expected a host name, found {host[:80]!r}")
        argv, limit = self._hook.words(host), math.ceil(self._hook.limit.total_seconds())
        output = await asyncio.to_thread(self._file, host)
        try:
            await fence()
            began = time.monotonic()
            process = await asyncio.to_thread(_start, argv, limit, output, self._hook.environment)
            self.still_running()
            self._running.add(process)
            status = await _ended(process)
            seconds = time.monotonic() - began
            said = await asyncio.to_thread(_tail, output)
        finally:
            await asyncio.to_thread(output.unlink, missing_ok=True)
        late = status in _TIMED_OUT and seconds >= limit
        return CommandResult(
            argv=argv, status=None if late else status, stdout=said, stderr="", seconds=round(seconds, 3)
        )

    def _file(self, host: str) -> Path:
        folder = self._data / "reimage"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle, path = tempfile.mkstemp(prefix=f"{host}-", suffix=".log", dir=folder)
        except OSError as error:
            raise Refused(f"repair.reimage: its output can't be kept in {folder}: {error}") from error
        os.close(handle)
        return Path(path)


def _start(argv: tuple[str, ...], limit: int, output: Path, environment: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """The program, in its own session."""
    given = {name: os.environ[name] for name in (*ENVIRONMENT, *environment) if name in os.environ}
    command = ("timeout", "-k", str(_GRACE), str(limit), *argv)
    with output.open("wb") as file:
        try:
            return subprocess.Popen(  # noqa: S603 - an argument list of the fleet file, never a shell
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True, env=given
            )
        except OSError as error:
            raise Refused(f"repair.reimage: {argv[0]} can't be started: {error}") from error


async def _ended(process: "subprocess.Popen[bytes]") -> int:
    """Its exit status; 128 and the signal for one that a signal ended. Who is cancelled leaves it running."""
    while True:
        status = process.poll()
        if status is not None:
            return status if status >= 0 else 128 - status
        await asyncio.sleep(_POLL)


def _tail(output: Path) -> str:
    kept = Kept(OUTPUT)
    with output.open("rb") as file:
        while data := file.read(1 << 16):
            kept.add(data)
    return kept.text()
