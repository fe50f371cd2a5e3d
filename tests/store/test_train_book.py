"""Cycles, domains and visits."""

import pytest

from fleet.errors import InvalidInput
from fleet.models.stop import Stop, StopKind
from fleet.models.train import DomainState, VisitState
from tests.store import facts as f


async def opened(store, *names):
    await f.ready(store)
    await store.open_cycle(f.C, f.P, 1, f.domains(*names), f.NOW, f.later(3600))


async def domain(store, name="d1"):
    cycle = await store.cycle(f.C, f.P)
    return next(progress for progress in cycle.domains if progress.domain.name == name)


async def facts(store):
    return await store.train_facts(f.C, f.P, f.NOW)


async def test_a_pool_the_fleet_file_lacks_has_no_facts(store):
    assert await facts(store) is None
    await f.ready(store)

    assert await store.train_facts(f.C, "storage", f.NOW) is None
    assert await store.train_facts("c2", f.P, f.NOW) is None


async def test_the_facts_of_a_train_before_its_first_cycle(store):
    await f.ready(store, members=2)
    await store.set_stop(Stop(kind=StopKind.STOP, cluster=f.C, actor="ann", reason="storm", at=f.NOW))
    found = await facts(store)

    assert (f.C, f.fleet_file().clusters[0].pools[0], f.NOW) == (found.cluster, found.pool, found.now)
    assert f.hosts(2) == found.hosts
    # Nothing ended yet: the drain deadline of ten minutes, then the visit budget.
    assert (found.cycle, found.open_visits, found.visit_seconds) == (None, (), 600.0 + 7200.0)
    assert (found.cycle_asked, found.endless) == (False, False)
    assert [stop.reason for stop in found.stops] == ["storm"]


async def test_cycles_are_used_up_as_they_close(store):
    await f.ready(store)
    await store.ask_cycles(f.C, f.P, 2, "ann", "go", f.NOW)
    await store.ask_cycles(f.C, f.P, 2, "ann", "go", f.NOW)
    for number, asked_after in ((1, True), (2, False)):
        await store.open_cycle(f.C, f.P, number, f.domains("d1"), f.NOW, f.later(9))
        for _ in range(3):
            await store.close_cycle(f.C, f.P, number, f.later(number))
        assert asked_after == (await facts(store)).cycle_asked

    assert f.later(2) == (await store.cycle(f.C, f.P)).closed_at
    assert len([entry for entry in await store.audit_log() if entry.action == "train start"]) == 1


async def test_a_train_without_end_stays_asked(store):
    await f.ready(store)
    await store.ask_cycles(f.C, f.P, None, "ann", "go", f.NOW)
    await store.open_cycle(f.C, f.P, 1, f.domains("d1"), f.NOW, f.later(9))
    await store.close_cycle(f.C, f.P, 1, f.NOW)
    assert ((await facts(store)).cycle_asked, (await facts(store)).endless) == (True, True)

    await store.ask_cycles(f.C, f.P, 0, "ann", "enough", f.NOW)
    assert ((await facts(store)).cycle_asked, (await facts(store)).endless) == (False, False)


@pytest.mark.parametrize(("pool", "cycles"), [("storage", 1), (f.P, -1)])
async def test_what_cant_be_asked_is_refused(store, pool, cycles):
    await f.ready(store)

    with pytest.raises(InvalidInput, match="expected"):
        await store.ask_cycles(f.C, pool, cycles, "ann", "go", f.NOW)


async def test_a_cycle_opens_once_with_its_domains_in_order(store):
    await opened(store, "d2", "d1")
    await store.open_cycle(f.C, f.P, 1, f.domains("d9"), f.later(1), f.later(2))
    cycle = await store.cycle(f.C, f.P)

    assert (1, f.NOW, f.later(3600), None) == (cycle.number, cycle.opened_at, cycle.due_at, cycle.closed_at)
    assert f.domains("d2", "d1") == tuple(progress.domain for progress in cycle.domains)
    assert {DomainState.DUE} == {progress.state for progress in cycle.domains}


async def test_the_latest_cycle_is_meant_unless_one_is_named(store):
    await opened(store, "d1")
    await store.open_cycle(f.C, f.P, 2, f.domains("d5"), f.NOW, f.later(9))

    assert ((await store.cycle(f.C, f.P)).number, (await store.cycle(f.C, f.P, 1)).number) == (2, 1)
    assert await store.cycle(f.C, f.P, 3) is None
    assert await store.cycle(f.C, "storage") is None


async def test_the_first_notice_counts(store):
    await opened(store, "d1")
    await store.noticed(f.C, f.P, 1, "d1", f.later(1))
    await store.noticed(f.C, f.P, 1, "d1", f.later(2))

    found = await domain(store)
    assert (DomainState.NOTICED, f.later(1)) == (found.state, found.noticed_at)


async def test_a_due_domain_is_skipped_once(store):
    await opened(store, "d1", "d2")
    await store.noticed(f.C, f.P, 1, "d1", f.NOW)
    assert await store.skip(f.C, f.P, "d1", "ann", "a deadline", f.later(1))
    assert not await store.skip(f.C, f.P, "d1", "ann", "a deadline", f.later(2))
    assert not await store.skip(f.C, f.P, "d9", "ann", "a typo", f.NOW)

    found = await domain(store)
    assert (DomainState.SKIPPED, "a deadline", f.later(1)) == (found.state, found.reason, found.ended_at)
    assert [entry.reason for entry in await store.audit_log() if entry.action == "train skip"] == ["a deadline"]


