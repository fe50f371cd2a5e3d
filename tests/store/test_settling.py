"""Settling reads, decides and commits as one; no host is ever in two leases."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleet import ids
from fleet.errors import InvalidInput, MaintrainError
from fleet.models.host import Host
from fleet.models.intent import Before
from fleet.models.ledger import Autostop, Counted, Grant, LeaseHost, Request, RequestState, Settlement, Wait
from fleet.models.observation import Observation, ObservedHost
from fleet.models.operation_part import OperationPart
from fleet.models.scheduler import Node, NodeBase
from fleet.models.stop import Stop, StopKind
from fleet.models.train import VisitState
from store import open_store
from store.kept.observations import KeptObservations
from tests.store import facts as f

ROOT = Path(__file__).parents[2]


def grant(*requests):
    return lambda facts: Settlement(reason="", grants=tuple(Grant(request=r, reason="free") for r in requests))


def look(seconds=0, *, error="", reason=None):
    node = Node(name="gpu0000", base=NodeBase.IDLE, reason=reason)
    seen = {"gpu0000": ObservedHost(host="gpu0000", node=node, jobs=("7",))}
    return Observation(cluster=f.C, began_at=f.later(seconds), hosts={} if error else seen, error=error)


async def test_a_look_that_began_before_the_one_that_is_known_is_not_kept(store, url):
    await f.ready(store)
    other = await open_store(url)
    await store.record_observation(look(30))
    await other.record_observation(look(15, reason="old"))
    await other.record_observation(look(20, error="held up"))
    for each in (store, other):
        seen = (await each.facts(f.C, f.NOW)).observation
        assert (f.later(30), None, "") == (seen.began_at, seen.hosts["gpu0000"].node.reason, seen.error)
    await other.close()


async def test_a_look_is_kept_whose_clock_was_put_back_since_the_last_one(store):
    """Else the old one would stay, and seem fresh, for as long as the clock went back."""
    await f.ready(store)
    now = await store.clock()
    await store.record_observation(look().model_copy(update={"began_at": now + timedelta(hours=1)}))
    await store.record_observation(look(reason="new").model_copy(update={"began_at": now}))

    seen = (await store.facts(f.C, now)).observation
    assert (now, "new") == (seen.began_at, seen.hosts["gpu0000"].node.reason)


async def test_an_older_look_that_is_held_up_while_it_is_written_does_not_replace_a_newer_one(store, url):
    await f.ready(store)
    begun = threading.Event()

    class HeldUp(KeptObservations):
        def read(self, connection, cluster):
            known = super().read(connection, cluster)
            begun.set()
            time.sleep(0.2)
            return known

    async def elsewhere():
        other = await open_store(url)
        other._observations = HeldUp()
        await other.record_observation(look(15, reason="old"))
        await other.close()

    holding = asyncio.create_task(asyncio.to_thread(asyncio.run, elsewhere()))
    await asyncio.to_thread(begun.wait)
    await store.record_observation(look(30))
    await holding

    assert look(30) == (await store.facts(f.C, f.NOW)).observation


async def test_the_time_of_a_settling_is_read_once_nobody_else_writes(store, url):
    await f.ready(store)
    begun, over, seen = threading.Event(), [], []

    def slow(facts):
        begun.set()
        time.sleep(0.2)
        over.append(datetime.now(UTC))
        return f.nothing(facts)

    async def elsewhere():
        other = await open_store(url)
        await other.settle(f.C, f.NOW, slow)
        await other.close()

    holding = asyncio.create_task(asyncio.to_thread(asyncio.run, elsewhere()))
    await asyncio.to_thread(begun.wait)
    await store.settle(f.C, None, lambda facts: seen.append(facts.now) or f.nothing(facts))
    await holding

    assert over < seen


async def test_a_grant_begins_when_it_is_written_however_long_it_took_to_decide(store):
    """Until then nobody sees it: who passed a fence or began to verify meanwhile did so before it, not after."""
    await f.ready(store, members=2)
    told = {"kind": "rack", "not_with": (), "scope": ("gpu0000",), "clusters": (f.C,)}
    part = OperationPart(operation="op/1", takes=True, parks=True, **told)
    over = []

    def slow(facts):
        time.sleep(0.05)
        over.append(datetime.now(UTC))
        return f.grant_all(facts)

    await store.request(f.request("op/1", "gpu0000", part=part))
    await store.settle(f.C, None, slow)
    await store.request(f.request("r2", "gpu0001"))
    await store.settle_together([f.C], None, lambda given: {f.C: slow(given[f.C])})

    leases = (await store.facts(f.C, f.NOW)).leases
    [parking] = await store.parkings(f.C, "gpu0000")
    assert over[0] < parking.since
    assert over < [leases[host].since for host in ("gpu0000", "gpu0001")]


async def test_an_intent_is_opened_before_a_settling_or_once_its_grants_can_be_seen(store, url):
    """Else what is verified meanwhile would seem to have begun after an outsider was let on the host's scope."""
    await f.ready(store)
    begun, over = threading.Event(), []

    def slow(facts):
        begun.set()
        time.sleep(0.2)
        over.append(facts.now)
        return f.nothing(facts)

    async def elsewhere():
        other = await open_store(url)
        await other.settle(f.C, None, slow)
        await other.close()

    holding = asyncio.create_task(asyncio.to_thread(asyncio.run, elsewhere()))
    await asyncio.to_thread(begun.wait)
    await store.open_intent("o1", "verify:health", "t", Before(), f.NOW, cluster=f.C)
    opened_after = list(over)
    await holding

    assert opened_after == over


