"""A worker's life: connect, wait for a fleet file, serve it, drain on a signal. When the fleet file in force asks for
other drivers, it drains and opens those.
"""

import argparse
import asyncio
import math
import time
from collections.abc import Collection, Sequence

import structlog
from temporalio.client import Client
from temporalio.worker import Worker

from fleet.errors import Unreachable
from runtime.avoidance_listener import AvoidanceListener
from runtime.build import Parts, open_parts
from runtime.client import connect
from runtime.event_loop import event_loops
from runtime.exiting import run_and_exit
from runtime.garbage import collect_seldom
from runtime.logging import configure_logging
from runtime.settings import Settings, load_settings
from runtime.telemetry import Telemetry, open_telemetry
from runtime.workers import build_workers
from store import open_store
from worker.signals import stop_on_signals

log = structlog.stdlib.get_logger(__name__)

SERVER_WITHIN = 60.0
"""Seconds a starting worker waits for Temporal, and for the store: it may be started together with them."""
LOOK_EVERY = 2.0
"""Seconds between looks at which fleet file is in force."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a worker and end the process: 0 after a drain."""
    parser = argparse.ArgumentParser(prog="python -m worker", description="Serve Maintrain's workflows and activities.")
    parser.add_argument("--cluster", action="append", help="a cluster to serve (repeat it); default: all of them")
    chosen = parser.parse_args(arguments).cluster

    async def run() -> int:
        settings = load_settings()
        configure_logging(settings)
        await run_worker(settings, chosen, stop_on_signals())
        return 0

    run_and_exit(run)


async def run_worker(settings: Settings, clusters: Collection[str] | None, stop: asyncio.Event) -> None:
    """Serve these clusters (all by default) until `stop` is set, then drain: no new work is taken, and activities
    have the settings' grace to end. Raises `Unreachable` without Temporal, `InvalidInput` for an unknown cluster.
    """
    telemetry = open_telemetry(settings)
    client = await connect(settings, runtime=telemetry.runtime, patience=SERVER_WITHIN)
    collect_seldom()
    patience = SERVER_WITHIN
    while await fleet_in_force(settings, stop, patience):
        patience = math.inf  # it was right once: a store that is away while drivers are opened anew comes back
        parts = await open_parts(settings, client, clusters)
        try:
            await _serve(client, parts, telemetry, stop)
        finally:
            await parts.close()


async def fleet_in_force(settings: Settings, stop: asyncio.Event, patience: float = SERVER_WITHIN) -> bool:
    """Wait until there is a fleet file to serve; False when told to stop. Raises `Unreachable` when the store does not
    answer for so many seconds.
    """
    told, deadline = False, time.monotonic() + patience
    while not stop.is_set():
        try:
            if await _has_fleet(settings):
                return True
            if not told:
                log.info("waiting for a fleet file: maintrain fleet load FILE")
            told, deadline = True, math.inf
        except Unreachable as error:
            if time.monotonic() >= deadline:
                raise
            log.warning("the store does not answer", error=str(error))
        await _pause(stop)
    return False


async def _has_fleet(settings: Settings) -> bool:
    store = await open_store(settings.store_url)
    try:
        return await store.fleet() is not None
    finally:
        await store.close()


async def _serve(client: Client, parts: Parts, telemetry: Telemetry, stop: asyncio.Event) -> None:
    # First, for its secret may not be there: then nothing has begun.
    listeners = [AvoidanceListener(parts)] if parts.settings.avoid_listen is not None else []
    workers = build_workers(client, parts, telemetry.interceptors)
    running = [asyncio.create_task(worker.run()) for worker in workers]
    watching = asyncio.create_task(_until_told(parts, stop))
    sending = [asyncio.create_task(loop.run()) for loop in event_loops(parts, telemetry.runtime.metric_meter)]
    sending += [asyncio.create_task(listener.run()) for listener in listeners]
    log.info("serving", clusters=sorted(parts.drivers), revision=parts.record.revision, temporal=client.namespace)
    try:
        # A worker ends by itself only when it can't go on: then the process ends too, with the reason.
        await asyncio.wait([watching, *running], return_when=asyncio.FIRST_COMPLETED)
    finally:
        watching.cancel()
        await _drain(workers, running)
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
    log.info("drained")


async def _drain(workers: Sequence[Worker], running: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.gather(
        *(worker.shutdown() for worker, task in zip(workers, running, strict=True) if not task.done()),
    )
    await asyncio.gather(*running)


async def _until_told(parts: Parts, stop: asyncio.Event) -> None:
    """Return when told to stop, or when the fleet file in force asks for other drivers."""
    while not stop.is_set():
        await _pause(stop)
        try:
            if await parts.outdated():
                log.info("the fleet file in force asks for other drivers: opening those")
                return
        except Unreachable as error:
            # Activities tell the same and try again; the drivers that are open go on serving.
            log.warning("the store does not answer", error=str(error))


async def _pause(stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(LOOK_EVERY):
            await stop.wait()
    except TimeoutError:
        return
