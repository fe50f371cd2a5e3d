"""Hosts that wait for each other at a rendezvous, as one worker process sees them."""

import asyncio
import gc
import time
from datetime import UTC, datetime

from activities.meeting import AGAIN, Meetings
from fleet.models.gathering import Gathering

PLANNED = frozenset({"a", "b", "c"})


class Rendezvous:
    """Who has come to it, and how often that was read."""

    def __init__(self):
        self.ready, self.readings = {}, 0

    async def read(self, name):
        self.readings += 1
        return Gathering(dict(self.ready), PLANNED)

    def come(self, host):
        self.ready[host] = datetime.now(UTC)


async def test_the_last_to_come_wakes_those_that_wait_and_one_reading_serves_them():
    rendezvous = Rendezvous()
    meetings = Meetings(rendezvous.read)

    async def host(name):
        rendezvous.come(name)
        meeting = meetings.at("v1")
        found, began = await meeting.arrive(), time.monotonic()
        while not found.planned <= found.ready.keys():
            await meeting.wait()
            found = await meeting.look()
        return time.monotonic() - began

    waiting = [asyncio.create_task(host(name)) for name in ("a", "b")]
    await asyncio.sleep(0.05)
    await host("c")

    assert AGAIN > max(await asyncio.gather(*waiting))
    assert 3 == rendezvous.readings


async def test_who_is_not_woken_looks_again_after_a_while():
    rendezvous = Rendezvous()
    meeting = Meetings(rendezvous.read).at("v1")
    await meeting.arrive()
    for name in PLANNED:  # in another process, so that nobody here is told
        rendezvous.come(name)

    await meeting.wait()

    assert PLANNED == (await meeting.look()).ready.keys()


async def test_a_meeting_is_forgotten_with_the_last_who_holds_on_to_it():
    meetings = Meetings(Rendezvous().read)
    first = meetings.at("v1")
    assert first is meetings.at("v1")
    assert first is not meetings.at("v2")

    del first
    gc.collect()

    assert 0 == len(meetings)
