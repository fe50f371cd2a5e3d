"""An override of buffers and floors goes with its request: audited when granted, in force until the last lease ends."""

from datetime import timedelta

import pytest

from fleet import ids
from fleet.errors import MaintrainError
from fleet.models.ledger import Grant, RequestClass, RequestState, Settlement
from fleet.models.override import Override, OverrideInForce
from tests.store import facts as f

OVERRIDE = Override(actor="ann", reason="cuda 12.6", lasts=1800)
SWITCH = "pin/c1/cuda"
HOLDER = f"holder/{SWITCH}"


def switch(**more):
    return f.request(SWITCH, "gpu0000", kind=RequestClass.PIN_SWITCH, override=OVERRIDE, **more)


def grant(*hosts):
    return lambda facts: Settlement(reason="", grants=(Grant(request=SWITCH, hosts=hosts, reason="all that is up"),))


def in_force(until):
    said = {"actor": "ann", "reason": "cuda 12.6"}
    return OverrideInForce(request=SWITCH, holder=HOLDER, since=f.later(5), until=until, **said)


async def granted(store, *hosts):
    await f.ready(store, members=3)
    await store.request(switch())
    await store.settle(f.C, f.later(5), grant(*hosts))


async def release(store, name, at):
    operation = ids.operation(HOLDER, name)
    await store.release(f.C, name, operation, f.outcome(name, operation), at)


async def test_a_request_keeps_its_override_and_is_given_out_with_it(store):
    await f.ready(store)

    assert switch() == await store.request(switch())

    assert switch() == await store.request(switch(why="again"))
    assert (switch(),) == (await store.facts(f.C, f.NOW)).requests
    assert () == (await store.facts(f.C, f.NOW)).overrides


async def test_a_grant_leases_the_hosts_it_names_whatever_was_asked_for(store):
    await granted(store, "gpu0000", "gpu0002")

    assert ["gpu0000", "gpu0002"] == [lease.host for lease in await store.leases(HOLDER)]
    [request] = await store.unacknowledged(f.C)
    assert (RequestState.GRANTED, ("gpu0000", "gpu0002")) == (request.state, request.hosts)


async def test_a_grant_is_audited_in_the_name_of_who_asked_with_its_end(store):
    await granted(store, "gpu0000", "gpu0001")
    await store.settle(f.C, f.later(6), grant("gpu0000", "gpu0001"))

    [entry] = [e for e in await store.audit_log() if e.action == "override"]

    assert (f.later(5), "ann", "cluster c1", "cuda 12.6") == (entry.at, entry.actor, entry.subject, entry.reason)
    assert f"until {f.later(5) + timedelta(minutes=30):%F %T}Z at the latest" in entry.detail
    assert "2 hosts" in entry.detail


async def test_an_override_is_in_force_until_the_last_lease_ends(store):
    await granted(store, "gpu0000", "gpu0001")
    expected = in_force(f.later(5) + timedelta(minutes=30))
    assert (expected,) == (await store.facts(f.C, f.NOW)).overrides

    await release(store, "gpu0000", f.later(60))
    assert (expected,) == (await store.facts(f.C, f.NOW)).overrides

    await release(store, "gpu0001", f.later(90))
    assert () == (await store.facts(f.C, f.NOW)).overrides
    assert (in_force(f.later(90)),) == await store.overrides(f.C)


async def test_a_handover_of_the_last_host_ends_it_too(store):
    await granted(store, "gpu0000")
    taken = f.lease("gpu0000", "repair/c1/gpu0000/1")

    await store.take_for_repair(taken, ids.operation(HOLDER, "gpu0000"))

    assert () == (await store.facts(f.C, f.NOW)).overrides


async def test_one_that_was_withdrawn_was_in_force_until_then_and_one_never_granted_never(store):
    await granted(store, "gpu0000")
    await store.request(switch().model_copy(update={"id": "pin/c1/nccl"}))
    await store.withdraw(SWITCH, "called off", f.later(30))
    await store.withdraw("pin/c1/nccl", "called off", f.later(31))

    assert (in_force(f.later(30)),) == await store.overrides(f.C)


async def test_a_grant_of_a_host_that_is_leased_is_not_written_and_not_audited(store):
    await f.ready(store, members=3)
    await store.request(f.request("r1", "gpu0001"))
    await store.settle(f.C, f.NOW, f.grant_all)
    await store.request(switch())

    with pytest.raises(MaintrainError, match="one is leased"):
        await store.settle(f.C, f.later(5), grant("gpu0000", "gpu0001"))

    assert () == await store.overrides(f.C)
    assert "override" not in {entry.action for entry in await store.audit_log()}
