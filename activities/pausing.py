"""Pauses between looks while a step waits."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from fleet.errors import DriverError, Refused, Unreachable

T = TypeVar("T")

FIRST, GROWTH = 0.05, 1.5
SILENCES, ASK_AGAIN = 3, 2.0
"""How often a device whose time is over is asked, and the seconds between, before its silence is its last word."""


class Silences:
    """Counts how often a device could not be read in one attempt of a step."""

    def __init__(self) -> None:
        self._heard = 0

    async def last_word(self, error: DriverError, *, overdue: bool) -> bool:
        """True when the device is given up. While it is not `overdue` the error is raised, so that the engine asks
        again; afterwards it takes several silences of this attempt's own, since the time may have passed without any
        worker, with a pause after each.
        """
        if not overdue:
            raise as_silence(error) from error
        self._heard += 1
        if self._heard == SILENCES:
            return True
        await asyncio.sleep(ASK_AGAIN)
        return False


def as_silence(error: DriverError) -> DriverError:
    """The error as one that is tried again. A device in the midst of a step may refuse to be read for a while: a BMC
    that starts does not know its users yet, nor its system's model. That says nothing of what was begun.
    """
    return Unreachable(str(error)) if isinstance(error, Refused) else error


async def told(reading: Awaitable[T]) -> T:
    """What a device tells in the midst of a step; when it refuses to, that is a silence."""
    try:
        return await reading
    except Refused as no:
        raise as_silence(no) from no


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
