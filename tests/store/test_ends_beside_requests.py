"""A visit ends before or after somebody asks for its hosts, never beside that: PostgreSQL has many writers at once."""

from store import open_store
from store.part import ledger_lock
from store.requests import _is_over, file_request
from tests.store import facts as f
from tests.store.beside import ended_beside
from tests.store.test_train_book import opened


async def test_a_visit_does_not_end_between_the_look_at_it_and_its_request(postgres):
    url = postgres.url(postgres.new_database())
    store = await open_store(url)
    await opened(store, "d1")
    await store.open_visit(visit := f.visit("v1", "d1"))
    asked = f.request("asked", "gpu0000", holder=visit.id)

    beside = await ended_beside(
        url,
        lambda connection: _is_over(connection, visit.id),
        lambda connection, over: over or file_request(connection, asked),
        store.close_visit(visit.id, f.NOW, "done", gave_back=False),
        ledger_lock(f.C),
    )

    assert (False, "ended") == (beside, (await store.visit(visit.id)).state)
    await store.close()
