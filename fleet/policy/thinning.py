"""Old counts take less room: within an hour, neighbours that keep the same promises become the lowest of them.

Hours under the floor, over the buffer, and observed stay what they were, and so does the lowest.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from fleet.models.base import Moment
from fleet.models.report import PoolSpan


def thinned(spans: Iterable[PoolSpan]) -> tuple[PoolSpan, ...]:
    """Spans of one pool, oldest first, with fewer of them."""
    kept: list[list[PoolSpan]] = []
    for span in spans:
        if kept and _joins(kept[-1][-1], span):
            kept[-1].append(span)
        else:
            kept.append([span])
    return tuple(_as_one(run) for run in kept)


def _joins(before: PoolSpan, after: PoolSpan) -> bool:
    same_hour = _hour(before.since) == _hour(after.since)
    return same_hour and before.until == after.since and _promises(before) == _promises(after)


def _promises(span: PoolSpan) -> tuple[object, ...]:
    limits = (span.planned_buffer, span.failure_buffer, span.floor, span.overridden, span.seen)
    return (*limits, span.under_floor, span.over_buffer, span.counts.failed >= span.failure_buffer)


def _as_one(run: Sequence[PoolSpan]) -> PoolSpan:
    low = min(run, key=lambda s: s.counts.up)
    return low.model_copy(update={"since": run[0].since, "until": run[-1].until})


def _hour(at: Moment) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
