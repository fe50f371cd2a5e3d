"""Commands on hosts by SSH: a `fleet.ports.remote.Remote`.

SSH carries a command as one string that the login shell reads, so an argument list is quoted to be read back as it was.
The host itself ends a command whose time is up (coreutils' `timeout`), and one that takes nothing in when its
connection goes: a measurement that a dead worker left behind would slow the one of its successor.
"""

import asyncio
import contextlib
import math
import shlex
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import asyncssh

from drivers.ssh.connections import Connections
from drivers.ssh.output import Kept
from fleet.errors import Refused, Unreachable
from fleet.models.command import CommandResult
from fleet.models.ssh import Ssh

KILL_AFTER = 5
"""Seconds between asking a command to end and killing it."""
_GRACE = 3.0
_TIMED_OUT = (124, 137)
_CHUNK = 65536
_ASKED_AGAIN, _ASK_PAUSE = 40, 0.05
_LEASH = (
    'exec 3<&0; { read -r end <&3; kill "$PPID"; } >/dev/null 2>&1 & leash=$!; trap : TERM; '
    '"$@" </dev/null 3<&-; status=$?; exec 2>/dev/null; kill "$leash"; exit $status'
)
"""What `timeout` runs for a command that takes nothing in: the end of stdin, which is ours to keep open, ends it. The
trap, which the leash must not have, keeps `timeout` waiting, so that it kills what does not heed it.
"""


class _Lost(Unreachable):
    """The connection went away under a command; whether that ran is not known."""


