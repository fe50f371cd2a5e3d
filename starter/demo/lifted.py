"""What audited overrides allow at an instant, for the outside observer: which limits are lifted, and how far."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from fleet.models.override import OverrideInForce


@dataclass(frozen=True)
class LiftedLimit:
    """Numbers that hold for one pool from `since` until `until` (seconds since 1970); None leaves a limit as it is."""

    since: float
    until: float
    pool: str
    planned_buffer: int | None = None
    floor: int | None = None


def lifted_limits(granted: Iterable[OverrideInForce]) -> list[LiftedLimit]:
    """What the observer is told of overrides that name numbers."""
    return [
        LiftedLimit(o.since.timestamp(), _end(o), pool, o.planned_buffer.get(pool), o.floor.get(pool))
        for o in granted
        for pool in {*o.planned_buffer, *o.floor}
    ]


def _end(override: OverrideInForce) -> float:
    """An override that has no end yet holds until its request's."""
    return math.inf if override.until is None else override.until.timestamp()


class Lifted:
    """`whole` are the spans in which any host may be out by plan; `named` the limits that are lifted so far and no
    further.
    """

    def __init__(self, whole: Iterable[tuple[float, float]] = (), named: Iterable[LiftedLimit] = ()) -> None:
        self._whole, self._named = tuple(whole), tuple(named)

    def planned_buffer(self, pool: str, promised: int, at: float) -> int | None:
        """Hosts that may be out by plan; None for any number."""
        if self._any(at):
            return None
        return max((promised, *(n.planned_buffer for n in self._of(pool, at) if n.planned_buffer is not None)))

    def floor(self, pool: str, promised: int, at: float) -> int:
        """Hosts that must be up for one to be taken."""
        if self._any(at):
            return 0
        return min((promised, *(n.floor for n in self._of(pool, at) if n.floor is not None)))

    def _any(self, at: float) -> bool:
        return any(since <= at < until for since, until in self._whole)

    def _of(self, pool: str, at: float) -> Iterable[LiftedLimit]:
        return (n for n in self._named if n.pool == pool and n.since <= at < n.until)
