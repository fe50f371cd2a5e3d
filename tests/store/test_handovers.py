"""Handovers between us and outsiders: the lease, the set and the row change together."""

from datetime import timedelta

import pytest

from fleet import ids
from fleet.errors import Refused
from fleet.models.handover import Handover, HandoverDeed, HandoverState, HandoverWay
from fleet.models.host import HostSet
from fleet.models.messages import Command
from fleet.models.noticing import OpeningCause
from fleet.models.observation import Observation, ObservedHost
from fleet.models.scheduler import Node, NodeBase
from fleet.models.work import Outcome
from fleet.policy.handover import next_step
from fleet.policy.sets import standings
from tests.store import facts as f

HOST, REPAIR = "gpu0000", "repair/c1/gpu0000/1"
OURS, THEIRS = ids.drain_reason(ids.REPAIR, REPAIR), "vendor: RMA 4711"
SAID = Command(actor="ann", reason="RMA 4711")


def asked(way=HandoverWay.GIVE, **changes):
    given = {"id": "", "cluster": f.C, "pool": f.P, "host": HOST, "way": way, "outsider": "vendor", "actor": "ann"}
    given |= {"reason": "RMA 4711", "operation": REPAIR, "theirs": THEIRS, "asked_at": f.NOW}
    return Handover(**{**given, "deadline": f.NOW + timedelta(hours=4), **changes})


async def look(store, seconds, **node):
    hosts = {h.name: ObservedHost(host=h.name, node=Node(name=h.name, base=NodeBase.IDLE)) for h in f.hosts(4)}
    shown = Node(**{"name": HOST, "base": NodeBase.IDLE, **node})
    hosts[HOST] = ObservedHost(host=HOST, node=shown)
    await store.record_observation(Observation(cluster=f.C, began_at=f.later(seconds), hosts=hosts))


async def stands(store):
    facts = await store.facts(f.C, f.later(500))
    found = standings(facts)[HOST]
    return found.set, found.owner


async def in_repair(store):
    await f.ready(store)
    await store.lease_for_repair(f.lease(HOST, REPAIR))
    await look(store, 1, draining=True, reason=OURS)


async def test_a_host_that_is_given_goes_from_failed_to_foreign_in_the_transaction_that_ends_its_lease(store):
    await in_repair(store)
    filed = await store.ask_handover(asked())
    await look(store, 10, draining=True, reason=THEIRS, base=NodeBase.DOWN)
    before = await stands(store)

    step = await store.end_handover(filed.id, f.later(20), next_step)

    assert (HostSet.FAILED, ids.host(f.C, HOST)) == before
    assert (HandoverDeed.END, (HostSet.FOREIGN, THEIRS)) == (step.deed, await stands(store))
    assert None is await store.lease(f.C, HOST)
    assert [Outcome.GIVEN_AWAY] == [o.outcome for o in await store.outcomes(f.C, host=HOST)]
    ended = await store.handover(f.C, HOST)
    assert (HandoverState.DONE, f.later(20)) == (ended.state, ended.ended_at)
    assert () == await store.handovers(f.C)


async def test_ending_a_handover_again_finds_how_it_ended(store):
    await in_repair(store)
    filed = await store.ask_handover(asked())
    await look(store, 10, draining=True, reason=THEIRS)
    steps = [await store.end_handover(filed.id, f.later(s), next_step) for s in (20, 30)]
    assert [HandoverDeed.END] * 2 == [s.deed for s in steps]
    assert 1 == len(await store.outcomes(f.C, host=HOST))


async def test_a_host_that_nobody_has_taken_stays_in_repair(store):
    await in_repair(store)
    filed = await store.ask_handover(asked())
    await look(store, 10, draining=True, reason=OURS)
    assert HandoverDeed.WAIT is (await store.end_handover(filed.id, f.later(20), next_step)).deed
    assert (filed,) == await store.handovers(f.C)
    assert REPAIR == (await store.lease(f.C, HOST)).operation


async def test_a_handover_whose_repair_has_ended_is_withdrawn(store):
    await in_repair(store)
    filed = await store.ask_handover(asked())
    await store.release(f.C, HOST, REPAIR, f.outcome(HOST, REPAIR), f.later(5))
    assert HandoverDeed.WITHDRAW is (await store.end_handover(filed.id, f.later(20), next_step)).deed
    assert HandoverState.WITHDRAWN is (await store.handover(f.C, HOST)).state


