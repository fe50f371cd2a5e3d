"""Events for other systems: written with the facts they tell of, and how far each sink has come with them.

A sink is one number for each cluster, the last event it is done with; so a receiver that is dead for a week costs one
row, and its events go in order.
"""

from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, select, update

from fleet.models.base import Moment
from fleet.models.event import Batch, Event, SinkState
from fleet.models.event_sink import EventSink
from store import documents, upserts
from store.part import Part
from store.tables.events import EVENT_HEADS, EVENT_SINKS, EVENTS

CLAIM = timedelta(minutes=2)
"""Time for which a worker has a sink to itself, renewed with each event; above any sink's time to answer."""
FORGOTTEN_AT_ONCE = 5000
_WORDS = 1000


def write_event(connection: Connection, event: Event, now: Moment | None = None) -> bool:
    """Add an event to its cluster's, at the end of a transaction (its row holds others up); False for a known one."""
    known = select(EVENTS.c.id).where(EVENTS.c.id == event.id)
    if connection.execute(known).first() is not None:
        return False
    head = _next(connection.dialect.name)
    sequence = int(connection.execute(head, {"cluster": event.cluster, "sequence": 1}).scalar_one())
    told = event.model_copy(update={"sequence": sequence, "reason": event.reason[:_WORDS]})
    row = {"cluster": event.cluster, "sequence": sequence, "id": event.id, "kind": event.kind, "at": event.at}
    row |= {"kept_at": now or event.at, "document": documents.dump(told)}
    if upserts.add_missing(connection, EVENTS, row):
        return True
    # Another told it while this one waited for the head: a number without an event would count as given up by sinks.
    last = update(EVENT_HEADS).where(EVENT_HEADS.c.cluster == event.cluster)
    connection.execute(last.values(sequence=EVENT_HEADS.c.sequence - 1))
    return False


def was_told(connection: Connection, *ids: str) -> bool:
    """True when one of these events was written."""
    return connection.execute(select(EVENTS.c.id).where(EVENTS.c.id.in_(ids)).limit(1)).first() is not None


