"""The bench's site: `maintrain up` on a folder of its own, the bare program's worker beside it on the same server, and
the outside observer, which follows the simulated cluster's journal all the time.
"""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import yaml
from temporalio.client import Client

from bench.instant import CLUSTER, STATE
from bench.plan import FleetDocument, Plan
from drivers.simulated.cluster import JournalRow, SimulatedCluster
from drivers.simulated.journal import JournalReplay
from fleet.errors import Unreachable
from fleet.models.fleetfile import FleetFile
from fleet.ports.store import Store
from runtime.client import connect
from runtime.serverrecord import running_record
from runtime.settings import load_settings
from starter.demo.observer import Observer
from starter.demo.simulated import pool_limits
from starter.demo.stage import Stage
from starter.engine import start_train
from store import open_store

WHY = ("bench", "bench")
"""Actor and reason."""
FOLLOW_EVERY = 0.5


def now() -> datetime:
    """Wall clock in UTC: the journal's and the server's too, all on this machine."""
    return datetime.now(UTC)


class BenchSite:
    """Everything that runs while the bench does. Use `opened` to make one."""

    def __init__(self, plan: Plan, stage: Stage, store: Store, client: Client, pids: dict[str, int]) -> None:
        self.plan, self.stage, self.store, self.client, self.pids = plan, stage, store, client, pids
        self.document = FleetDocument(plan)
        self.world = SimulatedCluster.at(stage.folder / STATE)
        fleet = FleetFile.model_validate(self.document.document())
        members = {p: plan.members(p) for p in plan.pool_names}
        self.observer = Observer(pool_limits(fleet.clusters[0], members))
        self._replay = JournalReplay(self.world)

    def observe(self) -> None:
        """Feed the outside observer what the journal has new."""
        for snapshot in self._replay.more():
            self.observer.see(snapshot)

    async def follow(self) -> None:
        """Observe on and on, until cancelled."""
        while True:
            self.observe()
            await asyncio.sleep(FOLLOW_EVERY)

    def journal(self, since: int = 0) -> list[JournalRow]:
        """Changes of the cluster after the one numbered `since`."""
        return self.world.journal(since)

    async def work_for(self, *pools: str) -> None:
        """Desire other versions in these pools, and ask their trains for a cycle."""
        self.document.turn(*pools)
        document = self.document.document()
        await self.store.load_fleet(FleetFile.model_validate(document), yaml.safe_dump(document), *WHY, now())
        for pool in pools:
            await self.store.ask_cycles(CLUSTER, pool, 1, *WHY, now())
            await start_train(self.client, CLUSTER, pool)

    async def cycle_open(self, pool: str) -> bool:
        """True while a pool's train has a cycle to end."""
        facts = await self.store.train_facts(CLUSTER, pool, now())
        return facts is not None and (facts.cycle_asked or bool(facts.open_visits))

    async def until_closed(self, within: float = 600.0) -> None:
        """Wait until no train has a cycle to end. `TimeoutError` when it takes too long."""
        async with asyncio.timeout(within):
            for pool in self.plan.pool_names:
                while await self.cycle_open(pool):  # noqa: ASYNC110 - the end is a row in another process's store
                    await asyncio.sleep(0.1)


async def run_on_site(folder: Path, plan: Plan, work: Callable[[BenchSite], Awaitable[None]]) -> BenchSite:
    """Bring a site up, do the work on it, and take it down; what is left of it can be read."""
    stage = Stage(folder, {"PYTHONPATH": str(Path(__file__).parents[1]), "MAINTRAIN_LOG_LEVEL": "WARNING"})
    stage.fresh()
    try:
        site = await _up(stage, plan)
        following = asyncio.create_task(site.follow())
        try:
            await work(site)
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            await site.store.close()
        site.observe()
        return site
    finally:
        stage.close()


async def _up(stage: Stage, plan: Plan) -> BenchSite:
    file = stage.folder / "fleet.yaml"
    file.write_text(yaml.safe_dump(FleetDocument(plan).document()))
    stage.run("fleet", "load", str(file), "--reason", WHY[1])
    stage.environment["MAINTRAIN_LOG_LEVEL"] = "INFO"  # `up` tells that it serves at this level
    process = stage.up()
    stage.run("fleet", "sync", "--reason", WHY[1])
    bare = _bare_worker(stage)
    settings = load_settings({"MAINTRAIN_DATA": str(stage.folder)})
    record = running_record(stage.folder)
    if record is None:
        raise Unreachable(f"no embedded server runs on {stage.folder}")
    pids = {"server": record.pid, "maintrain": process.pid, "bare": bare.pid}
    return BenchSite(plan, stage, await open_store(stage.store_url), await connect(settings), pids)


def _bare_worker(stage: Stage) -> "subprocess.Popen[bytes]":
    """The bare program's worker; the stage ends it with its own processes."""
    with (stage.folder / "bare.log").open("ab") as out:
        command = [sys.executable, "-m", "bench.bare_worker"]
        process = subprocess.Popen(command, env=stage.environment, stdout=out, stderr=out, start_new_session=True)
    stage.processes.append(process)
    return process