async def test_a_policy_is_given_every_fact(store):
    await f.ready(store, members=2)
    await store.request(f.request("r1", "gpu0000"))
    await store.settle(f.C, f.NOW, f.grant_all)
    second, first = f.request("r2", "gpu0001", asked_at=f.later(2)), f.request("r3", "gpu0001", asked_at=f.later(1))
    await store.request(second)
    await store.request(first)
    await store.record_observation(look())
    await store.set_autostop(f.C, f.P, Autostop(stopped=True, since=f.NOW, reason="full"), "ann", "why", f.NOW)
    everything = Stop(kind=StopKind.STOP, actor="ann", reason="storm", at=f.NOW)
    of_pool = everything.model_copy(update={"cluster": f.C, "pool": f.P})
    for stop in (everything, of_pool, everything.model_copy(update={"cluster": "c2"})):
        await store.set_stop(stop)

    facts = await store.facts(f.C, f.later(9))
    assert (f.C, f.later(9)) == (facts.cluster, facts.now)
    assert f.fleet_file().clusters[0].pools == facts.pools
    assert f.fleet_file().clusters[0].failed_reasons == facts.failed_reasons
    assert {host.name: host for host in f.hosts(2)} == facts.hosts
    assert list(facts.leases) == ["gpu0000"]
    assert (first, second) == facts.requests
    assert look() == facts.observation
    assert {f.P: Autostop(stopped=True, since=f.NOW, reason="full")} == facts.autostops
    assert (everything, of_pool) == facts.stops
    assert [type(h) for h in facts.hosts.values()] == [Host, Host]
    assert [type(r) for r in facts.requests] == [Request, Request]
    seen = []
    await store.settle(f.C, f.later(9), lambda given: seen.append(given) or f.nothing(given))
    assert [facts] == seen


async def test_a_cluster_without_a_fleet_file_is_not_settled(store):
    with pytest.raises(InvalidInput, match="expected cluster c1"):
        await store.settle(f.C, f.NOW, f.nothing)
    with pytest.raises(InvalidInput, match="expected cluster c1"):
        await store.facts(f.C, f.NOW)


async def test_a_grant_makes_one_lease_a_host(store):
    await f.ready(store)
    await store.request(f.request("r1", "gpu0000", "gpu0001"))
    settlement = await store.settle(f.C, f.later(5), f.grant_all)

    assert (Grant(request="r1", reason="free"),) == settlement.grants
    expected = LeaseHost(
        cluster=f.C,
        host="gpu0001",
        request="r1",
        holder="holder/r1",
        operation=ids.operation("holder/r1", "gpu0001"),
        counted=Counted.PLANNED,
        since=f.later(5),
        expected_end=f.later(605),
        why="bmc 2.0",
    )
    assert expected == await store.lease(f.C, "gpu0001")
    assert [lease.host for lease in await store.leases("holder/r1")] == ["gpu0000", "gpu0001"]
    (granted,) = await store.unacknowledged(f.C)
    assert (RequestState.GRANTED, f.later(5)) == (granted.state, granted.granted_at)
    assert (await store.facts(f.C, f.NOW)).requests == ()


async def test_a_wait_is_written_with_its_reason(store):
    await f.ready(store)
    await store.request(f.request("r1", "gpu0000"))
    wait = Wait(request="r1", reason="the planned buffer is full")
    await store.settle(f.C, f.NOW, lambda facts: Settlement(reason="", waits=(wait,)))

    (waiting,) = (await store.facts(f.C, f.NOW)).requests
    assert (RequestState.WAITING, wait.reason) == (waiting.state, waiting.waits_because)


async def test_autostops_are_kept_by_pool(store):
    await f.ready(store)
    stopped = Autostop(stopped=True, since=f.NOW, reason="2 of 2 failed")
    await store.settle(f.C, f.NOW, lambda facts: Settlement(reason="", autostops={f.P: stopped}))
    assert {f.P: stopped} == (await store.facts(f.C, f.NOW)).autostops

    cleared = Autostop()
    await store.settle(f.C, f.NOW, lambda facts: Settlement(reason="", autostops={f.P: cleared}))
    assert {f.P: cleared} == (await store.facts(f.C, f.NOW)).autostops


