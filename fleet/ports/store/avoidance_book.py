"""Avoidances: their port."""

from collections.abc import Callable, Collection, Iterable
from typing import Protocol

from fleet.models.avoidance import Avoidance, AvoidanceAsk, AvoidanceChange, Offer
from fleet.models.base import Moment
from fleet.models.facts import AvoidanceFacts
from fleet.models.train import DomainProgress


class AvoidanceBook(Protocol):
    """What jobs asked of trains, and what was answered."""

    async def ask_avoidance(
        self,
        ask: AvoidanceAsk,
        now: Moment,
        decide: Callable[[AvoidanceAsk, AvoidanceFacts], Offer],
        *,
        joins: bool = False,
    ) -> Avoidance:
        """Decide over a request and write the answer; one that was answered before is found as it stands. What is
        granted takes the place of what the same job was granted before (one that `joins` asks for the hosts of both),
        and calls a notice on its hosts off where time for a new one is left. Audited.

        `InvalidInput` for a pool that the fleet file does not have, and for an id that was used for another job or in
        another cluster.
        """
        ...

    async def say_ready(self, ask: AvoidanceAsk, now: Moment, said_at: Moment | None = None) -> Avoidance | None:
        """Note a job's word that it may be visited now; what it was granted ends. Idempotent by the id. Audited. None,
        and nothing is written, for a word of `said_at` where the job was granted something since.
        """
        ...

    async def change_avoidances(
        self, cluster: str, changes: Iterable[AvoidanceChange], actor: str, now: Moment
    ) -> tuple[Avoidance, ...]:
        """Change those of them that are still open, and never to a later date; as they are then. Audited."""
        ...

    async def avoidances(
        self, cluster: str | None = None, *, over: bool | None = None, limit: int = 1000
    ) -> tuple[Avoidance, ...]:
        """The newest first; of one cluster, or of all; those that are over or not."""
        ...

    async def avoidances_of(self, cluster: str, what: str, *, over: bool | None = None) -> tuple[Avoidance, ...]:
        """The newest first, of an id or a job; those that are over or not."""
        ...

    async def avoidances_since(self, cluster: str, since: Moment) -> tuple[Avoidance, ...]:
        """Open ones of a cluster, and those that changed since, the oldest first."""
        ...

    async def avoidance_facts(self, cluster: str, pool: str, now: Moment) -> AvoidanceFacts:
        """What a request of a pool is decided by. `InvalidInput` for a pool that the fleet file does not have."""
        ...

    async def names_signals(self, cluster: str) -> bool:
        """True when any request ever named a signal."""
        ...

    async def job_signals(self, cluster: str, jobs: Collection[str]) -> dict[str, str]:
        """Job: the signal that it wants to be told by, as its last request has it; only those that named one."""
        ...

    async def claim_notices(
        self, cluster: str, pool: str, cycle: int, progress: DomainProgress, jobs: Collection[str], now: Moment
    ) -> tuple[str, ...]:
        """Those of the jobs on a domain that have yet to be told of its visit to come: each is claimed once. None where
        the domain is no longer as `progress` shows it, for its visit was put off, say, or where it is yet to be noted
        as told and the train keeps away beyond a notice.
        """
        ...
