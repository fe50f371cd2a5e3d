"""The discrete-event clock: what happens next, in the order of time, and among equals in the order it was asked for."""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

Call = Callable[[Any], None]


class Clock:
    """Time in seconds from the beginning, and what is due."""

    def __init__(self) -> None:
        self.now = 0.0
        self.events = 0
        """Calls so far."""
        self._due: list[tuple[float, int, Call, object]] = []
        self._asked = 0

    def at(self, when: float, call: Call, what: object = None) -> None:
        """Have `call(what)` at a time that is not past."""
        self._asked += 1
        heappush(self._due, (when, self._asked, call, what))

    @property
    def next(self) -> float:
        """When the next call is due; inf for none."""
        return self._due[0][0] if self._due else float("inf")

    def step(self) -> None:
        """Go to the next call and make it."""
        self.now, _, call, what = heappop(self._due)
        self.events += 1
        call(what)