class Events(Part):
    """Events and sinks."""

    async def record_event(self, event: Event) -> bool:
        """Keep an event, by id; False when it was kept before."""
        return await self._database.write(lambda connection: write_event(connection, event))

    async def event_log(
        self, cluster: str | None = None, limit: int = 100, kind: str | None = None
    ) -> tuple[Event, ...]:
        """Newest first; of one cluster or all, of one kind or all."""
        statement = select(EVENTS) if cluster is None else select(EVENTS).where(EVENTS.c.cluster == cluster)
        if kind is not None:
            statement = statement.where(EVENTS.c.kind == kind)
        newest = statement.order_by(EVENTS.c.kept_at.desc(), EVENTS.c.sequence.desc()).limit(limit)
        return await self._database.read(lambda connection: tuple(_event(row) for row in connection.execute(newest)))

    async def events_waiting(self, sink: str, cluster: str) -> bool:
        """True when a sink is behind, or is not known yet."""

        def work(connection: Connection) -> bool:
            row = connection.execute(_state(sink, cluster)).one_or_none()
            return row is None or int(row.position) < _head(connection, cluster)

        return await self._database.glance(work)

    async def take_events(self, sink: EventSink, cluster: str, worker: str, now: Moment, limit: int) -> Batch | None:
        """What a sink is to be sent next, claimed for a worker; None while another has it, while it is to be left
        alone after a failure, and when nothing waits. A sink that is new begins with the next event. What waited for
        too long, or beyond the sink's bound, is given up and counted.
        """

        def work(connection: Connection) -> Batch | None:
            head = _head(connection, cluster)
            row = {"sink": sink.name, "cluster": cluster, "position": head, "dropped": 0, "attempts": 0}
            upserts.add_missing(connection, EVENT_SINKS, {**row, "error": "", "worker": ""})
            state = connection.execute(_state(sink.name, cluster)).one()
            others = state.worker not in ("", worker) and state.worker_until is not None and state.worker_until > now
            if others or (state.again_at is not None and state.again_at > now) or state.position >= head:
                return None
            begin = _worth_sending(connection, sink, cluster, state.position, head, now)
            given_up = begin - state.position
            claim: dict[str, Any] = {"worker": worker, "worker_until": now + CLAIM, "position": begin}
            claim["dropped"] = state.dropped + given_up
            mine = and_(_of(sink.name, cluster), EVENT_SINKS.c.worker == state.worker)
            if connection.execute(update(EVENT_SINKS).where(mine).values(**claim)).rowcount == 0:
                return None
            after = (EVENTS.c.cluster == cluster) & (EVENTS.c.sequence > begin)
            rows = connection.execute(select(EVENTS).where(after).order_by(EVENTS.c.sequence).limit(limit))
            return Batch(
                events=tuple(_event(row) for row in rows),
                attempts=state.attempts,
                failing_since=state.failing_since,
                dropped=given_up,
            )

        return await self._database.write(work)

    async def events_done(
        self, sink: str, cluster: str, worker: str, upto: int, now: Moment, *, dropped: int = 0
    ) -> bool:
        """A sink is done with events up to a sequence; False when another worker has it meanwhile."""
        mine = _of(sink, cluster) & (EVENT_SINKS.c.worker == worker)
        healthy = {"attempts": 0, "failing_since": None, "again_at": None, "error": ""}
        values = {"position": upto, "dropped": EVENT_SINKS.c.dropped + dropped, "worker_until": now + CLAIM, **healthy}
        statement = update(EVENT_SINKS).where(mine, EVENT_SINKS.c.position <= upto).values(**values)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount > 0)

    async def events_failed(self, sink: str, cluster: str, worker: str, error: str, now: Moment, again: Moment) -> None:
        """A sink did not take its next event; it is to be left alone until `again`."""
        mine = _of(sink, cluster) & (EVENT_SINKS.c.worker == worker)
        since = func.coalesce(EVENT_SINKS.c.failing_since, now, type_=EVENT_SINKS.c.failing_since.type)
        values = {"attempts": EVENT_SINKS.c.attempts + 1, "failing_since": since, "again_at": again}
        statement = update(EVENT_SINKS).where(mine).values(**values, error=error[:_WORDS])
        await self._database.write(lambda connection: connection.execute(statement).close())

    async def sink_states(self) -> tuple[SinkState, ...]:
        """How far each sink has come, by name and cluster."""

        def work(connection: Connection) -> tuple[SinkState, ...]:
            heads = {row.cluster: int(row.sequence) for row in connection.execute(select(EVENT_HEADS))}
            rows = connection.execute(select(EVENT_SINKS).order_by(EVENT_SINKS.c.sink, EVENT_SINKS.c.cluster))
            return tuple(_sink_state(row, heads.get(row.cluster, 0)) for row in rows)

        return await self._database.read(work)

    async def forget_events(self, cluster: str, before: Moment) -> int:
        """Forget events of a cluster that are older; how many, bounded per call."""
        old = select(EVENTS.c.sequence).where(EVENTS.c.cluster == cluster, EVENTS.c.kept_at < before)
        statement = old.order_by(EVENTS.c.sequence).limit(FORGOTTEN_AT_ONCE)
        if not await self._database.glance(lambda connection: connection.execute(statement.limit(1)).first()):
            return 0
        gone = delete(EVENTS).where(EVENTS.c.cluster == cluster, EVENTS.c.sequence.in_(statement))
        return await self._database.write(lambda connection: connection.execute(gone).rowcount)


def _worth_sending(connection: Connection, sink: EventSink, cluster: str, position: int, head: int, now: Moment) -> int:
    """The sequence after which events are neither too many nor too old to be sent."""
    begin = max(position, head - sink.most_waiting)
    waits = (EVENTS.c.cluster == cluster) & (EVENTS.c.sequence > begin)
    young = select(func.min(EVENTS.c.sequence)).where(waits, EVENTS.c.kept_at >= now - sink.give_up_after)
    first = connection.execute(young).scalar_one_or_none()
    return head if first is None else int(first) - 1


def _head(connection: Connection, cluster: str) -> int:
    statement = select(EVENT_HEADS.c.sequence).where(EVENT_HEADS.c.cluster == cluster)
    return int(connection.execute(statement).scalar_one_or_none() or 0)


def _of(sink: str, cluster: str) -> Any:  # noqa: ANN401  (a condition, whose type SQLAlchemy parametrises)
    return (EVENT_SINKS.c.sink == sink) & (EVENT_SINKS.c.cluster == cluster)


def _state(sink: str, cluster: str) -> Any:  # noqa: ANN401  (its type names every column)
    return select(EVENT_SINKS).where(_of(sink, cluster))


@cache
def _next(dialect: str) -> Any:  # noqa: ANN401  (its type names every column)
    more = {"sequence": EVENT_HEADS.c.sequence + 1}
    statement = upserts.insert(dialect, EVENT_HEADS).on_conflict_do_update(index_elements=["cluster"], set_=more)
    return statement.returning(EVENT_HEADS.c.sequence)


def _event(row: "Row[Any]") -> Event:
    return documents.load(Event, row.document, "events", f"{row.cluster} {row.sequence}")


def _sink_state(row: "Row[Any]", head: int) -> SinkState:
    return SinkState(
        sink=row.sink,
        cluster=row.cluster,
        position=row.position,
        waiting=max(0, head - row.position),
        dropped=row.dropped,
        failing_since=row.failing_since,
        error=row.error,
    )
