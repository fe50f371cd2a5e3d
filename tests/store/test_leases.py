"""Requests and leases after their grant: acknowledged, handed over, released, withdrawn."""

import asyncio

import pytest

from fleet.errors import LeaseLost, StaleAttempt
from fleet.models.ledger import Counted, RequestState
from fleet.models.work import Outcome
from store import open_store
from tests.store import facts as f

HELD = "holder/r1#gpu0000"
"""Operation of the lease that `granted` leaves on gpu0000."""


async def granted(store, *names, id_="r1"):
    await f.ready(store)
    await store.request(f.request(id_, *names))
    await store.settle(f.C, f.NOW, f.grant_all)


async def released_at(store, name):
    return {host.name: host.released_at for host in await store.hosts(f.C)}[name]


async def state(store, request_id="r1"):
    return (await store.request(f.request(request_id, "gpu0000"))).state


async def release(store, name, operation, seconds=60):
    return await store.release(f.C, name, operation, f.outcome(name, operation), f.later(seconds))


async def test_a_request_filed_again_is_returned_as_it_stands(store):
    asked = f.request("r1", "gpu0000", "gpu0001")
    assert asked == await store.request(asked)
    assert asked == await store.request(f.request("r1", "gpu0009"))


async def test_a_grant_is_told_until_it_is_acknowledged(store):
    await granted(store, "gpu0000")
    assert [request.id for request in await store.unacknowledged(f.C)] == ["r1"]
    known = await store.acknowledge("r1", f.later(1))

    assert f.later(1) == known.acknowledged_at
    assert known == await store.acknowledge("r1", f.later(2))
    assert await store.unacknowledged(f.C) == ()


async def test_a_request_that_waits_is_not_acknowledged(store):
    await store.request(f.request("r1", "gpu0000"))

    assert (await store.acknowledge("r1", f.NOW)).acknowledged_at is None
    assert await store.acknowledge("r9", f.NOW) is None


async def test_a_release_ends_the_lease_once(store):
    await granted(store, "gpu0000", "gpu0001")
    assert await release(store, "gpu0000", "holder/r1#gpu0000")
    assert not await release(store, "gpu0000", "holder/r1#gpu0000", 99)

    assert await store.lease(f.C, "gpu0000") is None
    assert f.later(60) == await released_at(store, "gpu0000")
    assert (f.outcome("gpu0000", "holder/r1#gpu0000"),) == await store.outcomes(f.C)


async def test_a_request_ends_with_its_last_host(store):
    await granted(store, "gpu0000", "gpu0001")
    await release(store, "gpu0000", "holder/r1#gpu0000")
    assert await state(store) is RequestState.GRANTED
    await release(store, "gpu0001", "holder/r1#gpu0001")

    assert await state(store) is RequestState.ENDED


async def test_an_operation_that_holds_no_lease_only_writes_its_outcome(store):
    await granted(store, "gpu0000")
    assert not await release(store, "gpu0000", "another#gpu0000")

    assert (await store.lease(f.C, "gpu0000")).operation == "holder/r1#gpu0000"
    assert await released_at(store, "gpu0000") is None
    assert [outcome.operation for outcome in await store.outcomes(f.C)] == ["another#gpu0000"]


async def test_a_handover_replaces_the_holder_in_place(store):
    await granted(store, "gpu0000", "gpu0001")
    repair = f.lease("gpu0000", "repair/c1/gpu0000/1", counted=Counted.PLANNED)
    taken = await store.take_for_repair(repair, HELD)

    assert repair.model_copy(update={"counted": Counted.FAILED}) == taken == await store.lease(f.C, "gpu0000")
    assert not await release(store, "gpu0000", "holder/r1#gpu0000")
    assert taken == await store.take_for_repair(repair.model_copy(update={"since": f.later(9)}), HELD)
    assert [lease.host for lease in await store.leases("holder/r1")] == ["gpu0001"]


async def test_a_repair_that_goes_on_holds_its_host_anew_and_is_not_released_by_who_read_the_lease_before(store):
    await granted(store, "gpu0000")
    repair = f.lease("gpu0000", "repair/c1/gpu0000/1", why="it is slow")
    before = await store.take_for_repair(repair, HELD)
    anew = await store.take_for_repair(repair.model_copy(update={"why": "lost"}), repair.operation)
    outcome = f.outcome("gpu0000", repair.operation)
    with pytest.raises(StaleAttempt):
        await store.release(f.C, "gpu0000", repair.operation, outcome, f.later(9), since=before.since)

    assert before.model_copy(update={"since": anew.since}) == anew == await store.lease(f.C, "gpu0000")
    assert (True, []) == (anew.since > before.since, list(await store.outcomes(f.C)))
    assert await store.release(f.C, "gpu0000", repair.operation, outcome, f.later(9), since=anew.since)


