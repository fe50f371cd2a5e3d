"""Batches of a pin switch: prepared, planned there and back, and read back."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.hand_over import HandingOver
from activities.pin import PinSwitching
from activities.pin_batch import PinBatching
from activities.pin_facts import rows
from fleet import ids
from fleet.errors import HostState, StaleAttempt
from fleet.models.drivers import SimulatedFault
from fleet.models.host import Host
from fleet.models.intent import Before, IntentState
from fleet.models.messages import HandOver
from fleet.models.pin import PinHostState, PinState
from fleet.models.pin_messages import PinBatchEnd, PinPhase
from fleet.models.work import HostWork
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.pins import INPUT, MINE, SWITCH, batch, now, run
from tests.steps.site import no_fence


async def test_a_host_that_can_not_be_prepared_is_told_and_the_others_are(switch):
    await switch.begin(PinState.PREPARING)
    await switch.note(PinHostState.TO_PREPARE, *MINE)
    switch.site.world.set_fault(SimulatedFault(kind="prepare_fails", host="gpu004"))
    await run(PinBatching(switch.deps).prepare_pin_batch, batch(PinPhase.PREPARE))

    assert {"gpu003": "prepared", "gpu004": "not_prepared", "gpu005": "prepared"} == await switch.hosts()
    assert "2.21" == (await switch.site.store.versions(CLUSTER))["gpu003"]["nccl"]


async def test_nothing_is_fetched_any_more_for_a_switch_that_was_aborted(switch):
    await switch.begin(PinState.PREPARING)
    await switch.note(PinHostState.TO_PREPARE, *MINE)
    await switch.become(aborted="aborted by bob: not tonight")
    await run(PinBatching(switch.deps).prepare_pin_batch, batch(PinPhase.PREPARE))

    assert dict.fromkeys(MINE, PinHostState.TO_PREPARE) == await switch.hosts()
    called_off = await run(PinSwitching(switch.deps).review_pin, INPUT)
    assert ("called_off", "aborted by bob: not tonight") == (called_off.state, called_off.reason)
    ended = await run(PinSwitching(switch.deps).review_pin, INPUT)
    assert "end" == ended.action
    assert () == await switch.site.store.leases(SWITCH)


async def test_the_way_there_is_planned_once_and_the_way_back_by_what_was_begun(switch):
    await switch.begin(PinState.MOVING)
    planned = await run(PinBatching(switch.deps).plan_pin_batch, batch(PinPhase.MOVE))
    assert planned == await run(PinBatching(switch.deps).plan_pin_batch, batch(PinPhase.MOVE))
    assert [["drain", "apply:nccl"]] * 3 == [[s.key for s in h.steps] for h in planned.hosts]

    begun = ids.operation(SWITCH, "gpu003")
    await switch.site.store.open_intent(begun, "apply:nccl", "t", Before(version="2.21"), now())
    await switch.site.store.finish_intent(begun, "apply:nccl", "t", IntentState.DONE, "ok")
    await switch.note(PinHostState.MOVED, "gpu003")
    back = await run(PinBatching(switch.deps).plan_pin_batch, batch(PinPhase.BACK))
    assert {"gpu003": ["apply:nccl:back"], "gpu004": [], "gpu005": []} == {
        h.work.host: [s.key for s in h.steps] for h in back.hosts
    }
    end = PinBatchEnd(input=batch(PinPhase.BACK), done=MINE)
    await run(PinBatching(switch.deps).end_pin_batch, end)
    assert {"gpu003": "back", "gpu004": "restored", "gpu005": "restored"} == await switch.hosts()


async def test_hosts_are_read_back_before_they_count_as_checked(switch):
    await switch.begin(PinState.MOVING)
    await switch.note(PinHostState.MOVED, *MINE)
    await switch.site.hands.hardware.start_apply("gpu003", "nccl", "2.22", no_fence)
    await asyncio.sleep(1.2)
    switch.site.world.set_fault(SimulatedFault(kind="bmc_silent", host="gpu005"))
    end = PinBatchEnd(input=batch(PinPhase.VERIFY), done=MINE)
    seen = await run(PinBatching(switch.deps, silent_after=(0.0,)).end_pin_batch, end)

    assert "it carries nccl 2.21" == seen.off["gpu004"]
    assert seen.off["gpu005"].startswith("its versions can't be read back: ")
    assert {"gpu003": "checked", "gpu004": "moved", "gpu005": "moved"} == await switch.hosts()


async def test_a_host_waits_for_its_way_there_to_end_and_holds_up_no_other(switch):
    await switch.begin(PinState.RESTORING)
    begun, ends_within = ids.operation(SWITCH, "gpu003"), timedelta(minutes=30)
    await switch.site.store.open_intent(begun, "apply:nccl", "t", Before(version="2.21"), now())
    await switch.site.store.note_sent(begun, "apply:nccl", "t", sent=True)
    plan = PinBatching(switch.deps).plan_pin_batch
    waits, *others = (await run(plan, batch(PinPhase.BACK))).hosts
    assert waits.waits.startswith("it can't be told yet how apply:nccl of gpu003, begun at ")
    assert [("gpu004", ""), ("gpu005", "")] == [(h.work.host, h.waits) for h in others]

    alone = batch(PinPhase.BACK).model_copy(update={"host": "gpu003"})
    with pytest.raises(ApplicationError, match="it can't be told yet how apply:nccl of gpu003") as told:
        await run(plan, alone)
    assert not told.value.non_retryable
    await switch.site.store.finish_intent(begun, "apply:nccl", "t", IntentState.DONE, "ok")
    (back,) = (await run(plan, alone)).hosts
    assert ["apply:nccl:back"] == [s.key for s in back.steps]

    other = ids.operation(SWITCH, "gpu004")
    await switch.site.store.open_intent(other, "apply:nccl", "t", Before(version="2.21"), now() - ends_within)
    await switch.site.store.note_sent(other, "apply:nccl", "t", sent=True)
    _, lost, _ = (await run(plan, batch(PinPhase.BACK))).hosts
    assert ("gpu004", ()) == (lost.work.host, lost.steps)
    assert lost.lost.startswith("it can't be told how apply:nccl of gpu004")


async def test_what_was_never_sent_on_the_way_there_is_shut_out_and_holds_nobody_up(switch):
    await switch.begin(PinState.RESTORING)
    store, begun = switch.site.store, ids.operation(SWITCH, "gpu003")
    await store.open_intent(begun, "apply:nccl", "about to send", Before(version="2.21"), now())
    planned = (await run(PinBatching(switch.deps).plan_pin_batch, batch(PinPhase.BACK))).hosts

    assert [("gpu003", "", "", ()), ("gpu004", "", "", ()), ("gpu005", "", "", ())] == [
        (h.work.host, h.waits, h.lost, h.steps) for h in planned
    ]
    assert IntentState.WITHDRAWN is (await store.intent(begun, "apply:nccl")).state
    with pytest.raises(StaleAttempt):
        await store.note_sent(begun, "apply:nccl", "about to send", sent=True)


async def test_what_takes_a_batch_forth_is_waited_for_until_the_engine_runs_it_no_more(switch):
    asked = []

    class Engine:
        async def running(self, workflow_id: str) -> bool:
            asked.append(workflow_id)
            return len(asked) < 3

    await run(PinBatching(replace(switch.deps, engine=Engine())).await_pin_batch, batch(PinPhase.MOVE))
    assert [f"{SWITCH}/move/0"] * 3 == asked


@pytest.mark.parametrize(("hosts", "sizes"), [(1, [1]), (80, [80]), (81, [40, 41]), (161, [53, 54, 54]), (3, [3])])
def test_no_host_is_left_alone_in_a_batch_with_nobody_to_measure_the_fabric_with(hosts, sizes):
    found = rows(
        tuple(Host(cluster=CLUSTER, name=f"n{i}", pool=POOL, since=now()) for i in range(hosts)), PinHostState.TO_MOVE
    )
    assert sizes == [count for _, count in sorted(Counter(row.batch for row in found).items())]
    assert [f"n{i}" for i in range(hosts)] == [row.host for row in found]


async def test_a_host_that_can_not_follow_is_told_at_once_and_not_when_the_last_of_its_batch_is_through(switch):
    await switch.begin(PinState.MOVING)
    work = HostWork(cluster=CLUSTER, pool=POOL, host=MINE[0], operation=ids.operation(SWITCH, MINE[0]), visit=SWITCH)
    for _ in range(2):
        failed = HandOver(work=work, reason="pin switch: nccl can't be had", host_state=HostState.DRAINED)
        await run(HandingOver(switch.deps).hand_over, failed)
        assert {MINE[0]: "failed", MINE[1]: "to_move", MINE[2]: "to_move"} == await switch.hosts()
    (row,) = await switch.site.store.pin_hosts(SWITCH, states=(PinHostState.FAILED,))
    assert "nccl can't be had" == row.reason

    await switch.note(PinHostState.CAUGHT_UP, MINE[0])
    await run(HandingOver(switch.deps).hand_over, failed)
    assert "caught_up" == (await switch.hosts())[MINE[0]], "an attempt that stood still tells nothing any more"
