"""Settling reads, decides and commits as one; no host is ever in two leases."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fleet import ids
from fleet.errors import InvalidInput, MaintrainError
from fleet.models.host import Host
from fleet.models.ledger import Autostop, Counted, Grant, LeaseHost, Request, RequestState, Settlement, Wait
from fleet.models.stop import Stop, StopKind
from fleet.models.train import VisitState
from store import open_store
from tests.store import facts as f

ROOT = Path(__file__).parents[2]


def grant(*requests):
    return lambda facts: Settlement(reason="", grants=tuple(Grant(request=r, reason="free") for r in requests))


async def test_a_policy_is_given_every_fact(store):
    await f.ready(store, members=2)
    await store.request(f.request("r1", "gpu0000"))
    await store.settle(f.C, f.NOW, f.grant_all)
    second, first = f.request("r2", "gpu0001", asked_at=f.later(2)), f.request("r3", "gpu0001", asked_at=f.later(1))
    await store.request(second)
    await store.request(first)
    await store.record_observation(f.look())
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
    assert f.look() == facts.observation
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
