"""Emergencies while a train is in the middle of a visit, by the command line, timed by the cluster's own journal."""

import asyncio
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from bench import cpu
from bench.emergency.plan import CLUSTER, POOL, STATE, EmergencyPlan
from drivers.simulated.cluster import JournalRow, SimulatedCluster
from drivers.simulated.journal import JournalReplay
from fleet import ids
from fleet.errors import Unreachable
from fleet.models.emergency import EmergencyState
from fleet.models.fleetfile import FleetFile
from fleet.ports.store import Store
from runtime.client import connect
from runtime.settings import load_settings
from starter.demo.observer import Observer
from starter.demo.simulated import pool_limits
from starter.demo.stage import Stage
from starter.engine import start_train
from store import open_store

WHY = ("bench", "an emergency over a large fleet")
"""Actor and reason."""
ROOM, FULL = "room", "full"
LOOK_EVERY = 0.05
TRIAL_WITHIN = 120.0
WHOLE_WITHIN = 2400.0


class EmergencySite:
    """`maintrain up` on a folder of its own, with a train that is always in the middle of a visit."""

    def __init__(self, plan: EmergencyPlan, stage: Stage, store: Store) -> None:
        self.plan, self.stage, self.store = plan, stage, store
        self.world = SimulatedCluster.at(stage.folder / STATE)
        self._rows: list[JournalRow] = []
        self._number = 0

    def load(self, domains_out: int) -> None:
        """Put the fleet file with this planned buffer in force."""
        file = self.stage.folder / "fleet.yaml"
        file.write_text(yaml.safe_dump(self.plan.fleet(domains_out)))
        self.stage.run("fleet", "load", str(file), "--reason", WHY[1])

    def journal(self) -> list[JournalRow]:
        """Every change of the cluster so far."""
        self._rows += self.world.journal(self._rows[-1].seq if self._rows else 0)
        return self._rows

    async def trial(self) -> dict[str, float]:
        """One emergency in the middle of a visit, ended once its first drain came: its figures, in seconds."""
        await self._mid_visit()
        name, called = self._start(self.plan.hosts)
        emergency = ids.emergency(CLUSTER, name)
        first = await self._until(lambda: self._first_drain(emergency), f"the first drain of {emergency}")
        written = await self.store.emergency(emergency)
        if written is None:
            raise Unreachable(f"the store does not know {emergency}")
        began = written.started_at.timestamp()
        freed = next((r.at for r in self.journal() if r.at >= began and _freed(r)), None)
        self.stage.run("emergency", "end", name, "--actor", WHY[0], "--reason", "timed")
        await self._until_async(lambda: self._at_rest(emergency), f"the end of {emergency}", TRIAL_WITHIN)
        found = {"from_command_s": first - called, "from_row_s": first - began}
        return found if freed is None else {**found, "from_freed_s": max(0.0, first - freed)}

    async def whole(self) -> dict[str, Any]:
        """One emergency to its end, and when the train goes on after it."""
        await self._mid_visit()
        name, called = self._start(self.plan.whole)
        emergency = ids.emergency(CLUSTER, name)
        await self._until_async(lambda: self._is_done(emergency), f"{emergency} is done", WHOLE_WITHIN)
        ended = datetime.now(UTC).timestamp()
        again = await self._until(lambda: self._train_drain(ended), "the train goes on")
        counts = await self.store.count_emergency_hosts(emergency)
        timetable = await self.store.train_facts(CLUSTER, POOL, await self.store.clock())
        due = timetable.cycle.due_at if timetable is not None and timetable.cycle is not None else None
        return {
            "whole_s": round(ended - called, 1),
            "whole_hosts": {state.value: count for state, count in counts.items()},
            "train_goes_on_after_s": round(again - ended, 2),
            "cycle_due_in_s": None if due is None else round((due - await self.store.clock()).total_seconds()),
        }

    def _start(self, hosts: int) -> tuple[str, float]:
        self._number += 1
        spec = self.plan.spec(self._number, hosts)
        file = self.stage.folder / "emergency.yaml"
        file.write_text(yaml.safe_dump(spec))
        called = datetime.now(UTC).timestamp()
        self.stage.run("emergency", "start", str(file), "--actor", WHY[0], "--reason", WHY[1])
        return str(spec["name"]), called

    async def _mid_visit(self) -> None:
        """Until a visit holds a whole domain and is drained."""
        began = datetime.now(UTC).timestamp()

        def drained() -> bool:
            return sum(1 for r in self.journal() if r.at > began and _ours(r, "visit/")) >= self.plan.domain

        await self._until(drained, "a visit of the train is under way")

    def _first_drain(self, emergency: str) -> float | None:
        return next((r.at for r in self.journal() if _ours(r, f"{emergency}/")), None)

    def _train_drain(self, after: float) -> float | None:
        return next((r.at for r in self.journal() if r.at > after and _ours(r, "visit/")), None)

    async def _at_rest(self, emergency: str) -> bool:
        facts = await self.store.facts(CLUSTER, await self.store.clock())
        return not any(ids.emergency_of(lease.holder) == emergency for lease in facts.leases.values())

    async def _is_done(self, emergency: str) -> bool:
        found = await self.store.emergency(emergency)
        return found is not None and found.state is EmergencyState.DONE

    async def _until(self, what: Callable[[], Any], why: str, within: float = TRIAL_WITHIN) -> Any:  # noqa: ANN401
        async def ask() -> Any:  # noqa: ANN401 - whatever is waited for
            return what()

        return await self._until_async(ask, why, within)

    async def _until_async(self, what: Callable[[], Any], why: str, within: float) -> Any:  # noqa: ANN401
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            found = await what()
            if found:
                return found
            await asyncio.sleep(LOOK_EVERY)
        raise Unreachable(f"not within {within:g} s: {why}; see {self.stage.folder}")


