"""Intents by compare-and-set, and what happened on hosts."""

import asyncio
from datetime import timedelta

import pytest

from fleet.errors import StaleAttempt
from fleet.models.intent import Before, Intent, IntentEnd, IntentState
from fleet.models.stack import Upgrade
from fleet.models.work import HostWork, Step, StepAction, StepKind, StepRecord
from store import open_store
from tests.store import facts as f

BEFORE = Before(boot_id="b1", version="1.0", tasks=("t1", "t2"))


async def open_one(store, token="t1"):
    return await store.open_intent("o1", "apply bmc", token, BEFORE, f.NOW)


def record(step, seconds=0, **more):
    common = {"cluster": f.C, "host": "gpu0000", "operation": "o1", "step": step, "reason": "done"}
    moments = {"started": f.later(seconds), "ended": f.later(seconds + 1)}
    return StepRecord(**{**common, **moments, "action": StepAction.GO_ON, **more})


async def test_the_first_attempt_writes_the_intent(store):
    expected = Intent(
        operation="o1", step="apply bmc", token="t1", before=BEFORE, sent=False, opened_at=f.NOW, token_at=f.NOW
    )

    assert expected == await open_one(store) == await store.intent("o1", "apply bmc")


async def test_a_later_attempt_finds_the_intent_in_force(store):
    first = await open_one(store)
    second = await store.open_intent("o1", "apply bmc", "t2", Before(boot_id="b2"), f.later(5))

    assert first == second
    assert await store.intent("o1", "reboot") is None


async def test_of_many_attempts_at_once_one_opens_the_intent(store, url):
    other = await open_store(url)
    tries = [
        s.open_intent("o1", "apply bmc", f"t{n}{p}", BEFORE, f.NOW)
        for n in range(10)
        for p, s in enumerate((store, other))
    ]
    found = await asyncio.gather(*tries)

    assert len({intent.token for intent in found}) == 1
    await other.close()


async def test_of_many_attempts_at_once_one_takes_the_intent_over(store, url):
    other = await open_store(url)
    await open_one(store, "old")
    tokens = [f"new{n}" for n in range(20)]
    tries = [
        (store if n % 2 else other).take_over_intent("o1", "apply bmc", "old", token, f.later(1))
        for n, token in enumerate(tokens)
    ]
    won = [token for token, result in zip(tokens, await asyncio.gather(*tries), strict=True) if result]

    intent = await store.intent("o1", "apply bmc")
    assert ([intent.token], f.later(1), f.NOW) == (won, intent.token_at, intent.opened_at)
    await other.close()


async def test_taking_over_again_is_true_for_the_attempt_that_has_it(store):
    await open_one(store, "old")
    assert await store.take_over_intent("o1", "apply bmc", "old", "new", f.later(1))
    assert await store.take_over_intent("o1", "apply bmc", "old", "new", f.later(2))
    assert not await store.take_over_intent("o1", "apply bmc", "old", "newer", f.later(3))
    assert not await store.take_over_intent("o1", "reboot", "old", "new", f.later(3))

    assert f.later(1) == (await store.intent("o1", "apply bmc")).token_at


async def test_only_the_attempt_in_force_notes_that_it_sends(store):
    await open_one(store, "old")
    await store.note_sent("o1", "apply bmc", "old", sent=True)
    assert (await store.intent("o1", "apply bmc")).sent
    await store.note_sent("o1", "apply bmc", "old", sent=False)
    assert not (await store.intent("o1", "apply bmc")).sent

    await store.take_over_intent("o1", "apply bmc", "old", "new", f.later(1))
    with pytest.raises(StaleAttempt):
        await store.note_sent("o1", "apply bmc", "old", sent=True)
    assert not (await store.intent("o1", "apply bmc")).sent


async def test_what_was_sent_under_an_intent_stays_noted_when_it_begins_again(store):
    await open_one(store, "old")
    await store.note_sent("o1", "apply bmc", "old", sent=True)
    await store.begin_again("o1", "apply bmc", "old", f.later(1))
    found = await store.intent("o1", "apply bmc")
    assert (True, f.later(1)) == (found.sent, found.opened_at)


