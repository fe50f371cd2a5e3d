"""The repair ladder's book: its port."""

from collections.abc import Callable
from typing import Protocol

from fleet.models.base import Moment
from fleet.models.rungs import LadderFacts, NextRung, RungEnd, RungRecord
from fleet.models.work import HostWork


class Ladders(Protocol):
    """Rungs that were climbed."""

    async def climb(self, work: HostWork, now: Moment, decide: Callable[[LadderFacts], NextRung]) -> RungRecord:
        """The rung of a repair's next try: decided on the facts of this instant and written with its audit entry, or
        as it was written before; no rung follows the person. The lease says from then on what is under way. Raises
        `LeaseLost`.
        """
        ...

    async def end_ladder(self, person: RungRecord) -> None:
        """Keep that a person has the repair, whatever ended its ladder, after all of its rungs; the first one counts.
        The record's attempt is not heeded. The lease says so, where the repair still holds it.
        """
        ...

    async def end_rung(self, operation: str, up_to: int, end: RungEnd, said: str, now: Moment) -> RungRecord | None:
        """Note how a repair's open rung ended, if it began a try up to `up_to`; None when none is open."""
        ...

    async def rungs(self, operation: str) -> tuple[RungRecord, ...]:
        """The rungs of a repair, oldest first, the person at their end too."""
        ...
