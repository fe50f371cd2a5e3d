"""One rollout from its start to its completion, by the command line and the trains, as operators would see it."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from temporalio.client import Client

from bench import cpu
from bench.histories import TYPES, lengths
from bench.instant import CLUSTER, STATE
from bench.rollout.plan import ROLLOUT, RolloutPlan
from drivers.simulated.cluster import SimulatedCluster
from drivers.simulated.journal import JournalReplay
from fleet.errors import Unreachable
from fleet.models.fleetfile import FleetFile
from fleet.models.rollouts import RolloutState
from fleet.ports.store import Store
from runtime.client import connect
from runtime.settings import load_settings
from starter.demo.observer import Observer
from starter.demo.simulated import pool_limits
from starter.demo.stage import Stage
from starter.engine import start_train
from store import open_store

WHY = ("bench", "a rollout over a large fleet")
"""Actor and reason."""
MOST_CYCLES = 10
"""Cycles of every train after which a rollout that is not complete is given up."""
LOOK_EVERY = 1.0
TELL_EVERY = 60.0
CYCLE_WITHIN = 3 * 3600.0


class RolloutSite:
    """`maintrain up` on a folder of its own, with the fleet of the plan in force."""

    def __init__(self, plan: RolloutPlan, stage: Stage, store: Store, client: Client) -> None:
        self.plan, self.stage, self.store, self.client = plan, stage, store, client
        self.world = SimulatedCluster.at(stage.folder / STATE)
        cluster = FleetFile.model_validate(plan.fleet()).clusters[0]
        names = self.world.hosts()
        members = {p: tuple(n for n in names if n.startswith(f"{p}-")) for p in plan.pool_names}
        self.observer = Observer(pool_limits(cluster, members))
        self._replay = JournalReplay(self.world)

    def observe(self) -> None:
        """Feed the outside observer what the journal has new."""
        for snapshot in self._replay.more():
            self.observer.see(snapshot)

    async def state(self) -> RolloutState:
        """Where the rollout stands."""
        found = await self.store.rollout(ROLLOUT)
        if found is None:
            raise Unreachable(f"the store does not know {ROLLOUT}")
        return found.state

    async def until_complete(self) -> int:
        """Ask every train for cycles, one after the other, until the rollout is complete; how many it took."""
        for number in range(1, MOST_CYCLES + 1):
            for pool in self.plan.pool_names:
                await self.store.ask_cycles(CLUSTER, pool, 1, *WHY, datetime.now(UTC))
                await start_train(self.client, CLUSTER, pool)
            await self._until_closed(number)
            if await self._is_complete():
                return number
        raise Unreachable(f"{ROLLOUT} is {await self.state()} after {MOST_CYCLES} cycles; see {self.stage.folder}")

    async def _is_complete(self) -> bool:
        """Its last look may still be under way when the trains are done."""
        for _ in range(10):
            if await self.state() is RolloutState.COMPLETE:
                return True
            await asyncio.sleep(LOOK_EVERY)
        return False

    async def _until_closed(self, number: int) -> None:
        """Wait until no train has a cycle to end. `TimeoutError` when it takes too long."""
        told = began = time.monotonic()
        async with asyncio.timeout(CYCLE_WITHIN):
            while await self._open_trains():
                self.observe()
                await asyncio.sleep(LOOK_EVERY)
                if time.monotonic() - told > TELL_EVERY:
                    told = time.monotonic()
                    applied = self.observer.report()["upgrades_applied"]
                    print(f"  cycle {number}, {told - began:.0f} s: {applied} hosts upgraded", flush=True)

    async def _open_trains(self) -> bool:
        for pool in self.plan.pool_names:
            facts = await self.store.train_facts(CLUSTER, pool, datetime.now(UTC))
            if facts is not None and (facts.cycle_asked or facts.open_visits):
                return True
        return False


async def run_rollout(folder: Path, plan: RolloutPlan) -> dict[str, Any]:
    """The whole of it in `folder`, which is emptied; the figures by name."""
    stage = Stage(folder, {"MAINTRAIN_LOG_LEVEL": "WARNING"})
    stage.fresh()
    try:
        site = await _up(stage, plan)
        try:
            before = cpu.load()
            began = time.monotonic()
            _start(stage, plan)
            cycles = await site.until_complete()
            took = time.monotonic() - began
            histories = await lengths(site.client, (*TYPES, "Rollout"))
        finally:
            await site.store.close()
        site.observe()
    finally:
        stage.close()
    observed = site.observer.report()
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "hosts": plan.all_hosts,
        "pools": plan.pools,
        "domain": plan.domain,
        "phases": [p["name"] for p in plan.spec()["phases"]],
        "cycles": cycles,
        "took_s": round(took, 1),
        "upgraded": observed["upgrades_applied"],
        "violations": observed["violations"],
        "violation_details": observed["violation_details"][:20],
        "longest_history": max(found.longest for found in histories.values()),
        "histories": {
            name: {"runs": found.runs, "mean": found.mean, "longest": found.longest}
            for name, found in histories.items()
        },
        "machine": cpu.machine(),
        "load_average_before": before,
        "load_average_after": cpu.load(),
    }


async def _up(stage: Stage, plan: RolloutPlan) -> RolloutSite:
    file = stage.folder / "fleet.yaml"
    file.write_text(yaml.safe_dump(plan.fleet()))
    stage.run("fleet", "load", str(file), "--reason", WHY[1])
    stage.environment["MAINTRAIN_LOG_LEVEL"] = "INFO"  # `up` tells that it serves at this level
    stage.up()
    stage.run("fleet", "sync", "--reason", WHY[1])
    print(f"Temporal UI: {stage.ui}; {plan.all_hosts} hosts in {plan.pools} pools", flush=True)
    settings = load_settings({"MAINTRAIN_DATA": str(stage.folder)})
    return RolloutSite(plan, stage, await open_store(stage.store_url), await connect(settings))


def _start(stage: Stage, plan: RolloutPlan) -> None:
    file = stage.folder / "rollout.yaml"
    file.write_text(yaml.safe_dump(plan.spec()))
    print(stage.run("rollout", "start", str(file), "--actor", WHY[0], "--reason", WHY[1]).strip(), flush=True)
