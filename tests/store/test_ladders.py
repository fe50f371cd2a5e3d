"""Rungs: written once, counted against their limits in the same transaction, and closed once."""

import asyncio
from datetime import timedelta

import pytest

from fleet.errors import LeaseLost
from fleet.models.ladder import Rung
from fleet.models.ledger import Counted, LeaseHost
from fleet.models.rungs import LADDER, LadderFacts, NextRung, RungEnd, RungRecord
from fleet.models.verification import Category
from fleet.models.work import HostWork, StepAction, StepRecord
from tests.store import facts as f

DAY = timedelta(hours=24)


def work(host, tries=0, number=1):
    operation = f"repair/{f.C}/{host}/{number}"
    return HostWork(cluster=f.C, pool=f.P, host=host, operation=operation, tries=tries)


async def in_repair(store, *names):
    """Hosts whose leases are repairs'."""
    await store.request(f.request("r1", *names))
    await store.settle(f.C, f.NOW, f.grant_all)
    for name in names:
        held = await store.lease(f.C, name)
        operation = work(name).operation
        lease = LeaseHost(
            cluster=f.C,
            host=name,
            request=operation,
            holder=f"host/{f.C}/{name}",
            operation=operation,
            counted=Counted.FAILED,
            since=f.NOW,
            why="it failed",
        )
        await store.take_for_repair(lease, held.operation)


@pytest.fixture
async def repairs(store):
    await store.load_fleet(f.fleet_file(), "text", "ann", "why", f.NOW)
    await store.sync_hosts(f.C, f.hosts(4), f.NOW)
    await in_repair(store, "gpu0000", "gpu0001")
    return store


def decide(rung, seen=None):
    """A policy that takes this rung, and keeps the facts it was given."""

    def chosen(facts: LadderFacts) -> NextRung:
        if seen is not None:
            seen.append(facts)
        return NextRung(rung=rung, category=Category.HARDWARE, reason="GPU 3 is unhealthy")

    return chosen


def at_most(count):
    """A policy that reboots until so many rungs were climbed in the cluster."""
    return lambda facts: NextRung(rung=Rung.REBOOT if facts.in_cluster < count else None, reason="the day's")


async def test_a_rung_is_decided_once_for_a_try_and_audited_once(repairs):
    first = await repairs.climb(work("gpu0000"), f.NOW, decide(Rung.REBOOT))
    again = await repairs.climb(work("gpu0000"), f.later(5), decide(Rung.REIMAGE))

    assert first == again
    assert (1, Rung.REBOOT, Category.HARDWARE, None) == (first.attempt, first.rung, first.category, first.end)
    assert (first,) == await repairs.rungs(work("gpu0000").operation)
    entries = [e for e in await repairs.audit_log() if e.actor == LADDER]
    assert [("rung reboot", f"host {f.C}/gpu0000")] == [(e.action, e.subject) for e in entries]


async def test_the_lease_says_what_is_under_way(repairs):
    await repairs.climb(work("gpu0000"), f.NOW, decide(Rung.REBOOT))
    assert "rung reboot under way: GPU 3 is unhealthy" == (await repairs.lease(f.C, "gpu0000")).why
    await repairs.climb(work("gpu0000", tries=1), f.NOW, decide(None))
    assert "a person is needed: GPU 3 is unhealthy" == (await repairs.lease(f.C, "gpu0000")).why
    assert "it failed" == (await repairs.lease(f.C, "gpu0001")).why


async def test_who_does_not_hold_the_host_climbs_nothing(repairs):
    with pytest.raises(LeaseLost):
        await repairs.climb(work("gpu0000", number=7), f.NOW, decide(Rung.REBOOT))
    assert () == await repairs.rungs(work("gpu0000", number=7).operation)


async def test_two_hosts_can_not_both_take_the_last_rung_of_the_day(repairs):
    found = await asyncio.gather(*(repairs.climb(work(h), f.NOW, at_most(1)) for h in ("gpu0000", "gpu0001")))
    assert {None, Rung.REBOOT} == {record.rung for record in found}


