"""Sends events to the sinks of the fleet file, beside a worker's activities: a receiver that fails, hangs or is dead
holds up its own events and nothing else.

One worker at a time has a sink, and sends in order, one event after another: at least once each, until the sink's
bounds give events up.
"""

import asyncio
import os
import secrets
from datetime import timedelta
from pathlib import Path

import structlog
from temporalio.common import MetricMeter

from activities.deps import Deps
from activities.pages import events_given_up
from fleet.errors import MaintrainError, Refused
from fleet.models.event import Batch, Event
from fleet.models.event_sink import EventSink
from fleet.ports.events import EventSender
from runtime.build import Parts
from runtime.event_senders import open_sender

log = structlog.stdlib.get_logger(__name__)

LOOK_EVERY = 1.0
"""Seconds between looks whether a sink has something to be sent."""
AT_ONCE = 100
"""Events that are read at once."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds until a sink that failed is tried again; doubled each time."""
_MOST_DOUBLINGS = 16


def event_loops(parts: Parts, meter: MetricMeter) -> list["EventLoop"]:
    """One for each sink and each cluster that is served here."""
    folder = parts.settings.data
    sinks = parts.record.fleet.events
    return [EventLoop(parts.deps, meter, sink, cluster, folder) for sink in sinks for cluster in sorted(parts.drivers)]


class EventLoop:
    """One worker's share in sending the events of one cluster to one sink."""

    def __init__(self, deps: Deps, meter: MetricMeter, sink: EventSink, cluster: str, folder: Path) -> None:
        self._deps, self._sink, self._cluster = deps, sink, cluster
        self._sender: EventSender = open_sender(sink, folder)
        self._worker = f"{os.getpid()}-{secrets.token_hex(4)}"
        labels = {"sink": sink.name, "cluster": cluster}
        self._sent = meter.create_counter("maintrain_events_sent", "Events that sinks took").with_additional_attributes(
            labels
        )
        self._dropped = meter.create_counter(
            "maintrain_events_dropped", "Events that were given up"
        ).with_additional_attributes(labels)

    async def run(self) -> None:
        """Without end; whatever goes wrong here is logged and tried again."""
        try:
            while True:
                pause = LOOK_EVERY
                try:
                    pause = await self.turn()
                except MaintrainError as error:
                    log.warning("events wait", sink=self._sink.name, cluster=self._cluster, error=str(error))
                except Exception:  # the last resort of a task that nobody waits for
                    log.exception("events wait", sink=self._sink.name, cluster=self._cluster)
                    pause = LONGEST_PAUSE
                await asyncio.sleep(pause)
        finally:
            await self._sender.close()

    async def turn(self) -> float:
        """Send what waits, up to a failure; seconds until the next turn."""
        store, name = self._deps.store, self._sink.name
        if not await store.events_waiting(name, self._cluster):
            return LOOK_EVERY
        now = await self._deps.clock()
        batch = await store.take_events(self._sink, self._cluster, self._worker, now, AT_ONCE)
        if batch is None:
            return LOOK_EVERY
        if batch.dropped:
            await self._given_up(batch.dropped, "they waited too long, or too many did")
        return await self._send(batch)

    async def _send(self, batch: Batch) -> float:
        store, name = self._deps.store, self._sink.name
        passed, failures = 0, batch.attempts
        for event in batch.events:
            if not self._sink.takes(event):
                passed = event.sequence
                continue
            dropped = 0
            try:
                await self._sender.send(event)
                self._sent.add(1)
            except Refused as no:
                dropped = 1
                await self._given_up(1, f"{no}, to {event.kind} {event.id}")
            except MaintrainError as error:
                return await self._failed(error, failures, passed)
            if not await self._done(event, dropped):
                return LOOK_EVERY
            passed = failures = 0
        if passed:
            await store.events_done(name, self._cluster, self._worker, passed, await self._deps.clock())
        return 0.0 if len(batch.events) == AT_ONCE else LOOK_EVERY

    async def _done(self, event: Event, dropped: int) -> bool:
        now = await self._deps.clock()
        return await self._deps.store.events_done(
            self._sink.name, self._cluster, self._worker, event.sequence, now, dropped=dropped
        )

    async def _failed(self, error: MaintrainError, failures: int, passed: int) -> float:
        store, name, now = self._deps.store, self._sink.name, await self._deps.clock()
        if passed:
            await store.events_done(name, self._cluster, self._worker, passed, now)
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(failures, _MOST_DOUBLINGS)))
        again = now + timedelta(seconds=pause)
        await store.events_failed(name, self._cluster, self._worker, str(error), now, again)
        log.warning("a sink does not take events", sink=name, cluster=self._cluster, error=str(error), again_in=pause)
        return pause

    async def _given_up(self, count: int, why: str) -> None:
        """Counted, logged, and paged once an hour."""
        self._dropped.add(count)
        log.error("events were given up", sink=self._sink.name, cluster=self._cluster, events=count, why=why)
        await self._deps.page(events_given_up(self._sink.name, self._cluster, count, why, await self._deps.clock()))
