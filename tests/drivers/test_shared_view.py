"""The shared view: few readings, never one older than asked for."""

import asyncio
import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.shared_view import SharedView
from fleet.errors import BadAnswer, Unreachable
from fleet.models.scheduler import ClusterView


class Source:
    """A scheduler whose readings take a while, and may fail."""

    def __init__(self, takes: float = 0.02) -> None:
        self.takes, self.began, self.error, self.late = takes, [], None, 0.0

    async def read(self) -> ClusterView:
        began = time.monotonic()
        self.began.append(began)
        await asyncio.sleep(self.takes)
        if self.error is not None:
            raise self.error
        return ClusterView(began=began - self.late, nodes={})


async def test_a_thousand_callers_at_once_cost_one_reading():
    source = Source()
    view = SharedView(source.read, poll=1.0)

    got = await asyncio.gather(*(view.get() for _ in range(1000)))

    assert len(source.began) == 1
    assert {id(v) for v in got} == {id(got[0])}


async def test_hosts_that_want_newer_readings_one_after_the_other_do_not_cost_one_each():
    source = Source(takes=0.0)
    view = SharedView(source.read, poll=0.2)

    async def host(number: int) -> None:
        await asyncio.sleep(number * 0.005)
        asked = time.monotonic()
        assert (await view.get(asked)).began >= asked

    await asyncio.gather(*(host(n) for n in range(50)))

    apart = [b - a for a, b in itertools.pairwise(source.began)]
    assert min(apart) >= 0.099
    assert len(source.began) <= 5


async def test_a_young_reading_is_used_again_and_an_old_one_is_not():
    source = Source(takes=0.0)
    view = SharedView(source.read, poll=0.1)

    first, second = await view.get(), await view.get()
    await asyncio.sleep(0.12)
    third = await view.get()

    assert first is second
    assert third is not first


async def test_who_asks_for_something_newer_does_not_join_the_reading_under_way():
    source = Source()
    view = SharedView(source.read, poll=1.0)
    early = asyncio.create_task(view.get())
    await asyncio.sleep(0.005)
    asked = time.monotonic()

    late = await view.get(asked)

    assert (await early).began < asked <= late.began
    assert len(source.began) == 2


async def test_those_who_wait_for_the_next_reading_share_it():
    source = Source()
    view = SharedView(source.read, poll=1.0)
    early = asyncio.create_task(view.get())
    await asyncio.sleep(0.005)
    asked = time.monotonic()

    await asyncio.gather(early, *(view.get(asked) for _ in range(100)))

    assert len(source.began) == 2


async def test_an_error_reaches_everyone_who_joined_and_is_not_kept():
    source = Source()
    source.error = Unreachable("no answer")
    view = SharedView(source.read, poll=1.0)

    failed = await asyncio.gather(*(view.get() for _ in range(5)), return_exceptions=True)
    source.error = None

    assert [str(e) for e in failed] == ["no answer"] * 5
    assert (await view.get()).nodes == {}
    assert len(source.began) == 2


async def test_one_caller_cancelled_does_not_cost_the_others_their_reading():
    source = Source()
    view = SharedView(source.read, poll=1.0)
    one, other = asyncio.create_task(view.get()), asyncio.create_task(view.get())
    await asyncio.sleep(0.005)

    one.cancel()

    assert (await other).nodes == {}
    with pytest.raises(asyncio.CancelledError):
        await one
    assert len(source.began) == 1


async def test_an_error_that_nobody_waits_for_any_more_is_not_a_loose_end():
    source = Source()
    source.error = Unreachable("no answer")
    view = SharedView(source.read, poll=1.0)
    only = asyncio.create_task(view.get())
    await asyncio.sleep(0.005)
    only.cancel()
    await asyncio.sleep(0.03)

    source.error = None

    assert (await view.get()).nodes == {}


async def test_a_reading_that_began_before_it_was_asked_for_is_a_bad_answer():
    source = Source()
    source.late = 5.0
    view = SharedView(source.read, poll=60.0)

    with pytest.raises(BadAnswer, match="stale"):
        await view.get()

    source.late = 0.0
    assert (await view.get()).began >= source.began[-1]


async def test_asking_for_the_near_future_waits_for_it():
    view = SharedView(Source().read, poll=1.0)
    asked = time.monotonic() + 0.05

    assert (await view.get(asked)).began >= asked


async def test_closing_gives_up_the_reading_under_way():
    source = Source(takes=60.0)
    view = SharedView(source.read, poll=1.0)
    waiting = asyncio.create_task(view.get())
    await asyncio.sleep(0.005)

    await view.close()

    with pytest.raises(asyncio.CancelledError):
        await waiting


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 15), st.booleans()), min_size=1, max_size=20), st.integers(0, 10))
def test_no_caller_ever_gets_a_reading_older_than_asked_or_than_the_poll(callers, takes):
    poll = 0.008

    async def run() -> list[tuple[float, float, float]]:
        view = SharedView(Source(takes / 1000).read, poll)

        async def call(wait: int, fresh: bool) -> tuple[float, float, float]:
            await asyncio.sleep(wait / 1000)
            called = time.monotonic()
            asked = called if fresh else 0.0
            return called, asked, (await view.get(asked)).began

        return await asyncio.gather(*(call(*c) for c in callers))

    for called, asked, began in asyncio.run(run()):
        assert began >= asked
        # Cached ones are younger than the poll; a joined one may have begun as long ago as a reading takes.
        assert began > called - poll - takes / 1000 - 0.05
