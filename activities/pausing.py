"""Pauses between looks while a step waits."""

import asyncio

FIRST, GROWTH = 0.05, 1.5
SILENCES, ASK_AGAIN = 3, 2.0
"""How often a device whose time is over is asked, and the seconds between, before its silence is its last word."""


class Pauses:
    """Short at first, so that quick devices cost no time, then longer, so that slow ones are not pestered.

    `first` and `at_most` in seconds. The drivers' shared views bound what looks at a scheduler cost.
    """

    def __init__(self, at_most: float = 2.0, first: float = FIRST) -> None:
        self._next, self._at_most = first, at_most

    async def wait(self) -> None:
        """Sleep until the next look."""
        await asyncio.sleep(self._next)
        self._next = min(self._next * GROWTH, self._at_most)
