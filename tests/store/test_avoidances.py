"""Avoidances in the store: answered once, kept from visits, changed while they are open, charged within a cycle."""

from datetime import timedelta

import pytest

from activities.avoidance_door import AvoidanceDoor
from fleet.errors import InvalidInput
from fleet.models.avoidance import (
    AvoidanceAsk,
    AvoidanceChange,
    AvoidancePolicy,
    AvoidanceSource,
    AvoidanceState,
    Offer,
)
from fleet.models.observation import Observation, ObservedHost
from fleet.models.train import DomainState
from fleet.policy.avoidance import offer, spent
from tests.store import facts as f

GRANTED, REFUSED, WITHDRAWN, REVOKED, ENDED, READY = AvoidanceState
LONG = 3600.0


def ask(key="a1", job="7", hosts=("d1-1",), until=LONG, **changes):
    given = {"id": key, "cluster": f.C, "pool": f.P, "job": job, "user": "ann", "hosts": hosts}
    given |= {"until": f.later(until), "source": AvoidanceSource.COMMENT, "actor": "ann", "why": "a long run"}
    return AvoidanceAsk(**{**given, **changes})


async def cycled(store):
    """A cycle of two domains that is due in a day."""
    await f.ready(store)
    await store.ask_cycles(f.C, f.P, 1, "ann", "go", f.NOW)
    await store.open_cycle(f.C, f.P, 1, f.domains("d1", "d2"), f.NOW, f.later(86400))


def withdrawn(key):
    return AvoidanceChange(id=key, state=WITHDRAWN, reason="never mind")


async def test_a_request_is_answered_once_with_its_audit_entry_and_event(store):
    await cycled(store)
    first = await store.ask_avoidance(ask(), f.NOW, offer)
    again = await store.ask_avoidance(ask(until=2 * LONG), f.later(9), offer)

    assert (GRANTED, f.later(LONG)) == (first.state, first.until)
    assert first == again
    assert (first,) == await store.avoidances(f.C)
    (entry,) = await store.audit_log(9, "avoidance a1")
    assert ("ann", "avoid granted", "a long run", first.reason) == (
        entry.actor,
        entry.action,
        entry.reason,
        entry.detail,
    )
    (told,) = await store.event_log(f.C, kind="avoidance_granted")
    assert (("d1-1",), "7", first.reason) == (told.hosts, told.data["job"], told.reason)
    with pytest.raises(InvalidInput, match="a key of its own"):
        await store.ask_avoidance(ask(job="8"), f.NOW, offer)
    with pytest.raises(InvalidInput, match="job 7 of c1 was asked for with it before"):
        await store.ask_avoidance(ask(cluster="c2"), f.NOW, offer)
    with pytest.raises(InvalidInput, match="expected a pool"):
        await store.ask_avoidance(ask("a2", pool="storage"), f.NOW, offer)


async def test_a_train_sees_the_date_and_opens_no_visit_before_it(store):
    await cycled(store)
    await store.ask_avoidance(ask(), f.NOW, offer)

    assert {"d1": f.later(LONG)} == (await store.train_facts(f.C, f.P, f.NOW)).avoided
    assert not await store.open_visit(f.visit("v1", "d1"))
    assert await store.open_visit(f.visit("v2", "d2"))
    assert {} == (await store.train_facts(f.C, f.P, f.later(LONG))).avoided
    assert await store.open_visit(f.visit("v1", "d1", opened_at=f.later(LONG)))


async def test_a_notice_is_called_off_and_given_anew_when_the_date_is_near(store):
    await cycled(store)
    told = f"notice/{f.C}/{f.P}/1/d1/0/7"
    assert await store.first_time(told, f.NOW)
    await store.noticed(f.C, f.P, 1, "d1", f.NOW)
    await store.ask_avoidance(ask(), f.later(1), offer)
    assert await store.first_time(told, f.later(1)), "a job that was told is told of the next visit, too"

    async def state():
        return (await store.cycle(f.C, f.P)).domains[0].state

    assert DomainState.DUE == await state()
    await store.noticed(f.C, f.P, 1, "d1", f.later(2))
    assert DomainState.DUE == await state(), "who planned on older facts changes nothing"
    await store.noticed(f.C, f.P, 1, "d1", f.later(LONG))
    assert DomainState.NOTICED == await state()
    planned = await store.event_log(f.C, kind="drain_planned")
    assert [f.later(LONG), f.NOW] == [e.at for e in planned]
    assert 1 == len({e.subject for e in planned})


