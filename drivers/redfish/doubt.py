"""BMCs that were sent an update and did not answer: their tasks tell whether it began, once these had time to show.

Known to the process that sent it; another learns of such an update by its task alone.
"""

import time
from datetime import timedelta

from fleet.errors import DriverError


class Doubts:
    """Which BMCs are in doubt now. `within`: time after which a task that shall show does."""

    def __init__(self, within: timedelta) -> None:
        self._within = within.total_seconds()
        self._until: dict[str, float] = {}

    def note(self, host: str) -> None:
        """An update was sent to the host's BMC just now, and its answer is lost."""
        self._until[host] = time.monotonic() + self._within

    def check(self, host: str, error: type[DriverError]) -> None:
        """Raise that error while nothing can be concluded from what the host's BMC shows."""
        left = self._until.get(host, 0.0) - time.monotonic()
        if left > 0:
            raise error(f"{host}: its BMC was sent an update and did not answer; its task may show for {left:.0f} s")
        self._until.pop(host, None)
