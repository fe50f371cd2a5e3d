"""One cluster's real dispatcher: its workflow on a real server, its worker, its store and a simulated scheduler, which
a test can kill and start again.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError
from temporalio.worker import Worker

from drivers.simulated import SimulatedCluster
from fleet import ids
from fleet.models.fleetfile import FleetFile
from fleet.models.host import Host
from fleet.models.messages import ClusterInput, Command
from runtime.build import Parts, open_parts
from runtime.client import connect
from runtime.embedded import EmbeddedServer
from runtime.workers import build_workers, workflow_runner
from store import open_store
from tests.parts.temporal import settings_in
from tests.scenarios.fleets import quiet
from tests.scenarios.site import POOL, fleet_document
from tests.stateful.holder import Holder
from workflows.registry import ALL

HOSTS, PLANNED, FAILURE, FLOOR = 8, 3, 3, 4


class Life:
    """The cluster `name`, from `open` to `close`."""

    def __init__(self, name: str, client: Client, parts: Parts, world: SimulatedCluster, facts: Path) -> None:
        self.name, self.client, self.parts, self.world = name, client, parts, world
        self.store, self.rows = parts.store, facts
        self.handles: list[WorkflowHandle[Any, Any]] = []
        self._workers: list[tuple[Worker, asyncio.Task[None]]] = []

    @classmethod
    async def open(cls, name: str, folder: Path, temporal: EmbeddedServer) -> "Life":
        """Load the fleet file, begin to serve it, start its dispatcher."""
        document = quiet(fleet_document(HOSTS, PLANNED, failure_buffer=FAILURE, floor=FLOOR, verify=["health"]))
        document["clusters"][0] |= {"name": name, "observe_every": "150ms", "desired": {}}
        settings = settings_in(folder, TEMPORAL_ADDRESS=temporal.record.address)
        client = await connect(settings)
        store = await open_store(settings.store_url)
        now = await store.clock()
        await store.load_fleet(FleetFile.model_validate(document), yaml.safe_dump(document), "ann", "begin", now)
        names = tuple(f"gpu{number:03}" for number in range(1, HOSTS + 1))
        await store.sync_hosts(name, tuple(Host(cluster=name, name=n, pool=POOL, since=now) for n in names), now)
        await store.close()
        parts = await open_parts(settings, client)
        await parts.drivers[name].scheduler.view()
        life = cls(name, client, parts, SimulatedCluster.at(folder / "sim.sqlite"), _database(settings.store_url))
        life.serve()
        await life.start_dispatcher()
        return life

    def serve(self) -> None:
        """Start the worker."""
        if self._workers:
            return
        workers = build_workers(self.client, self.parts, workflows=False)
        workflows = [*ALL, Holder]
        queue = ids.WORKFLOW_QUEUE
        workers.append(Worker(self.client, task_queue=queue, workflows=workflows, workflow_runner=workflow_runner()))
        self._workers = [(worker, asyncio.create_task(worker.run())) for worker in workers]

    async def leave(self) -> None:
        """End the worker; what it had under way is cut off after its grace."""
        await asyncio.gather(*(worker.shutdown() for worker, _ in self._workers))
        await asyncio.gather(*(task for _, task in self._workers))
        self._workers = []

    async def start_dispatcher(self) -> None:
        """Begin the dispatcher's workflow."""
        run, order = "Dispatcher", ClusterInput(cluster=self.name)
        await self._start(run, order, ids.dispatcher(self.name))

    async def hold(self, holder: str) -> None:
        """Begin a holder's workflow."""
        await self._start("Holder", None, holder)

    async def _start(self, run: str, argument: object, workflow_id: str) -> None:
        arguments = [] if argument is None else [argument]
        start = self.client.start_workflow
        self.handles.append(await start(run, args=arguments, id=workflow_id, task_queue=ids.WORKFLOW_QUEUE))

    async def terminate(self, workflow_id: str) -> None:
        """End a workflow from outside."""
        await self.client.get_workflow_handle(workflow_id).terminate("stateful test")

    async def tell(self, signal: str, *arguments: object) -> None:
        """Signal the dispatcher."""
        await self.client.get_workflow_handle(ids.dispatcher(self.name)).signal(signal, args=arguments)

    async def repaired(self, host: str) -> bool:
        """A person says that a host is repaired; False when its repair is over or takes no word now."""
        handle = self.client.get_workflow_handle(ids.host(self.name, host))
        try:
            async with asyncio.timeout(10):
                await handle.execute_update("repaired", Command(actor="ann", reason="mended"))
        except (RPCError, TimeoutError, WorkflowUpdateFailedError):
            return False
        return True

    async def drained_because(self, host: str) -> str | None:
        """The reason of whatever drain is on a host."""
        view = await self.parts.drivers[self.name].scheduler.view(not_before=time.monotonic())
        return view.nodes[host].reason

    async def observed_since(self, moment: datetime) -> None:
        """Wait until the dispatcher has looked, from its beginning, after that moment."""

        async def seen() -> bool:
            look = (await self.store.facts(self.name, moment)).observation
            return look is not None and not look.error and look.began_at > moment

        await self.until(seen, 30, "the dispatcher looks")

    async def until(self, what: Callable[[], Any], within: float, why: str) -> None:
        """Wait until `what` answers true."""
        try:
            async with asyncio.timeout(within):
                while not await what():  # noqa: ASYNC110 - what is waited for happens in another process
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"not within {within:g} s: {why}") from None

    def read(self, sql: str) -> list[sqlite3.Row]:
        """Rows of the facts, read past our own store."""
        with sqlite3.connect(f"file:{self.rows}?mode=ro", uri=True) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(sql).fetchall()

    async def close(self) -> None:
        """End everything."""
        for handle in self.handles:
            with suppress(RPCError):
                await handle.terminate()
        for number in range(1, HOSTS + 1):
            with suppress(RPCError):
                await self.terminate(ids.host(self.name, f"gpu{number:03}"))
        await self.leave()
        await self.parts.close()
        self.world.close()


def _database(url: str) -> Path:
    return Path(url.partition("///")[2])
