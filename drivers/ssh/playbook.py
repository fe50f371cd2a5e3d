"""Upgrades by an Ansible playbook, through ansible-runner, which is loaded only where a playbook is named.

The play runs beside the worker. What counts for later attempts is noted on the host all the same: a task there is held
open by our connection for as long as the play runs. When that is lost the play is stopped, and the host counts as busy
until its end was seen here; for other workers, for as long as a stop takes at most. Then the task reads as failed.
"""

import asyncio
import contextlib
import importlib
import logging
import math
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import asyncssh

from drivers.ssh.bound import BoundComponent
from drivers.ssh.calls import SCRIPT, HostCalls
from drivers.ssh.connections import KEEPALIVES
from drivers.ssh.remote import SshRemote
from fleet.errors import BadAnswer, InvalidInput, Refused, Unreachable
from fleet.models.recipe import PlaybookRecipe
from fleet.models.ssh import Ssh
from fleet.ports.fence import Fence

_BEGIN_WITHIN_S = 30
_END_WITHIN_S = 30
_STOP_WITHIN_S = 10
"""Seconds in which ansible-runner notices that a play should stop and has killed it; it looks every second."""
_FAILED, _STOPPED = 1, 143
_SAID = 300
_log = logging.getLogger(__name__)


class Playbooks:
    """Plays under way in this process."""

    def __init__(self, options: Ssh, remote: SshRemote, calls: HostCalls) -> None:
        self._options, self._remote, self._calls = options, remote, calls
        self._holding: set[asyncio.Task[None]] = set()
        self._plays: dict[str, set[str]] = {}
        self._run: Callable[..., Any] | None = None

    def load(self, components: Iterable[BoundComponent]) -> None:
        """Load ansible-runner if any has a playbook. Raises `InvalidInput` when it or a playbook is not there."""
        with_playbook = [(component.name, component.playbook) for component in components if component.playbook]
        for name, recipe in with_playbook:
            if not Path(recipe.playbook).is_file():
                raise InvalidInput(
                    "ssh", f"components.{name}.playbook", f"expected a file, found none: {recipe.playbook}"
                )
        if not with_playbook:
            return
        try:
            self._run = importlib.import_module("ansible_runner").run
        except ImportError as error:
            expected = "a playbook needs ansible-runner: pip install 'maintrain[ansible]'"
            raise InvalidInput("ssh", f"components.{with_playbook[0][0]}", expected) from error

    def under_way(self, host: str) -> frozenset[str]:
        """Tasks of the host whose play runs in this process, or is about to, or whose end was not seen."""
        return frozenset(self._plays.get(host, ()))

    async def begin(self, host: str, serves: BoundComponent, task: str, version: str, fence: Fence) -> None:
        """Note the task on the host and start the play; returns when the host has noted it."""
        ticket = await self._calls.ticket(host)
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        linger = math.ceil(KEEPALIVES * self._options.keepalive.total_seconds()) + _STOP_WITHIN_S
        words = (*self._calls.head("hold", ticket, serves.timeout, task, version), str(linger))
        argv, within = ("sh", "-c", SCRIPT, "maintrain", *words), serves.timeout + linger + _END_WITHIN_S
        play = _Play(lambda stop: self._play(host, serves, version, stop))
        self._plays.setdefault(host, set()).add(task)
        holding = asyncio.create_task(self._hold(host, argv, within, fence, begun, play))
        self._holding.add(holding)
        holding.add_done_callback(lambda _: self._over(host, task, holding))
        try:
            await begun
        except asyncio.CancelledError:
            holding.cancel()
            raise

    async def close(self) -> None:
        """Stop what is under way, and wait for its end."""
        holding = tuple(self._holding)
        for task in holding:
            task.cancel()
        await asyncio.gather(*holding, return_exceptions=True)

    def _over(self, host: str, task: str, holding: asyncio.Task[None]) -> None:
        self._holding.discard(holding)
        self._plays[host].discard(task)
        if not self._plays[host]:
            del self._plays[host]

    async def _hold(
        self,
        host: str,
        argv: tuple[str, ...],
        within: float,
        fence: Fence,
        begun: asyncio.Future[None],
        play: "_Play",
    ) -> None:
        """Hold the host's task open over the play, and tell its end there; returns when the play has ended.

        What fails before it began is `begun`'s.
        """
        try:
            await fence()
            async with self._remote.open(host, argv, within) as process:
                await _await_start(host, process)
                begun.set_result(None)
                status = await play.run(process.wait_closed())
                process.stdin.write(f"{status}\n".encode())
                async with asyncio.timeout(_END_WITHIN_S):
                    await process.wait_closed()
        except Exception as error:
            if not begun.done():
                begun.set_exception(error)
            # Begun, the host's notes tell the rest: a task that is no longer held, and without an end, has failed.

    def _play(self, host: str, serves: BoundComponent, version: str, stop: threading.Event) -> int:
        """Play it to its end, in a thread: the exit status."""
        recipe, run = serves.playbook, self._run
        assert recipe is not None, "whoever calls has looked"
        assert run is not None, "loaded where a playbook is named"
        with tempfile.TemporaryDirectory(prefix="maintrain-play-") as folder:
            done = run(**self._arguments(recipe, folder, host, serves, version), cancel_callback=stop.is_set)
            return int(done.rc) if done.status == "successful" else (int(done.rc or 0) or _FAILED)

    def _arguments(
        self, recipe: PlaybookRecipe, folder: str, host: str, serves: BoundComponent, version: str
    ) -> dict[str, Any]:
        return {
            "private_data_dir": folder,
            "playbook": str(Path(recipe.playbook).resolve()),
            "inventory": str(Path(recipe.inventory).resolve()) if recipe.inventory else f"{host}\n",
            "limit": host,
            "extravars": {"maintrain_version": version, "maintrain_component": serves.name},
            "timeout": serves.timeout,
            "quiet": True,
            "settings": {"pexpect_timeout": 1},
        }


class _Play:
    """A play in a thread of its own, which is waited for whatever happens: one that goes on alone would change a host
    that somebody else has in hands by then.
    """

    def __init__(self, play: Callable[[threading.Event], int]) -> None:
        self._play, self._stop = play, threading.Event()

    async def run(self, lost: Awaitable[None]) -> int:
        """Its exit status. It is stopped when `lost` ends first, or the caller is cancelled."""
        losing = asyncio.ensure_future(lost)
        playing = asyncio.get_running_loop().run_in_executor(None, self._begin)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait((playing, losing), return_when=asyncio.FIRST_COMPLETED)
        if not playing.done():
            self._stop.set()
        while not playing.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait((playing,))
        losing.cancel()
        return _STOPPED if self._stop.is_set() else playing.result()

    def _begin(self) -> int:
        if self._stop.is_set():
            return _STOPPED
        try:
            return self._play(self._stop)
        except Exception:
            _log.exception("a playbook could not be played")
            return _FAILED


async def _await_start(host: str, process: asyncssh.SSHClientProcess[bytes]) -> None:
    """Wait until the host has noted the task. Raises as `HostCalls.begin` does."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_BEGIN_WITHIN_S):
            said = (await process.stdout.readline()).decode(errors="replace").strip()
            if said == "started":
                return
            error = (await process.stderr.read(_SAID)).decode(errors="replace").strip()
            await process.wait_closed()
            if process.exit_status in (91, 92, 93):
                raise Refused(f"{host}: {error}")
            raise BadAnswer(f"{host}: expected the task to be started, found {said or error!r}")
    raise Unreachable(f"{host}: the task was not started within {_BEGIN_WITHIN_S} s")
