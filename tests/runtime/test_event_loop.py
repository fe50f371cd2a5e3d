"""The sending of events, over a real store, to real receivers that fail, hang, go away and come back."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.common import MetricMeter

from activities.deps import Deps
from fleet.models.event import EventKind, event
from fleet.models.event_sink import EventSink
from runtime.event_loop import EventLoop
from store import open_store
from tests.parts.receiver import HANG, Receiver

KEY = "a key of enough bytes"


class Pages:
    """What people would get."""

    def __init__(self) -> None:
        self.titles: list[str] = []

    async def page(self, title: str, body: str, to: str = "") -> None:
        self.titles.append(title)


class Site:
    """A store with events, and loops that send them."""

    def __init__(self, store: Any, folder: Any) -> None:
        self.store, self.folder, self.pages = store, folder, Pages()
        self.deps = Deps(store=store, hands={}, pager=self.pages, engine=None)  # type: ignore[arg-type]
        self.loops: list[EventLoop] = []

    def loop(self, receiver: Receiver, **more: Any) -> EventLoop:
        values = {"name": "chat", "timeout": "300ms", "webhook": {"url": receiver.url, "secret": {"file": "key"}}}
        sink = EventSink.model_validate({**values, **more})
        self.loops.append(EventLoop(self.deps, MetricMeter.noop, sink, "c1", self.folder))
        return self.loops[-1]

    async def happen(self, *numbers: int, kind: EventKind = EventKind.DRAIN_BEGUN) -> None:
        for n in numbers:
            await self.store.record_event(event(kind, f"op-{n}", datetime.now(UTC), ("c1", "gpu"), hosts=(f"h{n}",)))


@pytest.fixture
async def site(tmp_path):
    (tmp_path / "key").write_text(KEY)
    store = await open_store(f"sqlite:///{tmp_path}/facts.db")
    made = Site(store, tmp_path)
    yield made
    for loop in made.loops:
        await loop._sender.close()
    await store.close()


@pytest.fixture
def receiver():
    with Receiver() as listening:
        yield listening


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(400):
        if await check():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come about in 20 s")


def subjects(receiver):
    return [e["subject"] for e in receiver.events]


async def test_events_reach_the_sink_in_order_and_once(site, receiver):
    loop = site.loop(receiver)
    await site.happen(1)
    await loop.turn()
    await site.happen(2, 3, 4)

    for _ in range(3):
        await loop.turn()

    assert ["op-2", "op-3", "op-4"] == subjects(receiver)
    assert [2, 3, 4] == [e["sequence"] for e in receiver.events]


async def test_what_a_sink_does_not_take_is_passed_over(site, receiver):
    loop = site.loop(receiver, kinds=["host_back"])
    await loop.turn()
    await site.happen(1, 2)
    await site.happen(3, kind=EventKind.HOST_BACK)
    await site.happen(4)
    await loop.turn()

    assert ["op-3"] == subjects(receiver)
    assert not await site.store.events_waiting("chat", "c1")


async def test_a_failing_sink_is_tried_again_after_longer_and_longer_pauses(site, receiver):
    loop = site.loop(receiver)
    await loop.turn()
    await site.happen(1)
    receiver.statuses = [500, HANG, 200]

    failed = []
    while not receiver.events:
        before = len(receiver.posts)
        pause = await loop.turn()
        if len(receiver.posts) > before and not receiver.events:
            failed.append(pause)
        await asyncio.sleep(0.05)

    assert [1.0, 2.0] == failed
    ids = {headers["webhook-id"] for headers, _ in receiver.posts}
    assert (3, 1) == (len(receiver.posts), len(ids))


async def test_a_hanging_sink_holds_up_its_own_events_only(site, receiver):
    with Receiver() as other:
        other.statuses = [HANG]
        hanging, well = site.loop(other, name="hangs", timeout="10s"), site.loop(receiver, name="well")
        for loop in (hanging, well):
            await loop.turn()
        await site.happen(1)

        waiting = asyncio.create_task(hanging.turn())
        began = time.monotonic()
        await well.turn()
        took = time.monotonic() - began
        waiting.cancel()
        await asyncio.wait((waiting,))

    assert ["op-1"] == subjects(receiver)
    assert took < 5


async def test_an_event_that_is_refused_is_given_up_paged_and_the_next_one_goes(site, receiver):
    loop = site.loop(receiver)
    await loop.turn()
    await site.happen(1, 2)
    receiver.statuses = [422, 200]
    await loop.turn()

    assert ["op-2"] == subjects(receiver)
    assert ["1 events of c1 were given up for the sink chat"] == site.pages.titles
    assert [(0, 1)] == [(s.waiting, s.dropped) for s in await site.store.sink_states()]


async def test_a_dead_sinks_backlog_is_bounded_and_people_are_told_once_an_hour(site, receiver):
    loop = site.loop(receiver, most_waiting=3)
    await loop.turn()
    receiver.stop()
    await site.happen(*range(1, 6))
    await loop.turn()
    await site.happen(*range(6, 9))
    receiver.start()
    while not receiver.events:
        await asyncio.sleep(0.1)
        await loop.turn()

    assert ["op-6", "op-7", "op-8"] == subjects(receiver)
    assert [(0, 5)] == [(s.waiting, s.dropped) for s in await site.store.sink_states()]
    assert ["2 events of c1 were given up for the sink chat"] == site.pages.titles


async def test_another_worker_goes_on_where_a_dead_one_was(site, receiver):
    first, second = site.loop(receiver), site.loop(receiver)
    await first.turn()
    await site.happen(1, 2)
    now = datetime.now(UTC)
    await site.store.take_events(first._sink, "c1", "a dead one", now - timedelta(seconds=121), 100)
    await site.store.events_done("chat", "c1", "a dead one", 1, now - timedelta(seconds=121))

    await second.turn()

    assert ["op-2"] == subjects(receiver)


async def test_a_missing_key_holds_events_back_and_is_told_without_its_value(site, receiver):
    loop = site.loop(receiver)
    await loop.turn()
    (site.folder / "key").unlink()
    await site.happen(1)
    await loop.turn()
    (state,) = await site.store.sink_states()
    assert "secret: file key" in state.error

    (site.folder / "key").write_text(KEY)
    while not receiver.events:
        await asyncio.sleep(0.1)
        await loop.turn()
    assert KEY.encode() not in (site.folder / "facts.db").read_bytes()


async def test_an_apprise_sink_gets_a_short_message(site, receiver, monkeypatch):
    monkeypatch.setenv("CHAT", f"json://127.0.0.1:{receiver.port}/")
    loop = site.loop(receiver, webhook=None, apprise="CHAT")
    await loop.turn()
    await site.happen(1)
    await loop.turn()

    posted = json.loads(receiver.posts[0][1])
    assert "c1/gpu: drain begun h1" == posted["title"]
    assert "op-1" in posted["message"]


async def test_a_loop_that_runs_sends_what_happens(site, receiver):
    running = asyncio.create_task(site.loop(receiver).run())

    async def begun() -> bool:
        return bool(await site.store.sink_states())

    async def arrived() -> bool:
        return bool(receiver.events)

    await until(begun)
    await site.happen(1)
    await until(arrived)
    running.cancel()
    await asyncio.wait((running,))

    assert ["op-1"] == subjects(receiver)
