"""The scenario on the real system: `maintrain up` with store, Temporal, dispatcher and train, and the simulated driver
as its cluster.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import yaml

from bench.instant import CLUSTER, STATE
from bench.site import WHY, now
from bench.validation.seen import Cycle, cycle
from bench.validation.side import CYCLES, POOL, Side
from drivers.simulated.cluster import SimulatedCluster
from fleet.hostlist import expand
from fleet.ports.store import Store
from starter.demo.stage import Stage
from store import open_store

VERSIONS: tuple[Mapping[str, str], ...] = (
    {"nic-firmware": "1.1", "gpu-driver": "550.2"},
    {"nic-firmware": "1.2", "gpu-driver": "550.3"},
)
"""Desired in one cycle after the other: two upgrades and a reboot for every host."""
_WITHIN_S = 300.0


@dataclass(frozen=True)
class Seen:
    """What was seen of a run."""

    cycles: list[Cycle]
    began_s: float
    """From the first submission to the first drain of the first cycle."""
    every_s: float
    """Between the first drains of two cycles."""


async def run_real(folder: Path, side: Side) -> Seen:
    """Bring the site up, let jobs and train run, take it down."""
    stage = Stage(folder, {"PYTHONPATH": str(Path(__file__).parents[2])})
    stage.fresh()
    try:
        await asyncio.to_thread(_up, stage, side)
        store = await open_store(stage.store_url)
        world = SimulatedCluster.at(stage.folder / STATE)
        submitting = asyncio.create_task(_submit(world, side))
        try:
            await asyncio.sleep(side.fill_s)
            edges = [now().timestamp()]
            for number in range(CYCLES):
                await _one_cycle(stage, store, side, VERSIONS[number])
                edges.append(now().timestamp())
        finally:
            submitting.cancel()
            await asyncio.gather(submitting, return_exceptions=True)
            await store.close()
        rows = world.journal()
        world.close()
        members = list(expand(side.hostlist))
        cycles = [cycle(rows, members, since, until, side.domain) for since, until in pairwise(edges)]
        first = min(row.at for row in rows if row.kind == "job_queued")
        begins = [c.visits[0].began for c in cycles]
        return Seen(cycles, begins[0] - first, (begins[-1] - begins[0]) / (CYCLES - 1))
    finally:
        stage.close()


def _up(stage: Stage, side: Side) -> None:
    _load(stage, side, {})
    stage.up()
    stage.run("fleet", "sync", "--reason", WHY[1])


def _load(stage: Stage, side: Side, desired: Mapping[str, str]) -> None:
    file = stage.folder / "fleet.yaml"
    file.write_text(yaml.safe_dump(side.document(dict(desired))))
    stage.run("fleet", "load", str(file), "--reason", WHY[1])


async def _one_cycle(stage: Stage, store: Store, side: Side, desired: Mapping[str, str]) -> None:
    """Desire other versions, ask the train for a cycle, and wait for its end."""
    await asyncio.to_thread(_load, stage, side, desired)
    await asyncio.to_thread(stage.run, "train", "start", f"{CLUSTER}/{POOL}", "--reason", WHY[1])
    async with asyncio.timeout(_WITHIN_S):
        while True:
            facts = await store.train_facts(CLUSTER, POOL, now())
            if facts is not None and not facts.cycle_asked and not facts.open_visits:
                return
            await asyncio.sleep(0.1)


async def _submit(world: SimulatedCluster, side: Side) -> None:
    """Submit the jobs when their time has come."""
    jobs = side.jobs()
    began = asyncio.get_running_loop().time()
    for at, size, work in zip(jobs.submit_s.tolist(), jobs.hosts.tolist(), jobs.run_s.tolist(), strict=True):
        wait = began + at - asyncio.get_running_loop().time()
        if wait > 0:
            await asyncio.sleep(wait)
        await asyncio.to_thread(world.submit_job, size=size, work=work)
