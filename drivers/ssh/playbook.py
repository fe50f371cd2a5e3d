"""Upgrades by an Ansible playbook, through ansible-runner, which is loaded only where a playbook is named.

The play runs beside the worker. What counts for later attempts is noted on the host all the same: a task there is held
open by our connection for as long as the play runs, so it reads as failed when we are gone.
"""

import asyncio
import contextlib
import importlib
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import asyncssh

from drivers.ssh.bound import BoundComponent
from drivers.ssh.calls import SCRIPT, HostCalls
from drivers.ssh.remote import SshRemote
from fleet.errors import BadAnswer, InvalidInput, Refused, Unreachable
from fleet.models.recipe import PlaybookRecipe
from fleet.models.ssh import Ssh
from fleet.ports.fence import Fence

_BEGIN_WITHIN_S = 30
_END_WITHIN_S = 30
_FAILED = 1
_SAID = 300


class Playbooks:
    """Plays under way in this process."""

    def __init__(self, options: Ssh, remote: SshRemote, calls: HostCalls) -> None:
        self._options, self._remote, self._calls = options, remote, calls
        self._under_way: set[asyncio.Task[None]] = set()
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

    async def begin(self, host: str, serves: BoundComponent, task: str, version: str, fence: Fence) -> None:
        """Note the task on the host and start the play; returns when the host has noted it."""
        ticket = await self._calls.ticket(host)
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        words = self._calls.head("hold", ticket, serves.timeout, task, version)
        argv = ("sh", "-c", SCRIPT, "maintrain", *words)
        stop = threading.Event()
        play = self._playing(host, serves, version, stop)
        holding = asyncio.create_task(self._hold(host, argv, serves.timeout, fence, begun, play))
        self._under_way.add(holding)
        holding.add_done_callback(self._under_way.discard)
        holding.add_done_callback(lambda _: stop.set())
        try:
            await begun
        except asyncio.CancelledError:
            holding.cancel()
            raise

    async def close(self) -> None:
        """Let go of what is under way."""
        under_way = tuple(self._under_way)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    async def _hold(
        self,
        host: str,
        argv: tuple[str, ...],
        limit: int,
        fence: Fence,
        begun: asyncio.Future[None],
        play: Callable[[], Awaitable[int]],
    ) -> None:
        """Hold the host's task open over the play, and tell its end there. What fails before it began is `begun`'s."""
        try:
            await fence()
            async with self._remote.open(host, argv, limit + _END_WITHIN_S) as process:
                await _await_start(host, process)
                begun.set_result(None)
                status = await play()
                process.stdin.write(f"{status}\n".encode())
                async with asyncio.timeout(_END_WITHIN_S):
                    await process.wait_closed()
        except Exception as error:
            if not begun.done():
                begun.set_exception(error)
            # Begun, the host's notes tell the rest: a task that is no longer held, and without an end, has failed.

    def _playing(
        self, host: str, serves: BoundComponent, version: str, stop: threading.Event
    ) -> Callable[[], Awaitable[int]]:
        recipe, run = serves.playbook, self._run
        assert recipe is not None, "whoever calls has looked"
        assert run is not None, "loaded where a playbook is named"

        def play() -> int:
            with tempfile.TemporaryDirectory(prefix="maintrain-play-") as folder:
                done = run(**self._arguments(recipe, folder, host, serves, version), cancel_callback=stop.is_set)
                return int(done.rc) if done.status == "successful" else (int(done.rc or 0) or _FAILED)

        return lambda: asyncio.to_thread(play)

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
        }


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
