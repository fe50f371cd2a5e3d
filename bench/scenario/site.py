"""The scenario's server and worker, as processes that can be killed, and what people do through the command line."""

import os
import signal
import time
from pathlib import Path

import yaml

from bench.scenario.fleet import CLUSTER, STATE, Share, document
from drivers.simulated.cluster import SimulatedCluster
from fleet.errors import Refused
from fleet.models.ledger import Counted
from fleet.models.operation import OperationState
from fleet.ports.store import Store
from runtime.embedded import EmbeddedServer
from runtime.settings import load_settings
from starter.demo.progress import Teller
from starter.demo.stage import Stage
from store import open_store

BY = ("--actor", "scenario", "--reason")
WORKER_LOG = "worker.log"
AGAIN_AFTER = 60.0
"""Seconds that a repaired host has before its person looks at it again."""
OUTSIDER = "to look at its cables"


class ScenarioSite:
    """One run, from `up` to `close`."""

    def __init__(self, folder: Path, pools: tuple[Share, ...], seed: int, teller: Teller) -> None:
        self.stage, self.pools, self.teller = Stage(folder, {"MAINTRAIN_LOG_LEVEL": "INFO"}), pools, teller
        self.stage.fresh()
        self.file = self.stage.folder / "fleet.yaml"
        self.file.write_text(yaml.safe_dump(document(pools, seed)))
        self.server = EmbeddedServer(load_settings({"MAINTRAIN_DATA": str(self.stage.folder)}))
        self._mended: dict[str, float] = {}
        self._silent: dict[str, float] = {}
        self.refused: list[str] = []
        """What the command line refused, mostly while the server was down."""
        self.store: Store
        self.world: SimulatedCluster
        self._open = False

    async def up(self) -> None:
        """Load the fleet, start server and worker, and a train for every pool."""
        self.stage.run("fleet", "load", str(self.file), *BY, "the scenario's fleet")
        await self.server.start()
        self.stage.run("setup")
        self.serve()
        self.stage.run("fleet", "sync", *BY, "the scenario's hosts")
        self.store = await open_store(self.stage.store_url)
        self.world = SimulatedCluster.at(self.stage.folder / STATE)
        self._open = True
        for pool in self.pools:
            self.stage.run("train", "start", f"{CLUSTER}/{pool.name}", "--cycles", "1", *BY, "the scenario's trains")

    def serve(self) -> None:
        """Start the worker."""
        self.stage.spawn("worker", log=WORKER_LOG)

    def kill_worker(self) -> None:
        """SIGKILL, and another begins."""
        worker = self.stage.processes.pop()
        worker.kill()
        worker.wait()
        self.serve()

    def worker_died(self) -> bool:
        """True when the worker ended by itself; another begins."""
        if self.stage.processes[-1].poll() is None:
            return False
        self.stage.processes.pop()
        self.serve()
        return True

    async def kill_server(self) -> None:
        """SIGKILL, and it is started again on its database."""
        os.kill(self.server.record.pid, signal.SIGKILL)
        await self.server.start()

    def command(self, *arguments: str) -> bool:
        """A person's command; False when it was refused."""
        try:
            self.stage.run(*arguments)
        except Refused as error:
            self.refused.append(str(error))
            return False
        return True

    def drain(self, host: str) -> None:
        """An outsider drains a host, if nobody has."""
        self.world.drain_by_other(host, OUTSIDER)

    async def undrain_theirs(self, hosts: list[str]) -> None:
        """The outsider lifts its drains, where they are still its own."""
        look = (await self.store.facts(CLUSTER, await self.store.clock())).observation
        for host in hosts:
            seen = look.hosts.get(host) if look is not None else None
            if seen is not None and seen.node is not None and seen.node.reason == OUTSIDER:
                self.world.undrain_by_other(host)

    async def report_work(self) -> None:
        """Whoever works on held hosts is done."""
        for operation in await self.store.operations(over=False):
            if operation.state is OperationState.WORKING:
                self.command("op", "done", operation.id, *BY, "the work is over")

    async def repair(self, at_most: int) -> None:
        """A person mends hosts that wait for one, and says so; the same host not again before a while."""
        facts = await self.store.facts(CLUSTER, await self.store.clock())
        waiting = [h for h, lease in facts.leases.items() if lease.counted is Counted.FAILED and self._may(h)]
        asking = [h for h in waiting if await self._asks_a_person(facts.leases[h].operation)]
        for host in asking[:at_most]:
            if self._mend(host):
                self.command("host", "repaired", host, *BY, "mended")

    async def look_after_the_silent(self) -> None:
        """A person restarts what has been silent for a while, whoever holds the host, and tells a breaker to close."""
        facts = await self.store.facts(CLUSTER, await self.store.clock())
        shown = facts.observation.hosts if facts.observation is not None else {}
        silent = {h for h, seen in shown.items() if seen.node is not None and seen.node.not_responding}
        now = time.monotonic()
        self._silent = {host: self._silent.get(host, now) for host in silent}
        for host, since in self._silent.items():
            if now - since > AGAIN_AFTER and self._may(host):
                self._mend(host)
        for pool, breaker in facts.breakers.items():
            if breaker.tripped:
                self.command("resume", f"{CLUSTER}/{pool}", *BY, "looked at")

    def _mend(self, host: str) -> bool:
        """Mend a host; False while it boots, when a person comes back later."""
        try:
            self.world.repair_host(host)
        except Refused:
            return False
        self._mended[host] = time.monotonic()
        return True

    def _may(self, host: str) -> bool:
        return time.monotonic() - self._mended.get(host, float("-inf")) > AGAIN_AFTER

    async def _asks_a_person(self, operation: str) -> bool:
        return any(rung.rung is None for rung in await self.store.rungs(operation))

    async def cancel_newest(self) -> None:
        """A person calls the newest operation off, if it is not over."""
        for operation in (await self.store.operations(over=False))[:1]:
            self.command("op", "cancel", operation.id, *BY, "not today")

    async def close(self) -> None:
        """End everything."""
        self.stage.close()
        if self._open:
            self.world.close()
            await self.store.close()
        await self.server.stop()
