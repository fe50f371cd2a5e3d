"""A `Remote` whose every host is this machine: for tests of programs that need no other."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Mapping, Sequence

from fleet.models.command import CommandResult


class LocalRemote:
    """Runs commands here, and remembers which."""

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        self._env = {**os.environ, **(env or {}), "LC_ALL": "C.UTF-8"}
        self.ran: list[tuple[str, ...]] = []

    async def run(self, host: str, argv: Sequence[str], within: float, stdin: bytes = b"") -> CommandResult:
        """See the port."""
        began = time.monotonic()
        self.ran.append(tuple(argv))
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, stdout=-1, stderr=-1, stdin=-3, env=self._env, start_new_session=True
            )
        except FileNotFoundError as error:
            return CommandResult(argv=tuple(argv), status=127, stdout="", stderr=str(error), seconds=0)
        out, err, status = b"", b"", None
        try:
            async with asyncio.timeout(within):
                out, err = await process.communicate()
                status = process.returncode
        except TimeoutError:
            pass
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        return CommandResult(
            argv=tuple(argv),
            status=None if status is None or status < 0 else status,
            stdout=out.decode(errors="replace"),
            stderr=err.decode(errors="replace"),
            seconds=time.monotonic() - began,
        )

    async def close(self) -> None:
        """Nothing is open."""
