"""Events are written with their facts; each sink gets them in order, and one that is dead costs nothing."""

import asyncio

import pytest

from fleet.errors import InvalidInput
from fleet.models.event import EventKind, event
from fleet.models.event_sink import EventSink
from fleet.models.intent import Before
from fleet.models.ledger import Autostop, Settlement
from fleet.models.operation import OperationChange, OperationSpec, OperationState
from fleet.models.rollout import RolloutSpec
from fleet.models.rollouts import RolloutChange, RolloutState
from fleet.models.work import Outcome
from store import open_store
from tests.store import facts as f

SINK = EventSink(name="chat", apprise="CHAT")


def told(number, **more):
    return event(EventKind.DRAIN_BEGUN, f"op-{number}", f.later(number), (f.C, f.P), **more)


async def begin(store, sink=SINK, worker="w1"):
    """A sink begins with the next event."""
    assert await store.take_events(sink, f.C, worker, f.NOW, 100) is None


async def take(store, sink=SINK, worker="w1", at=f.NOW, limit=100):
    batch = await store.take_events(sink, f.C, worker, at, limit)
    return None if batch is None else [(e.sequence, e.subject) for e in batch.events]


async def kinds(store):
    return [(e.kind, e.hosts, e.reason) for e in reversed(await store.event_log())]


async def test_an_event_is_kept_once_and_numbered_in_its_cluster(store):
    assert [True, False, True] == [await store.record_event(told(n)) for n in (1, 1, 2)]
    await store.record_event(told(1).model_copy(update={"cluster": "c2", "id": "evt_other"}))

    assert [("c1", 1), ("c1", 2), ("c2", 1)] == sorted((e.cluster, e.sequence) for e in await store.event_log())
    assert [2, 1] == [e.sequence for e in await store.event_log(f.C)]
    assert [] == list(await store.event_log(f.C, kind="host_back"))


async def test_a_sink_gets_what_comes_after_it_began_in_order(store):
    await store.record_event(told(1))
    assert await store.events_waiting("chat", f.C)
    await begin(store)
    assert not await store.events_waiting("chat", f.C)
    for n in (2, 3, 4):
        await store.record_event(told(n))

    assert await store.events_waiting("chat", f.C)
    assert [(2, "op-2"), (3, "op-3")] == await take(store, limit=2)
    assert await store.events_done("chat", f.C, "w1", 3, f.NOW)
    assert [(4, "op-4")] == await take(store)
    assert await store.events_done("chat", f.C, "w1", 4, f.NOW)
    assert await take(store) is None


async def test_one_worker_at_a_time_has_a_sink_and_another_takes_it_over(store):
    await begin(store)
    await store.record_event(told(1))
    assert [(1, "op-1")] == await take(store, worker="w1")
    assert await take(store, worker="w2") is None

    assert [(1, "op-1")] == await take(store, worker="w2", at=f.later(121))
    assert not await store.events_done("chat", f.C, "w1", 1, f.later(122))
    assert await store.events_done("chat", f.C, "w2", 1, f.later(122))


async def test_two_workers_that_ask_at_once_never_both_have_it(store, url):
    await begin(store)
    await store.record_event(told(1))
    other = await open_store(url)
    answers = await asyncio.gather(
        *(each.take_events(SINK, f.C, worker, f.later(1), 9) for each, worker in ((store, "a"), (other, "b")))
    )
    await other.close()

    assert 1 == sum(1 for a in answers if a is not None)


async def test_a_sink_that_failed_is_left_alone_and_remembers_since_when(store):
    await begin(store)
    await store.record_event(told(1))
    await take(store)
    await store.events_failed("chat", f.C, "w1", "HTTP 500", f.later(1), f.later(5))
    assert await take(store, at=f.later(4)) is None
    again = await store.take_events(SINK, f.C, "w1", f.later(5), 9)
    assert (1, f.later(1)) == (again.attempts, again.failing_since)
    await store.events_failed("chat", f.C, "w1", "HTTP 502", f.later(5), f.later(7))
    (state,) = await store.sink_states()
    assert (1, 0, f.later(1), "HTTP 502") == (state.waiting, state.dropped, state.failing_since, state.error)

    await take(store, at=f.later(7))
    await store.events_done("chat", f.C, "w1", 1, f.later(7))
    (state,) = await store.sink_states()
    assert (0, None, "") == (state.waiting, state.failing_since, state.error)