async def test_only_a_host_in_that_repair_is_given_and_only_once_at_a_time(store):
    await f.ready(store)
    with pytest.raises(Refused, match="is not in repair"):
        await store.ask_handover(asked())
    await store.lease_for_repair(f.lease(HOST, REPAIR))
    first = await store.ask_handover(asked())
    with pytest.raises(Refused, match="under way already"):
        await store.ask_handover(asked(outsider="bob"))
    assert await store.withdraw_handover(first.id, SAID, f.later(3))
    assert "not given to vendor, kept by ann: RMA 4711" == (await store.lease(f.C, HOST)).why
    assert "handover/c1/gpu0000/2" == (await store.ask_handover(asked())).id
    assert "to be given to vendor" in (await store.lease(f.C, HOST)).why


async def test_what_the_outsider_has_acknowledged_is_called_back_by_nobody(store):
    await in_repair(store)
    filed = await store.ask_handover(asked())
    taken = [await store.acknowledge_handover(filed.id, "vendor", SAID, f.later(s)) for s in (5, 6)]
    assert ([f.later(5)] * 2, "vendor") == ([t.acknowledged_at for t in taken], taken[0].acknowledged_by)
    assert not await store.withdraw_handover(filed.id, SAID, f.later(7))
    await look(store, 10, draining=True, reason=THEIRS)
    await store.end_handover(filed.id, f.later(20), next_step)
    with pytest.raises(Refused, match="is done"):
        await store.acknowledge_handover(filed.id, "vendor", SAID, f.later(30))


async def test_a_host_that_has_left_its_repair_is_acknowledged_by_nobody(store):
    """Whoever said so looked before it returned; the next look of the dispatcher would withdraw the handover."""
    await in_repair(store)
    filed = await store.ask_handover(asked())
    await store.release(f.C, HOST, REPAIR, f.outcome(HOST, REPAIR), f.later(5))
    with pytest.raises(Refused, match="is not in repair any more"):
        await store.acknowledge_handover(filed.id, "vendor", SAID, f.later(6))
    assert HandoverState.ASKED is (await store.handover(f.C, HOST)).state


async def test_a_host_that_is_taken_over_counts_as_failed_from_the_asking_on(store):
    await f.ready(store)
    await look(store, 1, draining=True, reason=THEIRS)
    before = await stands(store)

    filed = await store.take_over(asked(HandoverWay.TAKE, operation=""), f.later(2))

    assert ((HostSet.FOREIGN, THEIRS), (HostSet.FAILED, ids.host(f.C, HOST))) == (before, await stands(store))
    opened = await store.opened_repair(filed.operation)
    assert (OpeningCause.TAKEN_OVER, THEIRS, REPAIR) == (opened.cause, opened.found, filed.operation)
    await look(store, 10, draining=True, reason=OURS)
    assert HandoverDeed.END is (await store.end_handover(filed.id, f.later(20), next_step)).deed
    assert REPAIR == (await store.lease(f.C, HOST)).operation


@pytest.mark.parametrize(
    ("node", "refusal"),
    [
        ({}, "is not in the hands of vendor: up"),
        ({"draining": True, "reason": "bob: disk"}, "is not in the hands of vendor: foreign, drained by another: bob"),
        ({"draining": True, "reason": OURS}, "is not in the hands of vendor: unknown, orphan"),
    ],
)
async def test_only_what_is_theirs_by_the_last_look_is_taken_over(store, node, refusal):
    await f.ready(store)
    await look(store, 1, **node)
    with pytest.raises(Refused, match=refusal):
        await store.take_over(asked(HandoverWay.TAKE, operation=""), f.later(2))
    assert (None, None) == (await store.lease(f.C, HOST), await store.handover(f.C, HOST))


async def test_a_host_that_we_hold_is_not_taken_over_anew(store):
    await in_repair(store)
    with pytest.raises(Refused, match="is held by host/c1/gpu0000"):
        await store.take_over(asked(HandoverWay.TAKE, operation=""), f.later(2))
