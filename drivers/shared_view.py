"""One shared, cached view of a scheduler: a thousand hosts that poll cost one call.

A cached reading serves whoever asks for nothing newer while it is younger than `poll`; a reading under way is joined
only by callers whose `not_before` it began at or after, all others wait for the next one. Readings begin some time
apart, so hosts that each want one newer than the last share it too. Errors reach every caller that joined and are not
kept.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from fleet.errors import BadAnswer
from fleet.models.scheduler import ClusterView

APART_AT_MOST = 2.0
"""Seconds: the longest pause between readings, whatever the poll; a step may have to wait for it."""


class _Flight:
    """A reading under way, and when it began (monotonic seconds)."""

    def __init__(self, began: float, task: asyncio.Task[ClusterView]) -> None:
        self.began, self.task = began, task


class SharedView:
    """Shares readings of `read` among callers of one event loop.

    `read` makes one reading whose `began` is taken as it makes its first call; `poll` (seconds) is the age at which
    a cached reading is too old; two readings begin at least half of it apart; `clock` tells monotonic seconds.
    """

    def __init__(
        self, read: Callable[[], Awaitable[ClusterView]], poll: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read, self._poll, self._clock = read, poll, clock
        self._apart = min(poll / 2, APART_AT_MOST)
        self._next = 0.0
        self._last: ClusterView | None = None
        self._flight: _Flight | None = None

    async def get(self, not_before: float = 0.0) -> ClusterView:
        """A reading that began at or after `not_before` (monotonic seconds).

        Raises what `read` raises, and `BadAnswer` for a reading that began before it was asked for.
        """
        while True:
            last = self._last
            if last is not None and last.began >= not_before and self._clock() - last.began < self._poll:
                return last
            flight = self._flight
            if flight is not None and flight.began < not_before:
                await asyncio.wait((flight.task,))
                continue
            if flight is None:
                if (early := max(not_before, self._next) - self._clock()) > 0:
                    await asyncio.sleep(early)
                    continue
                flight = self._start()
            # Shielded: a caller that is cancelled must not take the reading away from those that joined it.
            return await asyncio.shield(flight.task)

    async def close(self) -> None:
        """Give up a reading under way."""
        if self._flight is not None:
            self._flight.task.cancel()
            await asyncio.wait((self._flight.task,))

    def _start(self) -> _Flight:
        began = self._clock()
        self._next = began + self._apart
        flight = _Flight(began, asyncio.create_task(self._take(began)))
        self._flight = flight
        flight.task.add_done_callback(self._landed)
        return flight

    async def _take(self, asked: float) -> ClusterView:
        view = await self._read()
        if view.began < asked:
            raise BadAnswer(
                f"the scheduler's answer is stale: it began {asked - view.began:.3f}s before it was asked for"
            )
        self._last = view
        return view

    def _landed(self, task: asyncio.Task[ClusterView]) -> None:
        if self._flight is not None and self._flight.task is task:
            self._flight = None
        if not task.cancelled():
            task.exception()  # marks it as seen: the caller that asked may have been cancelled