async def test_a_dead_sinks_events_are_given_up_beyond_its_bound_and_counted(store):
    sink = SINK.model_copy(update={"most_waiting": 3})
    await begin(store, sink)
    for n in range(1, 11):
        await store.record_event(told(n))

    batch = await store.take_events(sink, f.C, "w1", f.NOW, 100)
    assert (7, [8, 9, 10]) == (batch.dropped, [e.sequence for e in batch.events])
    assert (3, 7) == ((await store.sink_states())[0].waiting, (await store.sink_states())[0].dropped)


async def test_events_that_are_too_old_are_given_up(store):
    sink = EventSink(name="chat", apprise="CHAT", give_up_after="10s")
    await begin(store, sink)
    for n in (1, 5, 9):
        await store.record_event(told(n))

    batch = await store.take_events(sink, f.C, "w1", f.later(15), 100)
    assert (1, [2, 3]) == (batch.dropped, [e.sequence for e in batch.events])
    gone = await store.take_events(sink, f.C, "w1", f.later(60), 100)
    assert (2, ()) == (gone.dropped, gone.events)
    assert not await store.events_waiting("chat", f.C)


async def test_old_events_are_forgotten_and_what_was_sent_stays_so(store):
    await begin(store)
    for n in (1, 2, 3):
        await store.record_event(told(n))
    await take(store)
    await store.events_done("chat", f.C, "w1", 3, f.NOW)

    assert [2, 0] == [await store.forget_events(f.C, f.later(3)) for _ in range(2)]
    await store.record_event(told(4))
    assert [(4, "op-4")] == await take(store)


async def test_an_event_of_a_transaction_that_fails_is_not_kept(store):
    await f.ready(store)
    with pytest.raises(InvalidInput):
        await store.change_rollout("gpu-driver/9", lambda before: RolloutChange(rollout=before))

    assert [] == await kinds(store)


async def test_the_next_stop_of_a_train_is_told_once_with_its_date(store):
    await f.ready(store)
    await store.open_cycle(f.C, f.P, 1, f.domains("d1", "d2"), f.NOW, f.later(9))
    for seconds in (3, 4):
        await store.noticed(f.C, f.P, 1, "d1", f.later(seconds))

    (found,) = await store.event_log()
    assert ("drain_planned", f.P, ("d1-1", "d1-2")) == (found.kind, found.pool, found.hosts)
    assert "visit/c1/gpu-train/1/d1/1" == found.subject
    assert {"domain": "d1", "not_before": f.later(3).isoformat()} == found.data


async def test_a_host_that_was_drained_is_told_to_be_back_and_one_that_never_left_is_not(store):
    await f.ready(store)
    await store.request(f.request("r1", "gpu0000", "gpu0001"))
    await store.settle(f.C, f.NOW, f.grant_all)
    left, stayed = "holder/r1#gpu0000", "holder/r1#gpu0001"
    begun = event(EventKind.DRAIN_BEGUN, left, f.NOW, (f.C, f.P), hosts=("gpu0000",), reason="due")
    for attempt in ("a", "b"):
        await store.open_intent(left, "drain", attempt, Before(), f.NOW, told=begun)
    await store.release(f.C, "gpu0000", left, f.outcome("gpu0000", left), f.later(5))
    await store.release(f.C, "gpu0001", stayed, f.outcome("gpu0001", stayed, outcome=Outcome.CURRENT), f.later(6))

    assert [
        ("drain_begun", ("gpu0000",), "due"),
        ("host_back", ("gpu0000",), "bmc 1.0 to 2.0"),
    ] == await kinds(store)


