"""BMCs that were sent an update and did not answer: their tasks tell whether it began, once these had time to show.

Known to the process that sent it; another learns of such an update by its task alone.
"""

import time
from datetime import timedelta

from fleet.errors import DriverError


class Doubts:
    """Which BMCs are in doubt now."""

    def __init__(self) -> None:
        self._noted: dict[str, tuple[float, float]] = {}

    def note(self, host: str, within: timedelta) -> None:
        """An update was sent to the host's BMC just now, and its answer is lost. `within`: time after which a task that
        shall show does.
        """
        self._noted[host] = (time.monotonic(), within.total_seconds())

    def check(self, host: str, error: type[DriverError], at_most: timedelta = timedelta.max) -> None:
        """Raise that error while nothing can be concluded from what the host's BMC shows, for `at_most` that time."""
        sent, within = self._noted.get(host, (0.0, 0.0))
        left = sent + min(within, at_most.total_seconds()) - time.monotonic()
        if left > 0:
            raise error(f"{host}: its BMC was sent an update and did not answer; its task may show for {left:.0f} s")
