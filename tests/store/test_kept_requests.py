"""The queue as it is read again and again: only what is new is read whole, and it is what the database has."""

from datetime import timedelta

from fleet.models.ledger import Settlement, Wait
from store import open_store
from store.kept.requests import AT_ONCE
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