async def test_an_operators_resume_is_audited_once(store):
    await f.ready(store)
    for _ in range(2):
        await store.set_autostop(f.C, f.P, Autostop(), "ann", "fixed", f.NOW)

    assert [
        (e.action, e.subject, e.reason) for e in await store.audit_log() if e.actor == "ann" and e.reason == "fixed"
    ] == [("resume", "pool c1/gpu-train", "fixed")]


async def test_settling_again_grants_nothing_again(store):
    await f.ready(store)
    await store.request(f.request("r1", "gpu0000"))
    await store.settle(f.C, f.NOW, grant("r1"))
    await store.settle(f.C, f.later(60), grant("r1"))

    assert (await store.lease(f.C, "gpu0000")).since == f.NOW


@pytest.mark.parametrize("name", ["unknown", "ended"])
async def test_only_a_request_that_waits_is_granted(store, name):
    await f.ready(store)
    await store.request(f.request("r1", "gpu0000"))
    await store.request(f.request("ended", "gpu0001"))
    await store.withdraw("ended", "gone", f.NOW)

    with pytest.raises(MaintrainError, match=f"{name} can't be granted"):
        await store.settle(f.C, f.NOW, grant("r1", name))
    assert (await store.facts(f.C, f.NOW)).leases == {}


async def test_two_leases_on_one_host_cant_be_written(store):
    await f.ready(store)
    await store.request(f.request("r1", "gpu0000", "gpu0001"))
    await store.request(f.request("r2", "gpu0002", "gpu0001"))

    with pytest.raises(MaintrainError, match="r2 can't hold gpu0002, gpu0001: one is leased"):
        await store.settle(f.C, f.NOW, grant("r1", "r2"))
    facts = await store.facts(f.C, f.NOW)
    assert (facts.leases, [request.id for request in facts.requests]) == ({}, ["r1", "r2"])


async def test_two_settlings_at_once_never_give_a_host_twice(store, url):
    await f.ready(store, members=1)
    other = await open_store(url)
    for number in range(10):
        await store.request(f.request(f"r{number}", "gpu0000"))

    def first_free(facts):
        free = [] if facts.leases else [Grant(request=facts.requests[0].id, reason="free")]
        return Settlement(reason="", grants=tuple(free))

    settled = await asyncio.gather(*[s.settle(f.C, f.NOW, first_free) for s in (store, other) * 5])
    assert sum(len(settlement.grants) for settlement in settled) == 1
    assert len((await store.facts(f.C, f.NOW)).leases) == 1
    await other.close()


async def test_a_policy_that_raises_changes_nothing(store):
    await f.ready(store)
    await store.request(f.request("r1", "gpu0000"))
    before = await store.facts(f.C, f.NOW)

    def broken(facts):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.settle(f.C, f.NOW, broken)
    assert before == await store.facts(f.C, f.NOW)
    assert len((await store.settle(f.C, f.NOW, f.grant_all)).grants) == 1


async def test_a_grant_starts_the_visit_that_holds_it(store):
    await f.ready(store)
    await store.open_cycle(f.C, f.P, 1, f.domains("d1"), f.NOW, f.later(9))
    await store.open_visit(f.visit("v1", "d1"))
    await store.request(f.request("v1~1", "gpu0000", holder="v1"))
    await store.settle(f.C, f.later(30), f.grant_all)

    visit = await store.visit("v1")
    assert (VisitState.RUNNING, f.later(30)) == (visit.state, visit.granted_at)


async def test_a_look_that_failed_keeps_the_last_good_one(store, url):
    await f.ready(store)
    await store.record_observation(look(0))
    await store.record_observation(look(15, error="slurmctld does not answer"))
    kept = look(0).model_copy(update={"error": "slurmctld does not answer"})
    other = await open_store(url)

    assert kept == (await store.facts(f.C, f.NOW)).observation == (await other.facts(f.C, f.NOW)).observation
    await store.record_observation(look(30, reason="NHC: disk"))
    assert look(30, reason="NHC: disk") == (await store.facts(f.C, f.NOW)).observation
    assert look(30, reason="NHC: disk") == (await other.facts(f.C, f.NOW)).observation
    await other.close()


async def test_a_first_look_that_failed_shows_no_host(store):
    await f.ready(store)
    assert (await store.facts(f.C, f.NOW)).observation is None
    await store.record_observation(look(0, error="no answer"))

    assert look(0, error="no answer") == (await store.facts(f.C, f.NOW)).observation


def test_processes_that_settle_at_once_hold_each_host_once(url):
    """Three processes file requests over the same hosts, settle and release; the ledger's key never lets two in."""
    command = [sys.executable, "-m", "tests.store.contender", url]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = [
        subprocess.Popen([*command, str(number)], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
        for number in range(3)
    ]
    released = [int(process.communicate(timeout=120)[0]) for process in started]

    assert [process.returncode for process in started] == [0] * 3
    assert released == [15] * 3
