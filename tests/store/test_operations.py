"""Operations: one for a key, requested whole, active from the grant to the end, in all of their clusters at once."""

import asyncio
import threading
import time
from datetime import timedelta

import pytest

from fleet.errors import InvalidInput
from fleet.models.intent import Before
from fleet.models.ledger import Counted, Grant, RequestClass, RequestState, Settlement
from fleet.models.operation import OperationChange, OperationSpec, OperationState, Said, Word
from fleet.models.operation_part import OperationPart
from fleet.models.scope import ScopePart
from fleet.policy.operation_orders import speak
from tests.store import facts as f

HOSTS = ("gpu0001", "gpu0002")


def spec(**changes):
    given = {
        "kind": "replace-nic",
        "scope": (ScopePart(cluster=f.C, kind="rack", name="r0"),),
        "not_with": ("upgrade-host",),
        "duration": timedelta(hours=1),
        "actor": "ann",
        "reason": "a new NIC",
        "key": "ticket-1",
    }
    return OperationSpec(**{**given, **changes})


def request(op_id="op/1", hosts=HOSTS, **changes):
    part = OperationPart(
        operation=op_id,
        kind="replace-nic",
        not_with=("upgrade-host",),
        scope=(*HOSTS, "gpu0003"),
        takes=True,
        parks=True,
        clusters=(f.C,),
    )
    return f.request(op_id, *hosts, holder=op_id, kind=RequestClass.AD_HOC, part=part, **changes)


async def submitted(store, state=OperationState.ASKING, **changes):
    await f.ready(store)
    op, _ = await store.submit_operation(spec(**changes), f.NOW)
    return await become(store, op.id, state=state)


async def become(store, op_id, **changes):
    return await store.change_operation(op_id, lambda op: OperationChange(op.model_copy(update=changes)))


async def granted(store, op_id="op/1"):
    await store.ask_for_operation(op_id, [request(op_id)])
    grant = Settlement(reason="granted", grants=(Grant(request=op_id, reason="free"),))
    await store.settle(f.C, f.NOW, lambda _: grant)


async def test_an_operation_is_written_once_and_audited(store):
    op, new = await store.submit_operation(spec(), f.NOW)

    assert ("op/1", True, op) == (op.id, new, await store.operation("op/1"))
    [entry] = await store.audit_log(subject="operation op/1")
    assert ("ann", "submit", "a new NIC", "replace-nic of c1/rack/r0") == (
        entry.actor,
        entry.action,
        entry.reason,
        entry.detail,
    )


async def test_the_same_key_with_the_same_content_is_the_same_operation(store):
    first, _ = await store.submit_operation(spec(), f.NOW)

    assert (first, False) == await store.submit_operation(spec(), f.later(60))
    assert 1 == len(await store.operations())


async def test_the_same_key_with_another_content_is_refused_naming_what_differs(store):
    await store.submit_operation(spec(), f.NOW)

    with pytest.raises(InvalidInput, match="op/1 was submitted with it before, with another reason"):
        await store.submit_operation(spec(reason="two new NICs"), f.NOW)


async def test_operations_are_numbered_and_listed_newest_first(store):
    for number in range(3):
        await store.submit_operation(spec(key=f"k{number}"), f.NOW)
    await become(store, "op/2", state=OperationState.DONE)

    assert ["op/3", "op/2", "op/1"] == [op.id for op in await store.operations()]
    assert ["op/3", "op/1"] == [op.id for op in await store.operations(cluster=f.C, over=False)]
    assert ["op/2"] == [op.id for op in await store.operations(over=True)]


async def test_an_operation_asks_once_and_anew_when_its_hosts_changed_keeping_its_age(store):
    await submitted(store)
    [first] = await store.ask_for_operation("op/1", [request(asked_at=f.NOW)])
    [again] = await store.ask_for_operation("op/1", [request(asked_at=f.later(9))])
    [other] = await store.ask_for_operation("op/1", [request(hosts=HOSTS[:1], asked_at=f.later(9))])

    assert (first, "op/1~1", f.NOW) == (again, other.id, other.asked_at)
    assert ["op/1~1"] == [r.id for r in (await store.facts(f.C, f.NOW)).requests]


async def test_an_operation_that_was_called_off_asks_no_more(store):
    await submitted(store)
    word = Word(said=Said.CANCEL, actor="ann", reason="not now", at=f.NOW)
    await store.change_operation("op/1", speak(word))

    assert () == await store.ask_for_operation("op/1", [request()])


