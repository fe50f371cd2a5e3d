"""Rollouts, cohorts and trials: their port."""

from collections.abc import Callable, Iterable
from typing import Protocol

from fleet.models.base import Moment
from fleet.models.images import Image
from fleet.models.rollout import RolloutSpec
from fleet.models.rollouts import HostKey, Offboarded, Rollout, RolloutChange, RolloutFacts, Trial


class RolloutBook(Protocol):
    """Rollouts, cohorts and trials."""

    async def start_rollout(self, spec: RolloutSpec, actor: str, reason: str, now: Moment) -> bool:
        """Write a rollout; False when this very spec was started before. Audited.

        Raises `Refused` when another spec of the same component and version was.
        """
        ...

    async def rollouts(self) -> tuple[Rollout, ...]:
        """All that were ever started, oldest first."""
        ...

    async def rollout(self, rollout_id: str) -> Rollout | None:
        """One of them."""
        ...

    async def change_rollout(self, rollout_id: str, decide: Callable[[Rollout], RolloutChange]) -> Rollout:
        """Read a rollout, decide, and write what it becomes with its cohort and audit entry, in one transaction.

        Raises InvalidInput for an unknown one; what `decide` raises leaves all as it was.
        """
        ...

    async def rollout_facts(self, cluster: str, hosts: Iterable[str]) -> RolloutFacts:
        """What decides what these hosts are wanted to carry."""
        ...

    async def cohort(self, rollout_id: str) -> dict[HostKey, int]:
        """Hosts that were frozen into a phase, and which."""
        ...

    async def offboarded(self, component: str | None = None) -> tuple[Offboarded, ...]:
        """Versions that board nowhere any more, of one component or of all."""
        ...

    async def rollout_images(self) -> tuple[Image, ...]:
        """Images that rollouts name, whatever became of these."""
        ...

    async def record_trials(self, trials: tuple[Trial, ...]) -> None:
        """How hosts fared; idempotent by operation (the first one counts)."""
        ...

    async def trials(
        self, clusters: Iterable[str], since: Moment, hosts: Iterable[str] | None = None
    ) -> tuple[Trial, ...]:
        """How hosts of these clusters fared since a moment, oldest first; of all hosts, or of those of these names."""
        ...

    async def more_trials(
        self, clusters: Iterable[str], since: Moment, after: int = 0
    ) -> tuple[tuple[Trial, ...], int]:
        """Those of `trials` that were written after a row, in the order of writing, and the last row there is now: give
        it with the next call. No row appears later before one that was read.
        """
        ...

    async def failures_by_host(self, cluster: str, since: Moment) -> dict[str, int]:
        """Failed trials since a moment, of each host that has any."""
        ...
