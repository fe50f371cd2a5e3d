"""BMCs that were sent an update and did not answer: their tasks tell whether it began, once these had time to show.

A new task for what was sent settles it. Known to the process that sent it; another learns of such an update by its
task alone.
"""

import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from fleet.errors import DriverError, Refused

Shown = tuple[str, tuple[str, str] | None]
"""A task's id, with its component and version where they are known."""


@dataclass(frozen=True)
class _Lost:
    """An update whose answer is lost: when it was sent, the seconds in which its task shows, and what it is."""

    sent: float
    within: float
    what: tuple[str, str]
    known: frozenset[str]


class Doubts:
    """Which BMCs are in doubt now."""

    def __init__(self) -> None:
        self._noted: dict[str, _Lost] = {}

    def note(self, host: str, within: timedelta, what: tuple[str, str], known: Iterable[str]) -> None:
        """An update to `what`, a component and version, was sent to the host's BMC just now, and its answer is lost.
        `within`: time after which a task that shall show does. `known`: ids of the tasks that it showed before.
        """
        self._noted[host] = _Lost(time.monotonic(), within.total_seconds(), what, frozenset(known))

    def seen(self, host: str, tasks: Iterable[Shown]) -> None:
        """What the host's BMC shows now. A new task for what was sent is that update: it began, and nothing is open."""
        lost = self._noted.get(host)
        if lost is not None and any(name == lost.what and task not in lost.known for task, name in tasks):
            del self._noted[host]

    async def settle(self, host: str, look: Callable[[], Awaitable[None]]) -> None:
        """Raise `Refused` while the host is in doubt. `look` tells `seen` what its BMC shows; where it can't, or finds
        what runs, that is for whoever asks next: here only the doubt counts.
        """
        if host in self._noted:
            with suppress(DriverError):
                await look()
            self.check(host, Refused)

    def check(self, host: str, error: type[DriverError], at_most: timedelta = timedelta.max) -> None:
        """Raise that error while nothing can be concluded from what the host's BMC shows, for `at_most` that time."""
        lost = self._noted.get(host)
        if lost is None:
            return
        left = lost.sent + min(lost.within, at_most.total_seconds()) - time.monotonic()
        if left > 0:
            raise error(f"{host}: its BMC was sent an update and did not answer; its task may show for {left:.0f} s")