async def test_nothing_is_skipped_in_a_closed_cycle(store):
    assert not await store.skip(f.C, f.P, "d1", "ann", "why", f.NOW)
    await opened(store, "d1")
    await store.close_cycle(f.C, f.P, 1, f.NOW)

    assert not await store.skip(f.C, f.P, "d1", "ann", "why", f.NOW)


async def test_a_visit_marks_its_domain_and_counts_one_attempt(store):
    await opened(store, "d1")
    visit = f.visit("v1", "d1")
    for _ in range(2):
        await store.open_visit(visit)

    found = await domain(store)
    assert (found.state, found.visit, found.attempts) == (DomainState.VISITING, "v1", 1)
    assert visit == await store.visit("v1")
    assert (await facts(store)).open_visits == ("v1",)
    assert await store.visit("v9") is None


async def test_a_domain_that_was_skipped_meanwhile_is_not_visited(store):
    await opened(store, "d1")
    await store.skip(f.C, f.P, "d1", "ann", "a deadline", f.NOW)

    assert not await store.open_visit(f.visit("v1", "d1"))

    assert (DomainState.SKIPPED, 0) == ((await domain(store)).state, (await domain(store)).attempts)
    assert await store.visit("v1") is None


async def test_a_domain_has_one_open_visit(store):
    await opened(store, "d1")

    assert [True, False] == [await store.open_visit(f.visit(v, "d1")) for v in ("v1", "v2")]
    assert (await facts(store)).open_visits == ("v1",)


async def test_an_open_visit_may_change_what_it_takes(store):
    await opened(store, "d1")
    await store.open_visit(f.visit("v1", "d1"))
    renewed = f.visit("v1", "d1", taken=("d1-2",), state=VisitState.RUNNING, granted_at=f.later(1))
    await store.open_visit(renewed)

    assert renewed == await store.visit("v1")


async def test_a_visit_needs_a_domain_of_its_cycle(store):
    await opened(store, "d1")

    with pytest.raises(InvalidInput, match="expected a domain of cycle 1"):
        await store.open_visit(f.visit("v1", "d9"))


async def test_a_visit_that_ends_leaves_its_domain_visited(store):
    await opened(store, "d1")
    await store.open_visit(f.visit("v1", "d1"))
    await store.close_visit("v1", f.later(5), "all upgraded", gave_back=False)
    await store.close_visit("v1", f.later(9), "again", gave_back=True)

    found = await domain(store)
    assert (DomainState.VISITED, f.later(5), "all upgraded") == (found.state, found.ended_at, found.reason)
    assert (VisitState.ENDED, f.later(5)) == ((await store.visit("v1")).state, (await store.visit("v1")).ended_at)
    assert (await facts(store)).open_visits == ()


@pytest.mark.parametrize(("gave_back", "due_again", "counted"), [(True, False, 1), (False, True, 0)])
async def test_a_domain_that_was_not_visited_is_due_again(store, gave_back, due_again, counted):
    await opened(store, "d1")
    await store.noticed(f.C, f.P, 1, "d1", f.NOW)
    await store.open_visit(f.visit("v1", "d1"))
    await store.close_visit("v1", f.later(5), "job 7 stayed", gave_back=gave_back, due_again=due_again)
    await store.close_visit("v1", f.later(6), "job 7 stayed", gave_back=gave_back, due_again=due_again)

    found = await domain(store)
    assert (DomainState.DUE, counted, 1, None) == (found.state, found.give_backs, found.attempts, found.noticed_at)
    assert found.reason == "job 7 stayed"


async def test_a_late_end_of_an_earlier_visit_leaves_the_domain_alone(store):
    await opened(store, "d1")
    assert await store.open_visit(f.visit("v1", "d1"))
    await store.close_visit("v1", f.later(4), "stopped", gave_back=False, due_again=True)
    assert await store.open_visit(f.visit("v2", "d1", attempt=2))
    await store.close_visit("v1", f.later(5), "late", gave_back=False)

    found = await domain(store)
    assert (found.state, found.visit, found.attempts) == (DomainState.VISITING, "v2", 2)


async def test_hosts_left_out_later_are_added_with_their_reasons(store):
    await opened(store, "d1")
    await store.open_visit(f.visit("v1", "d1"))
    await store.add_left_out("v1", {"d1-1": "drained by ann", "d1-2": "another reason"})

    assert (await store.visit("v1")).left_out == {"d1-1": "drained by ann", "d1-2": "in repair"}
    with pytest.raises(InvalidInput, match="expected a visit that was opened"):
        await store.add_left_out("v9", {"a": "b"})


async def test_the_length_of_a_visit_is_the_mean_of_the_last_ten(store):
    await opened(store, *[f"d{n}" for n in range(13)])
    for n in range(12):
        state = {"state": VisitState.RUNNING, "granted_at": f.later(1000 * n)}
        await store.open_visit(f.visit(f"v{n}", f"d{n}", **state))
        await store.close_visit(f"v{n}", f.later(1000 * n + (900 if n < 2 else 100 + n)), "done", gave_back=False)
    await store.open_visit(f.visit("never granted", "d12"))
    await store.close_visit("never granted", f.later(99999), "withdrawn", gave_back=False)

    assert (await facts(store)).visit_seconds == 106.5
