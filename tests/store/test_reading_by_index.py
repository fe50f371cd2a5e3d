"""Rows are kept for years: what is asked for them again and again is found by an index."""

import re

import pytest
from sqlalchemy import Engine, event, text

from fleet.models.intent import Before
from fleet.models.work import StepAction, StepRecord
from store import open_store
from store.opening import _database
from tests.store import facts as f

GROWS = "steps|intents|pages|emergency_hosts|outcomes|handovers|avoidances|rollout_cohorts"
# By its cluster alone: of all that ever was in it, but where the index keeps only what is under way.
WHOLE = re.compile(
    rf"(?:SCAN|Seq Scan on) ({GROWS})|SEARCH ({GROWS}) USING INDEX (?!ix_handovers_open).*\(cluster=\?\)"
)

ASKED = {
    "the steps of a repair and its tries": lambda s: s.tried("repair/c1/gpu0001/1"),
    "how often something was claimed": lambda s: s.count_claims("placed/op-1/drain/"),
    "what was claimed last": lambda s: s.last_claim("tried/repair/c1/gpu0001/1."),
    "hosts in the hold of an operation": lambda s: s.held_for_outsider("op/1"),
    "emergencies that are not through": lambda s: s.unfinished_emergencies(f.C),
    "what a visit came to": lambda s: s.outcomes(f.C, visit="v1"),
    "handovers under way": lambda s: s.handovers(f.C),
    "what a job asked for": lambda s: s.avoidances_of(f.C, "4711"),
    "whom a train visits first": lambda s: s.train_facts(f.C, f.P, f.NOW),
}


@pytest.fixture
def asked():
    """Every statement that is run, with its parameters."""
    found = []

    def note(connection, cursor, statement, parameters, context, many):
        found.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


async def plan(url, statement, parameters):
    database = _database(url)
    word = "EXPLAIN QUERY PLAN" if url.startswith("sqlite") else "EXPLAIN"

    def work(connection):
        if not url.startswith("sqlite"):
            connection.execute(text("SET enable_seqscan = off"))  # else few rows are read whole, as they should be
        return "\n".join(str(row) for row in connection.exec_driver_sql(f"{word} {statement}", parameters))

    try:
        return await database.read(work)
    finally:
        await database.close()


@pytest.mark.parametrize("what", ASKED)
async def test_nothing_is_read_whole_that_grows_for_years(store, url, asked, what):
    await f.ready(store)
    asked.clear()
    await ASKED[what](store)
    plans = [await plan(url, *each) for each in list(asked) if each[0].startswith(("SELECT", "DELETE"))]

    assert [] == [found for each in plans for found in WHOLE.findall(each)]


async def test_keys_that_begin_alike_are_told_from_others_by_every_character(store):
    """In the order of a language slashes and dots count for little."""
    for key in ("tried/a.1", "tried/a.2", "tried/a/1", "tried/ab.1", "tried/a-1", "Tried/a.1", "tried/a1", "tried/a."):
        await store.first_time(key, f.NOW)

    assert 3 == await store.count_claims("tried/a.")


async def test_the_tries_of_a_repair_are_its_own(store):
    operations = ("repair/c1/gpu1/1", "repair/c1/gpu1/1.1", "repair/c1/gpu1/11", "repair/c1/GPU1/1.1")
    for operation in operations:
        record = {"cluster": f.C, "host": "gpu1", "operation": operation, "step": "drain", "reason": "so"}
        await store.record_step(StepRecord(**record, action=StepAction.GO_ON, started=f.NOW, ended=f.NOW))

    assert list(operations[:2]) == [r.operation for r in await store.tried("repair/c1/gpu1/1")]


async def test_hosts_in_the_hold_are_those_of_the_operation_alone(store):
    for operation in ("op/1#gpu1", "op/1/c2#gpu1", "op/11#gpu1", "op/2#gpu1"):
        await store.open_intent(operation, "hold", "t", Before(), f.NOW)

    assert {"op/1#gpu1", "op/1/c2#gpu1"} == await store.held_for_outsider("op/1")


async def test_they_are_found_in_a_database_with_the_order_of_a_language(postgres):
    name = postgres.new_database()
    postgres.run("template1", f"CREATE DATABASE {name}_en TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
    url = postgres.url(f"{name}_en")
    store = await open_store(url)
    for key in ("tried/a.1", "tried/a.2", "tried/a/1", "tried/ab.1", "tried/a-1", "tried/a1"):
        await store.first_time(key, f.NOW)

    assert (2, "tried/a.2") == (await store.count_claims("tried/a."), await store.last_claim("tried/a."))
    await store.close()


async def test_all_that_came_of_a_visit_is_told_and_in_the_cluster_that_is_asked_for(store):
    for number in range(1001):
        await store.record_outcome(f.outcome(f"gpu{number:04}", f"op/1#gpu{number:04}", visit="op/1"))
    await store.record_outcome(f.outcome("gpu0000", "op/1/c2#gpu0000", visit="op/1", cluster="c2"))

    assert (1001, 1) == tuple([len(await store.outcomes(name, visit="op/1")) for name in (f.C, "c2")])
