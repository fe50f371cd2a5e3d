"""Trace and span ids that every process can work out alone: a visit is a trace, its id hashed from the visit's, and
the spans of visit and hosts have ids known before they end. So the steps on many workers find their parents.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator

_forced: ContextVar[tuple[int, int] | None] = ContextVar("forced_span_ids", default=None)


def trace_id(root: str) -> int:
    """128-bit trace id of a visit, or of the operation that no visit waits for."""
    return int.from_bytes(hashlib.blake2b(root.encode(), digest_size=16).digest())


def span_id(name: str) -> int:
    """64-bit id of the span of a visit (by its id) or of a host's work (by its operation)."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())


@dataclass(frozen=True)
class Place:
    """Where a span belongs: the trace's root, and the ids of visit and host work where known."""

    root: str
    visit: str | None = None
    operation: str | None = None

    @property
    def parent(self) -> Context:
        """Context of the nearest span above: the host's work, else the visit, else the bare trace."""
        return _below(self.root, self.operation or self.visit or self.root)


def _below(root: str, parent: str) -> Context:
    above = trace.SpanContext(
        trace_id(root), span_id(parent), is_remote=True, trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED)
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(above), context.Context())


def above(place: Place) -> Context:
    """Context for the span of `place` itself: below its visit, or at the top of its trace."""
    if place.operation and place.visit:
        return _below(place.root, place.visit)
    return context.Context()


@contextmanager
def forced_ids(place: Place) -> Iterator[None]:
    """Give the span that is started in the body the ids of `place`."""
    token = _forced.set((trace_id(place.root), span_id(place.operation or place.visit or place.root)))
    try:
        yield
    finally:
        _forced.reset(token)


class KnownIds(IdGenerator):
    """Random ids, but within `forced_ids`."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()

    def generate_span_id(self) -> int:
        """Id of a new span."""
        known = _forced.get()
        return known[1] if known else self._random.generate_span_id()

    def generate_trace_id(self) -> int:
        """Id of a new trace."""
        known = _forced.get()
        return known[0] if known else self._random.generate_trace_id()