async def test_a_day_is_24_hours_and_what_was_refused_or_withdrawn_does_not_count(repairs):
    one, other, seen = work("gpu0000"), work("gpu0001"), []
    for number, end in enumerate((RungEnd.FAILED, RungEnd.REFUSED, RungEnd.WITHDRAWN)):
        await repairs.climb(one.model_copy(update={"tries": number}), f.later(number), decide(Rung.RETRY))
        await repairs.end_rung(one.operation, number + 1, end, "said", f.later(number + 1))
    await repairs.climb(one.model_copy(update={"tries": 3}), f.later(3), decide(Rung.REBOOT, seen))
    await repairs.climb(other, f.later(4), decide(Rung.REBOOT, seen))
    await repairs.climb(one.model_copy(update={"tries": 4}), f.NOW + DAY, decide(None, seen))

    assert [(1, 1), (0, 2), (1, 2)] == [(facts.on_host, facts.in_cluster) for facts in seen]
    assert [RungEnd.FAILED, RungEnd.REFUSED, RungEnd.WITHDRAWN, None] == [r.end for r in seen[2].climbed]


async def test_a_person_at_the_end_is_kept_and_counts_as_no_rung(repairs):
    one, seen = work("gpu0000"), []
    await repairs.climb(one, f.NOW, decide(None))
    await repairs.climb(work("gpu0001"), f.NOW, decide(Rung.REBOOT, seen))

    assert [None] == [r.rung for r in await repairs.rungs(one.operation)]
    assert 0 == seen[0].in_cluster
    assert None is await repairs.end_rung(one.operation, 9, RungEnd.FAILED, "", f.NOW)


def spoken(of: HostWork, reason="ann: a new GPU"):
    return RungRecord(
        cluster=f.C,
        pool=f.P,
        host=of.host,
        operation=of.operation,
        attempt=0,
        rung=None,
        category=None,
        reason=reason,
        began=f.later(9),
    )


async def test_a_person_who_has_spoken_stands_after_all_rungs_once_and_none_follows(repairs):
    one = work("gpu0000")
    rung = await repairs.climb(one, f.NOW, decide(Rung.REBOOT))
    await repairs.end_ladder(spoken(one))
    await repairs.end_ladder(spoken(one, "bob: me too"))
    later = await repairs.climb(work("gpu0000", tries=5), f.later(10), decide(Rung.REIMAGE))

    person = spoken(one).model_copy(update={"attempt": 2})
    assert (rung, person) == await repairs.rungs(one.operation)
    assert person == later
    assert "a person has it: ann: a new GPU" == (await repairs.lease(f.C, "gpu0000")).why


async def test_a_person_who_has_spoken_of_another_repair_changes_no_lease(repairs):
    await repairs.end_ladder(spoken(work("gpu0000", number=7)))
    assert "it failed" == (await repairs.lease(f.C, "gpu0000")).why


async def test_a_rung_ends_once_and_only_up_to_the_try_named(repairs):
    one = work("gpu0000")
    await repairs.climb(one, f.NOW, decide(Rung.REBOOT))

    assert None is await repairs.end_rung(one.operation, 0, RungEnd.FAILED, "too early", f.later(1))
    ended = await repairs.end_rung(one.operation, 1, RungEnd.CURED, "it passed", f.later(2))
    assert (RungEnd.CURED, "it passed", f.later(2)) == (ended.end, ended.said, ended.ended)
    assert None is await repairs.end_rung(one.operation, 1, RungEnd.FAILED, "again", f.later(3))
    assert (ended,) == await repairs.rungs(one.operation)


async def test_the_evidence_of_every_try_is_read_as_one(repairs):
    operation = work("gpu0000").operation
    for number, key in enumerate((f"{operation}.2", f"{operation}.1", f"{operation}0.1", operation)):
        at = f.later(10 - number)
        record = StepRecord(
            cluster=f.C,
            host="gpu0000",
            operation=key,
            step="gate",
            action=StepAction.GO_ON,
            reason="",
            started=at,
            ended=at,
        )
        await repairs.record_step(record)

    assert [operation, f"{operation}.1", f"{operation}.2"] == [r.operation for r in await repairs.tried(operation)]
