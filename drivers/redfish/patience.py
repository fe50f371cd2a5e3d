"""Bearing with a BMC that restarts during an update of ours: its silence and confusion are borne for a stated time,
and after them it is believed only when it has answered well several times in a row. What this remembers decides how
long to wait, never what is true.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from fleet.errors import BadAnswer, Refused, Unreachable

T = TypeVar("T")


class Patience:
    """Patience with the BMCs that are expected to misbehave; with all others there is none."""

    def __init__(self, silent_for: timedelta, good_reads: int, poll: timedelta) -> None:
        self._silent_for = silent_for.total_seconds()
        self._good_reads, self._poll = good_reads, poll.total_seconds()
        self._expected: set[str] = set()

    def expect(self, host: str) -> None:
        """From now on the host's BMC may fall silent."""
        self._expected.add(host)

    def calm(self, host: str) -> None:
        """It has no reason to any more."""
        self._expected.discard(host)

    async def read(self, host: str, once: Callable[[], Awaitable[T]]) -> T:
        """What `once` answers: the first time, or after a silence the last of several good answers in a row."""
        silent_since, good = None, 0
        while True:
            try:
                answer = await once()
            except (Unreachable, BadAnswer, Refused):
                # A BMC that starts may not know its users yet, so that a refusal counts as confusion too.
                if host not in self._expected:
                    raise
                now = time.monotonic()
                silent_since, good = silent_since or now, 0
                if now - silent_since >= self._silent_for:
                    self.calm(host)
                    raise
            else:
                good += 1
                if silent_since is None or good >= self._good_reads:
                    return answer
            await asyncio.sleep(self._poll)
