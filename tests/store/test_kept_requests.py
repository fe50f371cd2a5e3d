"""The queue as it is read again and again: only what is new is read whole, and it is what the database has."""

from contextlib import suppress
from datetime import timedelta

from sqlalchemy import delete

from fleet.errors import MaintrainError
from fleet.models.ledger import Settlement, Wait
from store import open_store
from store.kept.requests import AT_ONCE
from store.tables.ledger import REQUESTS
from tests.store import facts as f


async def queue(store):
    return (await store.facts(f.C, f.NOW)).requests


def told(because):
    return lambda facts: Settlement(reason="", waits=tuple(Wait(request=r.id, reason=because) for r in facts.requests))


async def test_another_workers_words_grants_and_requests_are_read(store, url):
    await f.ready(store, members=3)
    other = await open_store(url)
    for number in (2, 1):
        await store.request(f.request(f"r{number}", "gpu0000", asked_at=f.later(number)))
    assert ["r1", "r2"] == [r.id for r in await queue(store)]

    await other.settle(f.C, f.NOW, told("no room"))
    assert ["no room", "no room"] == [r.waits_because for r in await queue(store)]
    await other.withdraw("r1", "not needed", f.NOW)
    await other.request(f.request("r0", "gpu0001", "gpu0002"))
    found = await queue(store)
    assert [("r0", ("gpu0001", "gpu0002"), ""), ("r2", ("gpu0000",), "no room")] == [
        (r.id, r.hosts, r.waits_because) for r in found
    ]
    assert found == await queue(other)
    await other.close()


async def test_a_long_queue_is_read_whole_once(store):
    await f.ready(store, members=1)
    for number in range(AT_ONCE + 1):
        await store.request(f.request(f"r{number:04}", "gpu0000", asked_at=f.NOW + timedelta(seconds=number)))
    first = await queue(store)
    again = await queue(store)

    assert [f"r{n:04}" for n in range(AT_ONCE + 1)] == [r.id for r in first]
    assert all(a is b for a, b in zip(first, again, strict=True))


async def test_a_database_that_was_put_back_has_nobody_granted_what_only_this_process_remembers(store, url):
    """As by a replica that takes over without the last writes: the same name, as old as before, for other hosts."""
    await f.ready(store, members=2)
    other = await open_store(url)
    await store.request(f.request("r1", "gpu0000"))
    await queue(store)
    await other._database.write(lambda connection: connection.execute(delete(REQUESTS)).close())
    await other.request(f.request("r1", "gpu0001"))

    with suppress(MaintrainError):  # it may be found out only at the grant; then the queue is read anew
        await store.settle(f.C, f.NOW, f.grant_all)
    await store.settle(f.C, f.NOW, f.grant_all)

    assert ["gpu0001"] == [lease.host for lease in await store.leases("holder/r1")]
    await other.close()