async def test_a_request_ends_when_its_last_host_is_handed_over(store):
    await granted(store, "gpu0000")
    await store.take_for_repair(f.lease("gpu0000", "repair/c1/gpu0000/1"), HELD)

    assert await state(store) is RequestState.ENDED


async def test_a_host_that_nobody_holds_is_leased_to_its_repair_and_one_that_is_held_is_not(store):
    await granted(store, "gpu0000")
    repair = f.lease("gpu0001", "repair/c1/gpu0001/1", counted=Counted.PLANNED)
    taken = await store.lease_for_repair(repair)

    assert repair.model_copy(update={"counted": Counted.FAILED}) == taken == await store.lease(f.C, "gpu0001")
    assert taken == await store.lease_for_repair(repair.model_copy(update={"since": f.later(9)}))
    with pytest.raises(LeaseLost):
        await store.lease_for_repair(f.lease("gpu0000", "repair/c1/gpu0000/1"))
    assert (await store.lease(f.C, "gpu0000")).operation == HELD


async def test_a_host_that_nobody_or_another_operation_holds_is_not_taken_for_repair(store):
    await granted(store, "gpu0000")
    for name in ("gpu0000", "gpu0001"):
        with pytest.raises(LeaseLost):
            await store.take_for_repair(f.lease(name, f"repair/c1/{name}/1"), "another#" + name)

    assert (await store.lease(f.C, "gpu0000")).operation == HELD
    assert await store.lease(f.C, "gpu0001") is None


async def test_a_handover_has_no_instant_without_a_holder(store, url):
    await granted(store, "gpu0000")
    other = await open_store(url)
    done, seen = asyncio.Event(), []

    async def watch():
        while not done.is_set():
            seen.append(await other.lease(f.C, "gpu0000"))

    watching = asyncio.create_task(watch())
    held = HELD
    for number in range(1, 40):
        held = (await store.take_for_repair(f.lease("gpu0000", f"repair/c1/gpu0000/{number}"), held)).operation
    done.set()
    await watching

    assert [lease for lease in seen if lease is None] == []
    assert len({lease.operation for lease in seen}) > 1
    await other.close()


async def test_a_withdrawal_ends_what_is_still_planned(store):
    await granted(store, "gpu0000", "gpu0001")
    await store.take_for_repair(f.lease("gpu0000", "repair/c1/gpu0000/1", request="r1"), HELD)
    for seconds in (5, 6):
        await store.withdraw("r1", "not needed", f.later(seconds))

    assert await state(store) is RequestState.ENDED
    assert list((await store.facts(f.C, f.NOW)).leases) == ["gpu0000"]
    assert (None, f.later(5)) == (await released_at(store, "gpu0000"), await released_at(store, "gpu0001"))


async def test_a_request_that_waits_can_be_withdrawn(store):
    await f.ready(store)
    await store.request(f.request("r1", "gpu0000"))
    await store.withdraw("r1", "not needed", f.NOW)
    await store.withdraw("never filed", "not needed", f.NOW)

    assert (await store.facts(f.C, f.NOW)).requests == ()
    assert await state(store) is RequestState.ENDED


async def test_what_was_granted_is_not_withdrawn_by_who_takes_it_for_waiting(store):
    await granted(store, "gpu0000")
    await store.withdraw("r1", "its free hosts changed", f.later(5), unless_granted=True)
    assert (["gpu0000"], RequestState.GRANTED) == (list((await store.facts(f.C, f.NOW)).leases), await state(store))

    await store.request(f.request("r2", "gpu0001"))
    await store.withdraw("r2", "its free hosts changed", f.later(6), unless_granted=True)
    await store.withdraw("r1", "the visit ended", f.later(6))
    assert () == (await store.facts(f.C, f.NOW)).requests
    assert [] == list((await store.facts(f.C, f.NOW)).leases)


async def test_an_outcome_counts_once(store):
    first = f.outcome("gpu0000", "o1")
    await store.record_outcome(first)
    await store.record_outcome(f.outcome("gpu0000", "o1", outcome=Outcome.CURRENT))

    assert (first,) == await store.outcomes(f.C)
