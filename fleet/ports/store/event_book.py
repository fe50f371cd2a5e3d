"""Events for other systems, and how far each sink has come with them: their port."""

from typing import Protocol

from fleet.models.base import Moment
from fleet.models.event import Batch, Event, SinkState
from fleet.models.event_sink import EventSink


class EventBook(Protocol):
    """Events, in the order of a cluster's facts."""

    async def record_event(self, event: Event) -> bool:
        """Keep an event, by id; False when it was kept before. What happens together with a fact is written with it."""
        ...

    async def event_log(
        self, cluster: str | None = None, limit: int = 100, kind: str | None = None
    ) -> tuple[Event, ...]:
        """Newest first; of one cluster or all, of one kind or all."""
        ...

    async def events_waiting(self, sink: str, cluster: str) -> bool:
        """True when a sink is behind, or is not known yet."""
        ...

    async def take_events(self, sink: EventSink, cluster: str, worker: str, now: Moment, limit: int) -> Batch | None:
        """What a sink is to be sent next, claimed for a worker; None while another has it, while it is to be left
        alone after a failure, and when nothing waits. A sink that is new begins with the next event. What waited for
        too long, or beyond the sink's bound, is given up and counted.
        """
        ...

    async def events_done(
        self, sink: str, cluster: str, worker: str, upto: int, now: Moment, *, dropped: int = 0
    ) -> bool:
        """A sink is done with events up to a sequence; False when another worker has it meanwhile."""
        ...

    async def events_failed(self, sink: str, cluster: str, worker: str, error: str, now: Moment, again: Moment) -> None:
        """A sink did not take its next event; it is to be left alone until `again`."""
        ...

    async def sink_states(self) -> tuple[SinkState, ...]:
        """How far each sink has come, by name and cluster."""
        ...

    async def forget_events(self, cluster: str, before: Moment) -> int:
        """Forget events of a cluster that are older; how many, bounded per call."""
        ...