async def test_a_grant_makes_it_active_and_parks_whoever_works_on_its_scope(store):
    await submitted(store)
    await granted(store)

    [active] = (await store.facts(f.C, f.NOW)).operations
    assert ("op/1", "replace-nic", frozenset({*HOSTS, "gpu0003"}), True) == (
        active.operation,
        active.kind,
        active.hosts,
        active.parks,
    )
    assert set(HOSTS) == {x.host for x in await store.leases("op/1")}
    footing = await store.footing(f.C, f.P, "gpu0003", "repair/c1/gpu0003/1")
    assert "op/1" == footing.parked_for("repair/c1/gpu0003/1").operation
    assert None is footing.parked_for("op/1#gpu0003")
    assert () == (await store.footing(f.C, f.P, "gpu0009", "x")).parkings


async def test_its_word_lets_the_others_go_on_and_its_end_leaves_nothing(store):
    await submitted(store)
    await granted(store)
    await store.change_operation("op/1", lambda op: OperationChange(op, unparks=True))
    assert () == await store.parkings(f.C, "gpu0003")
    assert 3 == len(await store.operation_hosts("op/1"))

    await become(store, "op/1", state=OperationState.DONE)
    assert () == (await store.facts(f.C, f.NOW)).operations
    assert () == await store.operation_hosts("op/1")


async def test_one_that_is_cancelled_before_it_knows_of_its_grant_gives_every_host_back(store):
    await submitted(store)
    await granted(store)
    await become(store, "op/1", state=OperationState.CANCELLED)

    assert () == await store.leases("op/1")
    assert {} == (await store.facts(f.C, f.NOW)).leases
    assert () == await store.operation_requests("op/1")


async def test_what_takes_nobody_out_is_granted_without_a_lease(store):
    await submitted(store)
    asks = request()
    asks = asks.model_copy(update={"part": asks.part.model_copy(update={"takes": False, "parks": False})})
    await store.ask_for_operation("op/1", [asks])
    await store.settle(f.C, f.NOW, lambda _: Settlement(reason="", grants=(Grant(request="op/1", reason="free"),)))

    assert () == await store.leases("op/1")
    assert [RequestState.GRANTED] == [r.state for r in await store.operation_requests("op/1")]
    assert () == await store.parkings(f.C, "gpu0001")


async def test_an_effect_that_was_sent_and_is_not_over_is_seen_and_others_are_not(store):
    await submitted(store)
    repair = f.lease("gpu0003", "repair/c1/gpu0003/1", counted=Counted.FAILED)
    await store.lease_for_repair(repair)
    await store.open_intent("repair/c1/gpu0003/1.2", "reboot", "t", Before(), f.NOW)
    assert {} == await store.open_effects(f.C, ["gpu0003"])

    await store.note_sent("repair/c1/gpu0003/1.2", "reboot", "t", sent=True)
    assert {"gpu0003": "reboot"} == await store.open_effects(f.C, ["gpu0003", "gpu0004"])


async def test_hosts_in_the_hold_are_told_by_their_operation_ids(store):
    await submitted(store)
    for host in HOSTS:
        await store.open_intent(f"op/1#{host}", "hold", "t", Before(), f.NOW)
    await store.open_intent("op/11#gpu0004", "hold", "t", Before(), f.NOW)

    assert {"op/1#gpu0001", "op/1#gpu0002"} == await store.held_for_outsider("op/1")


async def test_an_unknown_operation_is_refused(store):
    with pytest.raises(InvalidInput, match="expected one that was submitted"):
        await become(store, "op/9")
    assert None is await store.operation("op/9")


async def test_settling_together_commits_in_all_or_in_none(store):
    await submitted(store)
    await store.ask_for_operation("op/1", [request()])

    def grants(known):
        return {name: Settlement(reason="", grants=(Grant(request="op/1", reason="free"),)) for name in known}

    def breaks(known):
        raise InvalidInput("c2", "", "expected it")

    with pytest.raises(InvalidInput):
        await store.settle_together([f.C], f.NOW, breaks)
    assert () == await store.leases("op/1")
    await store.settle_together([f.C], f.NOW, grants)
    assert 2 == len(await store.leases("op/1"))


async def test_what_it_asks_elsewhere_instead_waits_for_a_grant_under_way(store, url):
    """Else it would hold what was granted just then in one cluster, and wait in the other."""
    await submitted(store, scope=tuple(ScopePart(cluster=c, kind="rack", name="r0") for c in (f.C, "c2")))
    await store.ask_for_operation("op/1", [request()])
    begun = threading.Event()

    def slow(_):
        begun.set()
        time.sleep(0.2)
        return Settlement(reason="", grants=(Grant(request="op/1", reason="free"),))

    granting = f.settling_elsewhere(url, slow)
    await asyncio.to_thread(begun.wait)
    await store.ask_for_operation("op/1", [request().model_copy(update={"id": "op/1/c2", "cluster": "c2"})])
    await granting

    assert [(f.C, RequestState.GRANTED)] == [(r.cluster, r.state) for r in await store.operation_requests("op/1")]
