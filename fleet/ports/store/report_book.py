"""What reports are made from: its port."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Protocol

from fleet.models.base import Moment
from fleet.models.report import Interruption, Out, PoolSpan, ReportFacts


class ReportBook(Protocol):
    """Counts over time, hosts' times out, interrupted jobs."""

    async def record_counts(
        self, cluster: str, now: Moment, pools: Mapping[str, PoolSpan], outs: Mapping[str, Out], gap: timedelta
    ) -> None:
        """Note a look: a span that still holds goes on, else a new one begins. Looks that are further apart than `gap`
        leave a time that was not observed. `outs`: hosts that are out, by name.
        """
        ...

    async def record_interruptions(self, found: Iterable[Interruption]) -> None:
        """Runs of jobs that we ended; each is noted once."""
        ...

    async def tidy_counts(
        self,
        cluster: str,
        older: tuple[Moment, Moment],
        thin: Callable[[Iterable[PoolSpan]], tuple[PoolSpan, ...]],
        forget: Moment,
    ) -> None:
        """Thin the spans that ended within `older`, and forget all that ended before `forget`."""
        ...

    async def report_facts(
        self, cluster: str, begin: Moment, end: Moment, desired: Mapping[str, frozenset[str]]
    ) -> ReportFacts:
        """All that a report on a cluster's time is made from. `desired`: component → versions that are wanted
        somewhere, which are told even where no host came to them.
        """
        ...