async def run_emergencies(folder: Path, plan: EmergencyPlan) -> dict[str, Any]:
    """All trials in `folder`, which is emptied; the figures by name."""
    stage = Stage(folder, {"MAINTRAIN_LOG_LEVEL": "WARNING"})
    stage.fresh()
    try:
        site = await _up(stage, plan)
        try:
            before = cpu.load()
            found: dict[str, Any] = {}
            for kind, domains_out in ((ROOM, 2), (FULL, 1)):
                site.load(domains_out)
                found[kind] = [await _told(site, kind, n) for n in range(plan.trials)]
            whole = await site.whole()
        finally:
            await site.store.close()
    finally:
        stage.close()
    observed = _observed(site)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "hosts": plan.hosts,
        "domain": plan.domain,
        **found,
        **whole,
        "violations": observed["violations"],
        "violation_details": observed["violation_details"][:20],
        "machine": cpu.machine(),
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "load_average_before": before,
        "load_average_after": cpu.load(),
    }


async def _told(site: EmergencySite, kind: str, number: int) -> dict[str, float]:
    figures = {name: round(value, 3) for name, value in (await site.trial()).items()}
    print(f"  {kind} {number + 1}: {figures}", flush=True)
    return figures


async def _up(stage: Stage, plan: EmergencyPlan) -> EmergencySite:
    settings = load_settings({"MAINTRAIN_DATA": str(stage.folder)})
    file = stage.folder / "fleet.yaml"
    file.write_text(yaml.safe_dump(plan.fleet(2)))
    stage.run("fleet", "load", str(file), "--reason", WHY[1])
    stage.environment["MAINTRAIN_LOG_LEVEL"] = "INFO"  # `up` tells that it serves at this level
    stage.up()
    stage.run("fleet", "sync", "--reason", WHY[1])
    site = EmergencySite(plan, stage, await open_store(stage.store_url))
    client = await connect(settings)
    await site.store.ask_cycles(CLUSTER, POOL, None, *WHY, datetime.now(UTC))
    await start_train(client, CLUSTER, POOL)
    print(f"Temporal UI: {stage.ui}; {plan.hosts} hosts in domains of {plan.domain}", flush=True)
    return site


def _observed(site: EmergencySite) -> dict[str, Any]:
    """The outside observer over the whole journal, by the larger of the two buffers."""
    cluster = FleetFile.model_validate(site.plan.fleet(2)).clusters[0]
    observer = Observer(pool_limits(cluster, {POOL: tuple(site.world.hosts())}))
    for snapshot in JournalReplay(site.world).more():
        observer.see(snapshot)
    return observer.report()


def _ours(row: JournalRow, holder: str) -> bool:
    """A host that was taken out by plan for this holder."""
    reason = str(row.detail.get("reason", ""))
    return row.kind == "drained" and row.detail.get("by") == "maintrain" and f"{ids.PLANNED}:{holder}" in reason


def _freed(row: JournalRow) -> bool:
    return row.kind == "undrained" and row.detail.get("by") == "maintrain"