async def test_a_handover_and_its_end_are_told(store):
    await f.ready(store)
    await store.request(f.request("r1", "gpu0000"))
    await store.settle(f.C, f.NOW, f.grant_all)
    repair = f.lease("gpu0000", "repair/1", why="it stays dark")
    for _ in range(2):
        await store.take_for_repair(repair, "holder/r1#gpu0000")
    row = f.outcome("gpu0000", "repair/1", outcome=Outcome.DECOMMISSIONED, reason="ann: gone")
    await store.release(f.C, "gpu0000", "repair/1", row, f.later(5))

    assert [
        ("handed_over", ("gpu0000",), "it stays dark"),
        ("decommissioned", ("gpu0000",), "ann: gone"),
    ] == await kinds(store)


async def test_a_host_that_is_given_away_is_told_as_that(store):
    await f.ready(store)
    await store.lease_for_repair(f.lease("gpu0000", "repair/1", why="it went down"))
    row = f.outcome("gpu0000", "repair/1", outcome=Outcome.GIVEN_AWAY, reason="given to the vendor")
    await store.release(f.C, "gpu0000", "repair/1", row, f.later(5))

    assert [
        ("handed_over", ("gpu0000",), "it went down"),
        ("given_away", ("gpu0000",), "given to the vendor"),
    ] == await kinds(store)


async def test_an_operation_is_told_when_its_work_may_begin_and_when_it_is_over(store):
    await f.ready(store)
    asked = {
        "kind": "replace-nic",
        "scope": [{"cluster": f.C, "kind": "rack", "name": "r0"}],
        "duration": "1h",
        "actor": "ann",
        "reason": "a new NIC",
        "key": "ticket-1",
    }
    op, _ = await store.submit_operation(OperationSpec.model_validate(asked), f.NOW)
    for state in (OperationState.PREPARING, OperationState.WORKING, OperationState.WORKING, OperationState.DONE):
        changes = {"state": state, "reason": state.value, "changed_at": f.later(9)}
        await store.change_operation(op.id, lambda o, c=changes: OperationChange(o.model_copy(update=c)))

    found = list(reversed(await store.event_log()))
    assert [("operation_begun", "op/1", "working"), ("operation_ended", "op/1", "done")] == [
        (e.kind, e.subject, e.data["state"]) for e in found
    ]
    assert ("replace-nic", "ann") == (found[0].data["kind"], found[0].data["actor"])


async def test_an_autostop_is_told_when_it_begins_and_when_it_ends(store):
    await f.ready(store)

    def stops(autostop):
        return lambda facts: Settlement(reason="", autostops={f.P: autostop})

    stopped = Autostop(stopped=True, since=f.NOW, reason="2 hosts failed")
    await store.settle(f.C, f.NOW, stops(stopped))
    await store.settle(f.C, f.later(1), stops(stopped.model_copy(update={"clear_since": f.later(1)})))
    await store.settle(f.C, f.later(2), stops(Autostop(reason="gone for 10m")))
    await store.set_autostop(f.C, f.P, stopped, "train", "it paused", f.later(3))
    await store.set_autostop(f.C, f.P, stopped, "train", "it paused", f.later(3))

    assert [
        ("autostop", (), "2 hosts failed"),
        ("autostop_over", (), "gone for 10m"),
        ("autostop", (), "it paused"),
    ] == await kinds(store)


async def test_an_offboarded_version_is_told_in_its_clusters(store):
    await f.ready(store)
    document = {"component": "bmc", "version": "3.0", "prior": "2.0", "clusters": [f.C], "phases": [{"name": "all"}]}
    spec = RolloutSpec.model_validate(document)
    await store.start_rollout(spec, "ann", "go", f.NOW)

    def offboard(before):
        changes = {"state": RolloutState.OFFBOARDED, "reason": "it hangs", "changed_at": f.later(1)}
        return RolloutChange(rollout=before.model_copy(update=changes))

    for _ in range(2):
        await store.change_rollout(spec.id, offboard)

    (found,) = await store.event_log()
    assert ("offboarded", f.C, None, "rollout bmc/3.0") == (found.kind, found.cluster, found.pool, found.subject)
    assert ("it hangs", {"component": "bmc", "version": "3.0"}) == (found.reason, found.data)
