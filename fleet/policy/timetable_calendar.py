"""When a train's visits may begin, in seconds from a moment on: a pool's windows as arrays."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import inf

import numpy as np
from numpy.typing import NDArray

from fleet.models.base import Moment
from fleet.models.windows import Window
from fleet.policy.windows import HORIZON, spans

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Calendar:
    """Stretches in which a visit may begin, both ends included, in order; by default always."""

    opens: tuple[float, ...] = (0.0,)
    last: tuple[float, ...] = (inf,)
    """The last moment of each at which a visit may begin."""

    @classmethod
    def of(cls, windows: Sequence[Window], at: Moment, need: timedelta, horizon: timedelta = HORIZON) -> "Calendar":
        """A pool's windows from `at` on; `need` must be left of one for a visit to begin in it."""
        if not windows:
            return cls()
        found = [
            ((span.opens - at).total_seconds(), (span.closes - need - at).total_seconds())
            for span in spans(windows, at, at + horizon)
        ]
        fit = [(max(0.0, opens), last) for opens, last in found if last >= max(0.0, opens)]
        return cls(tuple(opens for opens, _ in fit), tuple(last for _, last in fit))

    @property
    def always(self) -> bool:
        """True for a pool without windows."""
        return self.last == (inf,) and self.opens == (0.0,)

    def begin(self, at: float) -> float:
        """The first moment from `at` on at which a visit may begin; inf for never."""
        if self.always:
            return at
        place = bisect_left(self.last, at)
        return inf if place == len(self.last) else max(at, self.opens[place])

    def slots(self, at: float, length: float, count: int) -> Floats:
        """When each of so many visits of one length begins, one after the other; inf for those without room."""
        if self.always:
            return at + length * np.arange(count, dtype=np.float64)
        found, done = np.full(count, inf), 0
        while done < count and (at := self.begin(at)) < inf:  # a stretch at once: a large pool's visits are thousands
            last, most = self.last[bisect_left(self.last, at)], count - done
            if length > 0 and last < inf:
                most = min(most, int((last - at) / length) + 1)
            begins = at + length * np.arange(most, dtype=np.float64)
            begins = begins[begins <= last]
            found[done : done + len(begins)] = begins
            done += len(begins)
            at = float(begins[-1]) + length
        return found