class SshRemote:
    """Hosts of one cluster. Relative paths of the key and of known_hosts are under `folder`."""

    def __init__(self, options: Ssh, folder: Path = Path()) -> None:
        self._options = options
        self._connections = Connections(options, folder)
        self._channels: dict[str, asyncio.Semaphore] = {}

    async def run(self, host: str, argv: Sequence[str], within: float, stdin: bytes = b"") -> CommandResult:
        """See the port. `Refused` for what is no host name or no argument list."""
        return (await self._run_once(host, argv, within, stdin))[0]

    async def read(self, host: str, argv: Sequence[str], within: float, stdin: bytes = b"") -> CommandResult:
        """As `run`, for commands that change nothing: repeated once when the connection is lost, as by a reboot."""
        return (await self.read_bytes(host, argv, within, stdin))[0]

    async def read_bytes(
        self, host: str, argv: Sequence[str], within: float, stdin: bytes = b""
    ) -> tuple[CommandResult, bytes]:
        """As `read`, with stdout as it came, where its bytes are counted."""
        try:
            return await self._run(host, argv, within, stdin)
        except _Lost:
            return await self._run_once(host, argv, within, stdin)

    async def _run_once(
        self, host: str, argv: Sequence[str], within: float, stdin: bytes
    ) -> tuple[CommandResult, bytes]:
        try:
            return await self._run(host, argv, within, stdin)
        except _Lost as error:
            raise Unreachable(str(error)) from error

    @contextlib.asynccontextmanager
    async def open(
        self, host: str, argv: Sequence[str], within: float
    ) -> AsyncIterator[asyncssh.SSHClientProcess[bytes]]:
        """A command to talk with while it runs; leaving the block closes its stdin and ends the channel."""
        async with self._channel(host):
            connection = await self._connections.get(host)
            try:
                process = await _session(connection, self._command(argv, math.ceil(within)))
                try:
                    yield process
                finally:
                    process.close()
            except (OSError, asyncssh.Error) as error:
                raise Unreachable(f"{host}: the connection was lost: {error}") from error

    async def _run(self, host: str, argv: Sequence[str], within: float, stdin: bytes) -> tuple[CommandResult, bytes]:
        limit = max(1, math.ceil(within))
        command = self._command(argv, limit, leashed=not stdin)
        async with self._channel(host):
            connection = await self._connections.get(host)
            started = time.monotonic()
            status, out, err = await self._execute(connection, host, command, limit, stdin)
        seconds = time.monotonic() - started
        if status in _TIMED_OUT and seconds >= limit:
            status = None
        result = CommandResult(
            argv=tuple(argv), status=status, stdout=out.text(), stderr=err.text(), seconds=round(seconds, 3)
        )
        return result, out.data()

    def _command(self, argv: Sequence[str], limit: int, *, leashed: bool = False) -> str:
        if not argv or any("\x00" in argument for argument in argv):
            raise Refused("expected a command without NUL characters")
        timed = (*(self._options.become or ()), "timeout", "-k", str(KILL_AFTER), str(limit))
        return shlex.join((*timed, *(("sh", "-c", _LEASH, "maintrain") if leashed else ()), *argv))

    async def close(self) -> None:
        """See the port."""
        await self._connections.close()

    @contextlib.asynccontextmanager
    async def _channel(self, host: str) -> AsyncIterator[None]:
        """One of the host's few channels, waited for as long as a command may take."""
        channels = self._channels.setdefault(host, asyncio.Semaphore(self._options.channels))
        within = self._options.command_timeout.total_seconds()
        try:
            async with asyncio.timeout(within):
                await channels.acquire()
        except TimeoutError as error:
            raise Unreachable(f"{host}: {self._options.channels} commands are under way, none ended") from error
        self._connections.used(host, 1)
        try:
            yield
        finally:
            self._connections.used(host, -1)
            channels.release()

    async def _execute(
        self, connection: asyncssh.SSHClientConnection, host: str, command: str, limit: int, stdin: bytes
    ) -> tuple[int | None, Kept, Kept]:
        out, err = Kept(self._options.output_limit), Kept(self._options.output_limit)
        wait = limit + KILL_AFTER + _GRACE
        try:
            async with asyncio.timeout(wait):
                process = await _session(connection, command)
                try:
                    fed = [_feed(process, stdin)] if stdin else []
                    await asyncio.gather(*fed, _take(process.stdout, out), _take(process.stderr, err))
                    await process.wait_closed()
                finally:
                    process.close()
        except TimeoutError as error:
            # The connection is left to its keepalives: other commands may be doing well on it.
            raise Unreachable(f"{host}: no answer within {wait:g} s") from error
        except asyncssh.ChannelOpenError as error:
            raise Unreachable(f"{host}: sshd gives no session: {error}") from error
        except (OSError, asyncssh.Error) as error:
            self._connections.drop(host, connection)
            raise _Lost(f"{host}: the connection was lost: {error}") from error
        if process.exit_status is None:
            # Neither a status nor a signal: sshd went away before it could say how the command ended.
            self._connections.drop(host, connection)
            raise _Lost(f"{host}: the connection ended before the command did")
        return (None if process.exit_signal else process.exit_status), out, err


async def _session(connection: asyncssh.SSHClientConnection, command: str) -> asyncssh.SSHClientProcess[bytes]:
    """Start a command. sshd frees an ended command's session a moment after it told its end: asked again till then."""
    for left in reversed(range(_ASKED_AGAIN)):
        try:
            return await connection.create_process(command, encoding=None)
        except asyncssh.ChannelOpenError as error:
            if connection.is_closed():
                raise asyncssh.ConnectionLost(str(error)) from error
            if not left:
                raise
        await asyncio.sleep(_ASK_PAUSE)
    raise AssertionError("asked at least once")


async def _feed(process: asyncssh.SSHClientProcess[bytes], stdin: bytes) -> None:
    # A command need not read what it is given.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(stdin)
        await process.stdin.drain()
        process.stdin.write_eof()


async def _take(reader: asyncssh.SSHReader[bytes], kept: Kept) -> None:
    """Read to the end, beyond what is kept too: a command must not block on output that nobody wants."""
    while data := await reader.read(_CHUNK):
        kept.add(data)
