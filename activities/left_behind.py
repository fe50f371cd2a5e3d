"""When a measurement that has a host undrained is over without its worker, and nobody drains the host but us."""

import time

from fleet.policy.draining import Drained, DrainState

LEFT_BEHIND = 10.0
"""Seconds without any job after which a measurement that has the host undrained is one whose worker died."""


class Quiet:
    """Tells by one look at a host after the other how long its measurement has had no job."""

    def __init__(self, left_behind: float) -> None:
        self._left_behind = left_behind
        self._since: float | None = None

    def left_behind(self, seen: Drained) -> bool:
        """True once looks have shown it measured, and no job on any host of the measurement, for that many seconds."""
        if seen.state is not DrainState.MEASURED or seen.jobs:
            self._since = None
            return False
        if self._since is None:
            self._since = time.monotonic()
        return time.monotonic() - self._since > self._left_behind
