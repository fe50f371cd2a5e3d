"""Hosts of one worker process that wait for each other at a rendezvous: however many they are, it is read a few times
a second, and whoever finds it complete wakes the others.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from weakref import WeakValueDictionary

from fleet.models.gathering import Gathering

AGE = 0.1
"""Seconds for which one host's reading serves the others."""
AGAIN = 1.0
"""Seconds after which a host that nobody woke looks again: those it waits for may be another process's."""

Read = Callable[[str], Awaitable[Gathering]]


class Meeting:
    """One rendezvous, as long as somebody waits there."""

    def __init__(self, name: str, read: Read) -> None:
        self._name, self._read = name, read
        self._last: tuple[float, Gathering] | None = None
        self._complete = asyncio.Event()

    async def arrive(self) -> Gathering:
        """Who is there, read anew: by a host that has just said that it is ready."""
        began, found = time.monotonic(), await self._read(self._name)
        self._last = (began, found)
        if found.planned <= found.ready.keys():
            self._complete.set()
        else:
            self._complete.clear()
        return found

    async def look(self) -> Gathering:
        """Who is there, by a reading that is not older than `AGE`."""
        if self._last is not None and time.monotonic() - self._last[0] < AGE:
            return self._last[1]
        return await self.arrive()

    async def wait(self) -> None:
        """Until the rendezvous is complete, and no longer than `AGAIN`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(AGAIN):
                await self._complete.wait()


class Meetings:
    """The meetings of one worker process, by name."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._open: WeakValueDictionary[str, Meeting] = WeakValueDictionary()

    def __len__(self) -> int:
        """Meetings that somebody holds on to."""
        return len(self._open)

    def at(self, name: str) -> Meeting:
        """The meeting of that name, the same for all who hold on to it at one time."""
        found = self._open.get(name)
        if found is None:
            found = self._open[name] = Meeting(name, self._read)
        return found
