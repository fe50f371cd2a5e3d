"""One event that two transactions tell at once: PostgreSQL has many writers."""

from fleet.models.event import EventKind, event
from fleet.models.event_sink import EventSink
from store import open_store
from store.events import write_event
from tests.store import facts as f
from tests.store.beside import ended_beside

SINK = EventSink(name="chat", apprise="CHAT")


def told(occasion):
    return event(EventKind.ESCALATED, occasion, f.NOW, (f.C, f.P))


async def test_an_event_that_two_tell_at_once_is_one_and_no_sink_is_said_to_have_missed_another(postgres):
    url = postgres.url(postgres.new_database())
    store = await open_store(url)
    await store.take_events(SINK, f.C, "w", f.NOW, 10)

    await ended_beside(
        url,
        lambda connection: write_event(connection, told("a")),
        lambda connection, _: None,
        store.record_event(told("a")),
    )
    batch = await store.take_events(SINK, f.C, "w", f.NOW, 10)
    await store.events_done("chat", f.C, "w", batch.events[-1].sequence, f.NOW)
    behind = await store.events_waiting("chat", f.C)
    await store.record_event(told("b"))

    assert ([1], False) == ([e.sequence for e in batch.events], behind)
    assert [2] == [e.sequence for e in (await store.take_events(SINK, f.C, "w", f.NOW, 10)).events]
    await store.close()
