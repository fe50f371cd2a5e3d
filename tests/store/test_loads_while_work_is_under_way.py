"""A load asks in its own transaction what is under way: nothing can begin between the question and the load."""

import asyncio

import pytest

from fleet.errors import InvalidInput
from fleet.models.under_way import UnderWay
from fleet.policy.loading import hindrances
from store import open_store
from tests.store import facts as f


def refuse(before, under_way):
    if found := hindrances(before, f.fleet_file("another"), under_way):
        raise InvalidInput("new.yaml", *found[0])


async def load_another(store):
    return await store.load_fleet(f.fleet_file("another"), "b", "ann", "rename", f.NOW, refuse)


async def test_what_holds_hosts_is_told_with_the_pool_it_stands_on(store):
    await f.ready(store)
    await store.request(f.request("r1", "gpu0000"))
    await store.settle(f.C, f.NOW, f.grant_all)

    under_way = await store.under_way(f.fleet_file())

    assert {(f.C, f.P): ["gpu0000"]} == {k: [x.host for x in v] for k, v in under_way.leases.items()}
    assert {} == under_way.visits


async def test_a_refused_load_changes_nothing(store):
    await f.ready(store)
    await store.request(f.request("r1", "gpu0000"))
    await store.settle(f.C, f.NOW, f.grant_all)
    before, audit = await store.fleet(), await store.audit_log()

    with pytest.raises(InvalidInput, match=r"new.yaml: clusters.c1.pools.gpu-train: expected the pool to stay"):
        await load_another(store)

    assert (before, audit) == (await store.fleet(), await store.audit_log())


async def test_a_load_and_a_grant_at_once_come_one_after_the_other(store, url):
    await f.ready(store)
    other = await open_store(url)
    await store.request(f.request("r1", "gpu0000"))
    seen = []

    def decide(facts):
        seen.append([pool.name for pool in facts.pools])
        return f.grant_all(facts)

    loaded, _ = await asyncio.gather(load_another(store), other.settle(f.C, f.NOW, decide), return_exceptions=True)

    # The grant first: the load sees its lease. The load first: the grant is decided on the new pools.
    assert seen == ([[f.P]] if isinstance(loaded, InvalidInput) else [["another"]])
    await other.close()


def test_a_host_that_is_no_member_any_more_keeps_every_pool_of_its_cluster():
    lease = f.lease("gpu0009", "op")
    found = hindrances(f.fleet_file(), f.fleet_file("another"), UnderWay({(f.C, ""): (lease,)}, {}))
    assert ["clusters.c1.pools.gpu-train"] == [place for place, _ in found]


def test_other_pins_are_no_hindrance_when_nothing_is_out():
    before = f.fleet_file()
    cluster = before.clusters[0].model_copy(update={"pins": {"nccl": "9"}})
    after = before.model_copy(update={"clusters": (cluster,)})
    assert () == hindrances(before, after, UnderWay({}, {}))