async def test_an_intent_that_is_written_anew_has_nothing_sent_under_it(store):
    await open_one(store)
    await store.note_sent("o1", "apply bmc", "t1", sent=True)
    await store.finish_intent("o1", "apply bmc", "t1", IntentState.WITHDRAWN, "busy")
    assert not (await store.open_intent("o1", "apply bmc", "t2", BEFORE, f.later(5))).sent


async def test_the_last_claim_of_a_prefix_is_found(store):
    assert await store.last_claim("tried/r/1.") is None
    for number, key in enumerate(("tried/r/1.2", "tried/r/1.10", "tried/r/10.1")):
        await store.first_time(key, f.later(number))
    assert "tried/r/1.10" == await store.last_claim("tried/r/1.")


async def test_the_attempt_in_force_names_its_task_and_finishes(store):
    await open_one(store)
    for _ in range(2):
        await store.record_task("o1", "apply bmc", "t1", "task 9")
        await store.finish_intent("o1", "apply bmc", "t1", IntentState.DONE, "2.0")

    intent = await store.intent("o1", "apply bmc")
    assert (intent.task, intent.state, intent.result) == ("task 9", IntentState.DONE, "2.0")


async def test_an_attempt_that_was_taken_over_can_write_nothing(store):
    await open_one(store, "old")
    await store.take_over_intent("o1", "apply bmc", "old", "new", f.later(1))

    with pytest.raises(StaleAttempt, match="attempt old no longer holds"):
        await store.record_task("o1", "apply bmc", "old", "task 9")
    with pytest.raises(StaleAttempt, match="attempt old no longer holds"):
        await store.finish_intent("o1", "apply bmc", "old", IntentState.DONE, "2.0")
    intent = await store.intent("o1", "apply bmc")
    assert (intent.task, intent.state) == (None, IntentState.OPEN)


async def test_a_steps_evidence_closes_its_intent(store):
    await open_one(store)

    await store.record_step(record("apply bmc", 10), IntentEnd(token="t1", state=IntentState.DONE, result="2.0"))

    intent = await store.intent("o1", "apply bmc")
    assert (IntentState.DONE, "2.0") == (intent.state, intent.result)
    assert (record("apply bmc", 10),) == await store.steps("o1")


async def test_an_attempt_that_was_taken_over_leaves_no_evidence(store):
    await open_one(store, "old")
    await store.take_over_intent("o1", "apply bmc", "old", "new", f.later(1))

    with pytest.raises(StaleAttempt, match="attempt old no longer holds"):
        await store.record_step(record("apply bmc", 10), IntentEnd(token="old", state=IntentState.DONE, result="2.0"))

    assert IntentState.OPEN is (await store.intent("o1", "apply bmc")).state
    assert () == await store.steps("o1")


async def test_intents_come_in_the_order_they_were_opened(store):
    for step in ("drain", "apply bmc", "a reboot"):
        await store.open_intent("o1", step, "t", BEFORE, f.NOW)
    await store.open_intent("o2", "drain", "t", BEFORE, f.NOW)

    assert [intent.step for intent in await store.intents("o1")] == ["drain", "apply bmc", "a reboot"]


async def test_what_boarded_is_kept_as_it_was_last_saved(store):
    bmc = Upgrade(component="bmc", version="2.0")
    step = Step(key="apply bmc", kind=StepKind.APPLY, upgrade=bmc, expected=timedelta(seconds=1.5))
    work = HostWork(cluster=f.C, pool=f.P, host="gpu0000", operation="o1", visit="v1", steps=(step,))
    await store.save_work(work)
    assert work == await store.work("o1")

    changed = work.model_copy(update={"trouble": "BMC silent"})
    await store.save_work(changed)
    assert changed == await store.work("o1")
    assert await store.work("o9") is None