async def with_pool(store, **pool):
    promised = f.fleet_file()
    changed = promised.clusters[0].pools[0].model_copy(update=pool)
    clusters = (promised.clusters[0].model_copy(update={"pools": (changed,)}),)
    await store.load_fleet(promised.model_copy(update={"clusters": clusters}), "promises", "ann", "so", f.NOW)


async def test_a_grant_that_called_a_notice_off_costs_a_notice_though_it_is_given_back_at_once(store):
    await cycled(store)
    policy = AvoidancePolicy(budget_per_job=timedelta(minutes=90))
    await with_pool(store, notice=timedelta(hours=1), avoidance=policy)
    await store.noticed(f.C, f.P, 1, "d1", f.NOW)
    granted = await store.ask_avoidance(ask(until=3300 + 3720), f.later(3300), offer)
    assert f.later(3300 + 3720) == granted.until
    await store.change_avoidances(f.C, [withdrawn("a1")], "ann", f.later(3301))

    await store.noticed(f.C, f.P, 1, "d1", f.later(3400))
    again = await store.ask_avoidance(ask("a2", until=6700 + 3720), f.later(6700), offer)
    assert (f.later(6700 + 1800), True) == (again.until, "the budget of 1h30m a cycle of job 7" in again.reason)
    domain = (await store.cycle(f.C, f.P)).domains[0]
    assert (DomainState.NOTICED, f.later(3400)) == (domain.state, domain.noticed_at), "and calls no other notice off"


async def test_what_takes_the_place_of_a_grant_that_called_a_notice_off_costs_what_is_left_of_it(store):
    await cycled(store)
    await with_pool(store, notice=timedelta(hours=1))
    await store.noticed(f.C, f.P, 1, "d1", f.NOW)
    await store.ask_avoidance(ask(until=3300 + 3720), f.later(3300), offer)
    await store.ask_avoidance(ask("a2", until=3300 + 700), f.later(3300 + 600), offer)
    rows = {r.id: r for r in await store.avoidances()}
    assert {"a1": timedelta(0), "a2": timedelta(minutes=50)} == {key: r.at_least for key, r in rows.items()}
    assert timedelta(hours=1) == spent(rows.values(), None)


async def test_a_request_that_joins_keeps_the_hosts_of_both_until_the_later_date(store):
    await cycled(store)
    await store.ask_avoidance(ask(hosts=("d2-1",), until=2 * LONG), f.NOW, offer)
    joined = await store.ask_avoidance(ask("a2"), f.later(1), offer, joins=True)
    assert (GRANTED, ("d1-1", "d2-1"), f.later(2 * LONG)) == (joined.state, joined.ask.hosts, joined.until)
    assert {"d1", "d2"} == set((await store.train_facts(f.C, f.P, f.later(2))).avoided)
    assert joined == await store.ask_avoidance(ask("a2"), f.later(3), offer, joins=True)


async def test_what_is_of_a_job_is_found_however_much_was_asked_since(store):
    await cycled(store)
    first = await store.ask_avoidance(ask(), f.NOW, offer)
    for number in range(1, 1002):
        await store.say_ready(ask(f"r{number}", job=f"other-{number}", until=0), f.later(number))

    assert (first,) == await store.avoidances_of(f.C, "7", over=False) == await store.avoidances_of(f.C, "a1")
    assert () == await store.avoidances_of(f.C, "7", over=True)
    assert () == await store.avoidances_of("c2", "7")
    assert (first,) == await AvoidanceDoor(store).standing(f.C, "7")
    (back,) = await AvoidanceDoor(store).withdraw(f.C, "a1", "ann", "over")
    assert WITHDRAWN == back.state


async def test_a_notice_stands_where_a_date_leaves_no_time_for_a_whole_new_one(store):
    await cycled(store)
    await with_pool(store, notice=timedelta(hours=1))
    told = f"notice/{f.C}/{f.P}/1/d1/0/7"
    assert await store.first_time(told, f.NOW)
    await store.noticed(f.C, f.P, 1, "d1", f.NOW)

    await store.ask_avoidance(ask(until=3600 + 3540), f.later(3540), offer)
    domain = (await store.cycle(f.C, f.P)).domains[0]
    assert (DomainState.NOTICED, f.NOW) == (domain.state, domain.noticed_at)
    assert not await store.first_time(told, f.NOW)

    await store.ask_avoidance(ask("a2", until=3600 + 3542), f.later(3541), offer)
    domain = (await store.cycle(f.C, f.P)).domains[0]
    assert (DomainState.DUE, None) == (domain.state, domain.noticed_at)
    assert await store.first_time(told, f.NOW)


