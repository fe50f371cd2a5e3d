"""What a job asks and says again and again: what it costs, what it counts for, and which word of it holds."""

from datetime import timedelta

from sqlalchemy import create_engine, event

from fleet.models.avoidance import AvoidanceChange, AvoidancePolicy, AvoidanceState
from fleet.models.observation import Observation, ObservedHost
from fleet.policy.avoidance import offer, spent
from store.avoidance_rows import ROWS, charged_avoidances, named_avoidances, open_avoidances, open_or_changed
from store.tables.avoidances import AVOIDANCES
from store.tables.columns import METADATA
from tests.store import facts as f
from tests.store.test_avoidances import LONG, ask, cycled, with_pool

GRANTED, REFUSED, WITHDRAWN = AvoidanceState.GRANTED, AvoidanceState.REFUSED, AvoidanceState.WITHDRAWN


def test_what_is_over_is_never_read_through():
    engine, asked = create_engine("sqlite://"), []
    METADATA.create_all(engine, [AVOIDANCES])
    with engine.connect() as connection:

        @event.listens_for(connection, "before_cursor_execute")
        def _(*told) -> None:
            asked.append(told[2:4])

        open_avoidances(connection, f.C, f.P)
        charged_avoidances(connection, f.C, f.P, f.NOW)
        open_or_changed(connection, ROWS.where(AVOIDANCES.c.cluster == f.C), f.NOW)
        for over in (None, False):
            named_avoidances(connection, f.C, "7", over)
        statements = asked[:]
        plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given).all() for sql, given in statements]

    reads = [row.detail for plan in plans for row in plan if "avoidances" in row.detail]
    assert reads
    assert [] == [detail for detail in reads if "(cluster=? AND " not in detail and "(id=?" not in detail]


async def test_who_asks_for_a_little_more_all_the_time_is_charged_for_it_once_and_read_as_one(store):
    await cycled(store)
    await with_pool(store, avoidance=AvoidancePolicy(budget_per_job=timedelta(hours=2)))
    for number in range(7):
        at = number * 600
        last = await store.ask_avoidance(ask(f"a{number}", until=at + LONG), f.later(at), offer)
    assert f.later(2 * LONG) == last.until, "two hours after its first request"

    found = await store.avoidance_facts(f.C, f.P, f.later(6600))
    assert ["a6"] == [row.id for row in found.rows]
    assert timedelta(hours=2) == spent(found.rows, f.NOW) == spent(await store.avoidances(), f.NOW)
    assert timedelta(seconds=6600) == spent(found.rows, f.NOW, f.later(6600))
    refused = await store.ask_avoidance(ask("b1", until=3 * LONG), f.later(6600), offer)
    assert (REFUSED, True) == (refused.state, "the budget of 2h a cycle of job 7" in refused.reason)

    await store.close_cycle(f.C, f.P, 1, f.later(6700))
    await store.open_cycle(f.C, f.P, 2, f.domains("d1", "d2"), f.later(6700), f.later(90000))
    anew = await store.ask_avoidance(ask("b2", until=20000), f.later(6800), offer)
    assert f.later(6700 + 7200) == anew.until, "budgets begin anew with a cycle"


async def test_what_stood_on_another_users_budget_is_not_charged_to_who_takes_its_place(store):
    await cycled(store)
    await store.ask_avoidance(ask(), f.NOW, offer)
    last = await store.ask_avoidance(ask("a2", until=2 * LONG, user="bob"), f.later(600), offer)
    rows = (await store.avoidance_facts(f.C, f.P, f.later(600))).rows
    assert [("ann", False), ("bob", False)] == [(row.ask.user, row.passed_on) for row in rows]
    assert (timedelta(0), timedelta(seconds=600)) == (last.carried, spent(rows[:1], f.NOW))


async def test_a_job_that_asks_to_be_kept_after_it_was_ready_is_not_ready_any_more(store):
    await cycled(store)
    await store.noticed(f.C, f.P, 1, "d1", f.NOW)
    seen = {"d1-1": ObservedHost(host="d1-1", node=None, jobs=("7",))}
    await store.record_observation(Observation(cluster=f.C, began_at=f.later(2), hosts=seen))
    await store.say_ready(ask("r1", until=1), f.later(1))
    assert {"d1"} == (await store.train_facts(f.C, f.P, f.later(3))).ready
    await with_pool(store, avoidance=AvoidancePolicy(budget_per_job=timedelta(0)))
    assert REFUSED == (await store.ask_avoidance(ask("a2"), f.later(4), offer)).state
    assert set() == (await store.train_facts(f.C, f.P, f.later(5))).ready, "refused or not: it is not ready"


async def test_a_notice_is_claimed_once_a_job_and_only_while_its_visit_is_to_come(store):
    await cycled(store)

    async def claimed(progress, *jobs, at=0):
        return await store.claim_notices(f.C, f.P, 1, progress, jobs, f.later(at))

    due = (await store.cycle(f.C, f.P)).domains[0]
    assert [("7", "8"), ("9",)] == [await claimed(due, "7", "8"), await claimed(due, "7", "9")]
    await store.noticed(f.C, f.P, 1, "d1", f.NOW)
    told = (await store.cycle(f.C, f.P)).domains[0]
    assert [(), ("10",)] == [await claimed(due, "10"), await claimed(told, "8", "10")]

    await store.ask_avoidance(ask(), f.later(1), offer)
    assert () == await claimed(told, "11"), "it was put off"
    assert () == await claimed(due, "7", "11", at=2), "and its jobs are kept"
    assert ("7", "11") == await claimed(due, "7", "11", at=LONG), "and all are told of the next one"


async def test_a_date_that_was_taken_back_further_meanwhile_is_not_given_back(store):
    await cycled(store)
    await store.ask_avoidance(ask(), f.NOW, offer)

    async def shorten(minutes: int):
        change = AvoidanceChange(id="a1", state=GRANTED, until=f.later(60 * minutes), reason=f"{minutes} minutes only")
        return await store.change_avoidances(f.C, [change], "maintrain", f.later(1))

    (kept,) = await shorten(20)
    assert (f.later(1200), "20 minutes only") == (kept.until, kept.reason)
    assert () == await shorten(40)
    assert (kept,) == await store.avoidances(f.C)
