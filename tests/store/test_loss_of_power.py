"""What is written down before a side effect, and a person's stop, are on the disk before anything follows from them."""

import pytest
from sqlalchemy import Engine, event

from fleet.models.intent import Before
from fleet.models.stop import Stop, StopKind
from store import open_store
from tests.parts.facts import new_facts
from tests.store import facts as f

FULL, NORMAL = 2, 1


@pytest.fixture
def waits_for_disk():
    """Table: how long a transaction that writes to it waits."""
    found = {}

    def note(connection, cursor, statement, parameters, context, many):
        verb, *words = statement.split()
        if verb in ("INSERT", "UPDATE"):
            table = words[words.index("INTO") + 1] if verb == "INSERT" else words[0]
            driver = connection.connection.driver_connection
            found[table] = driver.execute("PRAGMA synchronous").fetchone()[0]

    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


async def test_intents_and_stops_wait_for_the_disk_and_others_do_not(tmp_path, waits_for_disk):
    store = await open_store(new_facts(tmp_path / "facts.db"))
    stop = Stop(kind=StopKind.STOP, cluster=f.C, actor="ann", reason="smoke", at=f.NOW)

    async def how(table, deed):
        waits_for_disk.clear()
        await deed
        return waits_for_disk[table]

    assert FULL == await how("intents", store.open_intent("op", "apply:bmc", "t", Before(), f.NOW))
    assert NORMAL == await how("intents", store.record_task("op", "apply:bmc", "t", "task 1"))
    assert FULL == await how("intents", store.note_sent("op", "apply:bmc", "t", sent=True))
    assert NORMAL == await how("pages", store.first_time("key", f.NOW))
    assert FULL == await how("stops", store.set_stop(stop))
    assert FULL == await how("stops", store.lift_stop(f.C, None, "ann", "toast", f.NOW))
    await store.close()