async def test_a_later_grant_takes_the_place_of_the_earlier_one_and_a_refusal_does_not(store):
    await cycled(store)
    await store.ask_avoidance(ask(), f.NOW, offer)
    await store.ask_avoidance(ask("a2", until=-5), f.later(10), offer)
    assert [("a2", REFUSED), ("a1", GRANTED)] == [(r.id, r.state) for r in await store.avoidances()]

    await store.ask_avoidance(ask("a3", until=2 * LONG), f.later(20), offer)
    rows = {r.id: r for r in await store.avoidances()}
    assert (ENDED, f.later(20), "a3 took its place") == (rows["a1"].state, rows["a1"].ended_at, rows["a1"].reason)
    assert ["a3"] == [r.id for r in await store.avoidances(f.C, over=False)]
    found = await store.avoidance_facts(f.C, f.P, f.later(30))
    assert ["a3"] == [r.id for r in found.rows]
    assert timedelta(seconds=20) == found.rows[0].carried, "both are charged in this cycle"


async def test_what_is_open_changes_once(store):
    await cycled(store)
    await store.ask_avoidance(ask(), f.NOW, offer)
    shorter = AvoidanceChange(id="a1", state=GRANTED, until=f.later(60), reason="the cycle is late")
    (found,) = await store.change_avoidances(f.C, [shorter], "maintrain", f.later(1))
    assert (GRANTED, f.later(60), None) == (found.state, found.until, found.ended_at)

    (found,) = await store.change_avoidances(f.C, [withdrawn("a1")], "bob", f.later(2))
    assert (WITHDRAWN, f.later(2)) == (found.state, found.ended_at)
    assert () == await store.change_avoidances(f.C, [withdrawn("a1"), withdrawn("none")], "bob", f.later(3))
    assert ["avoid withdrawn", "avoid shorten", "avoid granted"] == [
        e.action for e in await store.audit_log(9, "avoidance a1")
    ]
    assert 1 == len(await store.event_log(f.C, kind="avoidance_revoked"))
    assert {} == (await store.train_facts(f.C, f.P, f.later(4))).avoided
    assert ("a1",) == tuple(r.id for r in await store.avoidances_since(f.C, f.later(1)))
    assert () == await store.avoidances_since(f.C, f.later(2))


async def test_a_job_that_is_ready_gives_up_what_it_was_granted_and_its_domain_shows(store):
    await cycled(store)
    await store.ask_avoidance(ask(), f.NOW, offer)
    said = ask("r1", until=0)
    first = await store.say_ready(said, f.later(5))
    assert first == await store.say_ready(said, f.later(9))
    assert (READY, {"a1": ENDED, "r1": READY}) == (first.state, {r.id: r.state for r in await store.avoidances()})

    await store.noticed(f.C, f.P, 1, "d1", f.later(4))
    seen = {"d1-1": ObservedHost(host="d1-1", node=None, jobs=("7",))}
    await store.record_observation(Observation(cluster=f.C, began_at=f.later(6), hosts=seen))
    assert {"d1"} == (await store.train_facts(f.C, f.P, f.later(7))).ready


async def test_the_signal_of_a_jobs_last_request_counts(store):
    await cycled(store)
    await store.ask_avoidance(ask(signal="USR1"), f.NOW, offer)
    await store.ask_avoidance(ask("a2", signal="USR2", until=2 * LONG), f.later(1), offer)
    await store.ask_avoidance(ask("a3", job="8", hosts=("d2-1",)), f.later(2), offer)
    assert {"7": "USR2"} == await store.job_signals(f.C, ("7", "8"))
    assert {} == await store.job_signals(f.C, ("8",))
    assert {} == await store.job_signals("c2", ("7",))
    assert [True, False] == [await store.names_signals(cluster) for cluster in (f.C, "c2")]


async def test_what_decides_and_fails_leaves_nothing(store):
    await cycled(store)

    def broken(_, __) -> Offer:
        raise InvalidInput("test", "", "expected to fail")

    with pytest.raises(InvalidInput):
        await store.ask_avoidance(ask(), f.NOW, broken)
    assert () == await store.avoidances()