async def test_the_last_record_of_a_step_counts(store):
    await store.record_step(record("drain", 0))
    await store.record_step(record("apply bmc", 10))
    await store.record_step(record("apply bmc", 20, action=StepAction.HAND_OVER))

    assert (record("drain", 0), record("apply bmc", 20, action=StepAction.HAND_OVER)) == await store.steps("o1")
    assert await store.steps("o2") == ()


async def test_history_is_newest_first_and_can_be_narrowed(store):
    rows = [f.outcome(f"gpu000{n % 2}", f"o{n}", visit=f"v{n // 2}", at=f.later(n)) for n in range(4)]
    for row in rows:
        await store.record_outcome(row)

    assert tuple(reversed(rows)) == await store.outcomes(f.C)
    assert (rows[3], rows[2]) == await store.outcomes(f.C, visit="v1") == await store.outcomes(f.C, limit=2)
    assert (rows[2], rows[0]) == await store.outcomes(f.C, host="gpu0000")
    assert await store.outcomes("c2") == ()


async def test_repairs_are_numbered_by_host(store):
    await f.ready(store)
    await store.request(f.request("r1", "gpu0000"))
    await store.settle(f.C, f.NOW, f.grant_all)
    assert await store.next_repair(f.C, "gpu0000") == 1
    await store.take_for_repair(f.lease("gpu0000", "repair/c1/gpu0000/1"), "holder/r1#gpu0000")
    assert await store.next_repair(f.C, "gpu0000") == 2
    repair = f.outcome("gpu0000", "repair/c1/gpu0000/1")
    await store.release(f.C, "gpu0000", repair.operation, repair, f.NOW)
    await store.record_outcome(f.outcome("gpu0000", "visit/c1/gpu-train/1/d1/1#gpu0000"))
    assert await store.next_repair(f.C, "gpu0000") == 2
    await store.save_work(HostWork(cluster=f.C, pool=f.P, host="gpu0000", operation="repair/c1/gpu0000/10"))

    assert await store.next_repair(f.C, "gpu0000") == 11
    assert await store.next_repair(f.C, "gpu0001") == 1


async def test_hosts_are_ready_since_they_first_said_so(store):
    await store.ready_for_fabric("v1", "b", f.later(1))
    await store.ready_for_fabric("v1", "a", f.later(2))
    await store.ready_for_fabric("v1", "b", f.later(3))
    await store.ready_for_fabric("v2", "c", f.later(1))

    assert [("b", f.later(1)), ("a", f.later(2))] == list((await store.gathering("v1")).ready.items())


async def test_a_page_is_sent_once(store, url):
    other = await open_store(url)
    firsts = await asyncio.gather(*[s.first_time("gpu0000 waits", f.NOW) for s in (store, other) * 5])

    assert sum(firsts) == 1
    await other.close()


async def test_claims_are_counted_by_what_they_begin_with(store):
    for key in ("a/1", "a/2", "ab/1", "a%/1"):
        await store.first_time(key, f.NOW)

    assert await store.count_claims("a/") == 2
    assert await store.count_claims("a%/") == 1
    assert await store.claimed("a/1")
    assert not await store.claimed("a/3")


async def test_a_withdrawn_intent_is_opened_anew_by_a_later_attempt(store):
    await store.open_intent("op", "reboot", "a", Before(boot_id="1"), f.NOW)
    await store.finish_intent("op", "reboot", "a", IntentState.WITHDRAWN, "stopped before it began")

    again = await store.open_intent("op", "reboot", "b", Before(boot_id="2"), f.later(5))

    assert (again.token, again.state, again.before.boot_id) == ("b", IntentState.OPEN, "2")
    assert again == await store.intent("op", "reboot")


async def test_a_look_at_a_device_is_noted_by_the_attempt_that_holds_the_intent(store):
    await store.open_intent("o1", "apply bmc", "t1", BEFORE, f.NOW)
    assert None is (await store.intent("o1", "apply bmc")).looked_at
    await store.note_look("o1", "apply bmc", "t1", f.later(1))
    assert f.later(1) == (await store.intent("o1", "apply bmc")).looked_at
    with pytest.raises(StaleAttempt):
        await store.note_look("o1", "apply bmc", "t2", f.later(2))
