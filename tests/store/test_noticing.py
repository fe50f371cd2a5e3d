"""Losses, breakers and the repairs that are opened: decided and written in one transaction."""

import asyncio

import pytest

from fleet.errors import LeaseLost
from fleet.models.breaker import Breaker
from fleet.models.ledger import Counted, RequestState
from fleet.models.notice_rule import NoticeRule
from fleet.models.noticing import Loss, Noticed, Opening, OpeningCause
from store import open_store
from tests.store import facts as f

RULE = NoticeRule()


def loss(name="gpu0000", **more):
    return Loss(**{"cluster": f.C, "host": name, "pool": f.P, "since": f.NOW, "seen": f.later(60), **more})


def opens(*names):
    """A policy that opens these repairs, once."""

    def decide(facts):
        found = {n: facts.losses.get(n, loss(n)) for n in names}
        due = tuple(Opening(host=n, found="Not responding", reason="down") for n, x in found.items() if not x.operation)
        return Noticed(losses=found, opens=due, reason="due")

    return decide


async def notice(store, decide, seconds=60):
    return await store.notice(f.C, RULE, f.later(seconds), decide)


async def test_an_opened_repair_is_a_lease_counted_as_failed_under_a_granted_request(store):
    await f.ready(store)
    noticed = await notice(store, opens("gpu0000"))

    lease = await store.lease(f.C, "gpu0000")
    request = await store.request(f.request("repair/c1/gpu0000/1", "gpu0000"))
    assert ("repair/c1/gpu0000/1", "host/c1/gpu0000", Counted.FAILED) == (lease.operation, lease.holder, lease.counted)
    assert (RequestState.GRANTED, "repair", f.later(60)) == (request.state, request.kind, request.acknowledged_at)
    assert lease.operation == noticed.losses["gpu0000"].operation
    assert [] == [r.id for r in await store.unacknowledged(f.C)]
    opened = await store.opened_repair(lease.operation)
    assert (OpeningCause.NOTICED, "Not responding", f.NOW) == (opened.cause, opened.found, opened.lost_at)
    assert [("maintrain", "repair opened", "host c1/gpu0000")] == [
        (e.actor, e.action, e.subject) for e in await store.audit_log(limit=1)
    ]


async def test_noticing_again_opens_nothing_more(store):
    await f.ready(store)
    for seconds in (60, 61):
        await notice(store, opens("gpu0000"), seconds)
    assert ["repair/c1/gpu0000/1"] == [o.operation for o in await store.opened_repairs(f.C)]


async def test_two_dispatchers_that_notice_at_once_open_one_repair(store, url):
    await f.ready(store)
    other = await open_store(url)
    try:
        await asyncio.gather(*(notice(s, opens("gpu0000", "gpu0001")) for s in (store, other)))
    finally:
        await other.close()
    assert {"repair/c1/gpu0000/1", "repair/c1/gpu0001/1"} == {o.operation for o in await store.opened_repairs(f.C)}


async def test_a_host_that_somebody_holds_gets_no_repair_and_nothing_is_written(store):
    await f.ready(store)
    await store.request(f.request("r1", "gpu0001"))
    await store.settle(f.C, f.NOW, f.grant_all)
    with pytest.raises(LeaseLost):
        await notice(store, opens("gpu0000", "gpu0001"))
    assert (None, ()) == (await store.lease(f.C, "gpu0000"), await store.losses(f.C))


async def test_the_policy_is_given_losses_breakers_and_what_was_opened_in_the_window(store):
    await f.ready(store)
    await notice(store, opens("gpu0000"))
    given = []
    for seconds in (61, 60 + 3600):
        await notice(store, lambda facts: given.append(facts) or Noticed(losses=facts.losses, reason=""), seconds)
    assert [["gpu0000"], []] == [[o.host for o in facts.opened] for facts in given]
    assert ["gpu0000"] == list(given[0].losses)
    assert ("gpu0000", f.C) == (given[0].ledger.leases["gpu0000"].host, given[0].ledger.cluster)


async def test_losses_that_are_over_go_and_others_are_kept(store):
    await f.ready(store)
    both = {n: loss(n) for n in ("gpu0000", "gpu0001")}
    await notice(store, lambda facts: Noticed(losses=both, reason=""))
    again = loss("gpu0001", looks=2)
    await notice(store, lambda facts: Noticed(losses={"gpu0001": again}, reason=""))
    assert (again,) == await store.losses(f.C)
    await store.forget_losses(f.C)
    assert () == await store.losses(f.C)


async def test_an_ended_repair_is_no_longer_among_the_opened(store):
    await f.ready(store)
    await notice(store, opens("gpu0000"))
    operation = "repair/c1/gpu0000/1"
    assert await store.release(f.C, "gpu0000", operation, f.outcome("gpu0000", operation), f.later(90))
    assert () == await store.opened_repairs(f.C)
    assert operation == (await store.opened_repair(operation)).operation
    assert RequestState.ENDED == (await store.request(f.request(operation, "gpu0000"))).state


async def test_a_breaker_is_a_row_and_a_person_closes_it_once(store):
    await f.ready(store)
    tripped = Breaker(tripped=True, since=f.NOW, busy_at=f.NOW, reason="4 hosts were lost")
    never = Breaker(reason="it never tripped")
    for state in (never, tripped, tripped):
        await notice(store, lambda facts, s=state: Noticed(breakers={f.P: s}, reason=""))
    assert {f.P: tripped} == (await store.facts(f.C, f.NOW)).breakers

    closed = [await store.close_breaker(f.C, f.P, "ann", "the rack is back", f.later(9)) for _ in range(2)]
    state = (await store.facts(f.C, f.NOW)).breakers[f.P]
    assert ([True, False], False, f.later(9)) == (closed, state.tripped, state.counts_from)
    told = [(e.actor, e.action) for e in await store.audit_log(subject=f"pool {f.C}/{f.P}")]
    assert [("ann", "resume"), ("maintrain", "breaker tripped")] == told


async def test_what_was_opened_since_a_moment_is_told_though_its_repair_has_ended(store):
    await f.ready(store)
    await notice(store, opens("gpu0000"))
    operation = "repair/c1/gpu0000/1"
    await store.release(f.C, "gpu0000", operation, f.outcome("gpu0000", operation), f.later(90))
    assert [operation] == [o.operation for o in await store.noticed_repairs(f.C, f.NOW)]
    assert () == await store.noticed_repairs(f.C, f.later(60))
