"""A load asks in its own transaction what is under way: nothing can begin between the question and the load."""

import asyncio
from datetime import timedelta

import pytest

from fleet.errors import InvalidInput, Refused
from fleet.models.emergency import (
    Emergency,
    EmergencyChange,
    EmergencyHost,
    EmergencyHostState,
    EmergencySpec,
    EmergencyState,
)
from fleet.models.messages import Command
from fleet.models.operation import OperationSpec
from fleet.models.rollout import RolloutSpec
from fleet.models.scope import ScopePart
from fleet.models.under_way import UnderWay
from fleet.policy.loading import hindrances
from fleet.policy.rollout_orders import Verb, order_change
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


def pinned(version):
    before = f.fleet_file()
    return before.model_copy(update={"clusters": (before.clusters[0].model_copy(update={"pins": {"cuda": version}}),)})


def carrying(**hosts):
    """`hosts` in service, by the version of cuda they were last read with; "none" for one that did not tell it, empty
    for one that was never read.
    """
    read = {h: {"bmc": "2.0"} if v == "none" else {"bmc": "2.0", "cuda": v} for h, v in hosts.items() if v}
    return UnderWay({}, {}, carried={f.C: {h: read.get(h, {}) for h in hosts}})


@pytest.mark.parametrize(
    ("hosts", "told"),
    [
        ({"gpu0000": "12.4", "gpu0001": "12.4"}, "12.4 as long as 2 hosts (gpu0000, gpu0001) were last read with 12.4"),
        ({"gpu0000": "12.6", "gpu0001": "12.4"}, "12.4 as long as 1 hosts (gpu0001) were last read with 12.4"),
        ({"gpu0000": "12.4", "gpu0001": ""}, "12.4 as long as 1 hosts (gpu0000) were last read with 12.4"),
        ({"gpu0000": "12.6", "gpu0001": "none"}, "as long as 1 hosts (gpu0001) were last read with no known version"),
    ],
)
def test_another_pin_is_refused_while_hosts_do_not_carry_it_and_the_switch_is_named(hosts, told):
    ((place, wanted),) = hindrances(f.fleet_file(), pinned("12.6"), carrying(**hosts))
    assert "clusters.c1.pins.cuda" == place
    assert told in wanted
    assert "maintrain pin switch c1 cuda 12.6" in wanted


@pytest.mark.parametrize(
    "hosts",
    [
        {},
        {"gpu0000": "", "gpu0001": ""},
        {"gpu0000": "12.6", "gpu0001": "12.6"},
        {"gpu0000": "12.6", "gpu0001": ""},
    ],
)
def test_another_pin_is_no_hindrance_where_every_host_that_was_read_carries_it(hosts):
    assert () == hindrances(f.fleet_file(), pinned("12.6"), carrying(**hosts))


def test_a_pin_that_was_dropped_does_not_come_back_with_another_version():
    assert () == hindrances(f.fleet_file(), unpinned(), carrying(gpu0000="12.4"))
    ((_, wanted),) = hindrances(unpinned(), pinned("12.6"), carrying(gpu0000="12.4"))
    assert "expected 12.4, with which all of 1 hosts (gpu0000) were last read; then switch it to 12.6" == wanted
    assert () == hindrances(unpinned(), pinned("12.4"), carrying(gpu0000="12.4"))
    assert () == hindrances(unpinned(), pinned("12.6"), UnderWay({}, {}, carried={f.C: {"gpu0000": {"bmc": "2.0"}}}))


def test_a_first_pin_of_what_hosts_carry_in_several_versions_is_refused_and_names_who_carries_which():
    carried = carrying(gpu0000="12.4", gpu0001="12.6", gpu0002="12.4", gpu0003="", gpu0004="none")
    for version in ("12.4", "12.6", "13.0"):
        ((place, wanted),) = hindrances(unpinned(), pinned(version), carried)
        assert "clusters.c1.pins.cuda" == place
        assert "found 2 hosts (gpu0000, gpu0002) with 12.4, 1 hosts (gpu0001) with 12.6" in wanted
        assert "pin switch" not in wanted


def unpinned():
    before = f.fleet_file()
    return before.model_copy(update={"clusters": (before.clusters[0].model_copy(update={"pins": {}}),)})


async def test_what_members_in_service_were_last_read_with_is_told_but_not_of_hosts_in_repair(store):
    await f.ready(store)
    await store.record_versions(f.C, "gpu0000", {"cuda": "12.4"}, f.NOW)
    await store.record_versions(f.C, "gone0000", {"cuda": "11.0"}, f.NOW)
    carried = (await store.under_way(f.fleet_file())).carried[f.C]
    assert {"cuda": "12.4"} == carried["gpu0000"]
    assert {h.name for h in await store.hosts(f.C)} == carried.keys()

    await store.request(f.request("r1", "gpu0000"))
    await store.settle(f.C, f.NOW, f.grant_all)
    assert "gpu0000" in (await store.under_way(f.fleet_file())).carried[f.C]
    await store.take_for_repair(f.lease("gpu0000", "repair/c1/gpu0000/1"), "holder/r1#gpu0000")
    assert "gpu0000" not in (await store.under_way(f.fleet_file())).carried[f.C]


async def test_a_cluster_stays_while_an_operation_on_it_is_not_over(store):
    await f.ready(store)
    scope = (ScopePart(cluster=f.C, kind="host", name="gpu0000"),)
    spec = {"kind": "clean-optics", "takes": False, "duration": timedelta(hours=1), "actor": "ann", "reason": "dust"}
    await store.submit_operation(OperationSpec(**spec, scope=scope, key="k"), f.NOW)
    before = f.fleet_file()
    gone = before.model_copy(update={"clusters": ()})

    [(place, wanted)] = hindrances(before, gone, await store.under_way(before))

    assert (f"clusters.{f.C}", True) == (place, "operations on it are not over (op/1)" in wanted)
    assert () == hindrances(before, f.fleet_file("another"), await store.under_way(before))


@pytest.mark.parametrize(
    ("id_", "call_off"),
    [("emergency/c1/hole", "maintrain emergency end hole"), ("large/c1/winter", "maintrain large abort winter")],
)
async def test_a_pool_and_its_cluster_stay_while_an_emergency_on_them_is_not_over(store, id_, call_off):
    """Also without a lease: between its rounds, or while a stop was only asked for."""
    await f.ready(store)
    await store.start_emergency(emergency(id_), [EmergencyHost(host="gpu0000", pool=f.P, domain="d001", state="done")])
    before = f.fleet_file()
    gone = before.model_copy(update={"clusters": ()})

    [(pool, of_pool)] = hindrances(before, f.fleet_file("another"), await store.under_way(before))
    [(cluster, of_cluster)] = hindrances(before, gone, await store.under_way(before))

    assert (f"clusters.{f.C}.pools.{f.P}", f"clusters.{f.C}") == (pool, cluster)
    for wanted in (of_pool, of_cluster):
        assert f"are not over ({id_}); wait for their end, or {call_off} ..., then load" in wanted
    await store.change_emergency(id_, becomes(EmergencyState.ENDED, EmergencyHostState.ASKED))
    assert {(f.C, f.P): (id_,)} == (await store.under_way(before)).emergencies
    await store.change_emergency(id_, becomes(EmergencyState.ENDED, EmergencyHostState.PENDING))
    assert () == hindrances(before, f.fleet_file("another"), await store.under_way(before))


async def test_a_cluster_stays_whose_workers_look_at_a_rollout_that_is_open_elsewhere_too(store):
    """Its looks would stand still for good, and the other cluster's trains would go on with it."""
    await f.ready(store)
    west = f.fleet_file(cluster="west")
    both = f.fleet_file().model_copy(update={"clusters": (*f.fleet_file().clusters, *west.clusters)})
    spec = {"component": "gpu-driver", "version": "560.1", "prior": "550.1", "phases": [{"name": "everywhere"}]}
    await store.start_rollout(RolloutSpec.model_validate({**spec, "clusters": [f.C, "west"]}), "ann", "go", f.NOW)
    under_way = await store.under_way(both)

    [(place, wanted)] = hindrances(both, west, under_way)

    assert f"clusters.{f.C}" == place
    assert "look at are open elsewhere too (gpu-driver/560.1); wait for their end" in wanted
    assert () == hindrances(both, f.fleet_file(), under_way)
    assert () == hindrances(both, both.model_copy(update={"clusters": ()}), under_way)
    off = order_change(Command(actor="ann", reason="it hangs"), Verb.OFFBOARD, f.NOW)
    await store.change_rollout("gpu-driver/560.1", off)
    assert () == hindrances(both, west, await store.under_way(both))


async def test_an_emergency_is_not_started_on_a_pool_that_a_load_dropped_just_before(store):
    await f.ready(store)
    await load_another(store)

    with pytest.raises(Refused, match="the fleet file in force has no pool gpu-train of c1"):
        await store.start_emergency(
            emergency("emergency/c1/hole"), [EmergencyHost(host="gpu0000", pool=f.P, domain="d001")]
        )

    assert () == await store.emergencies()


def emergency(id_):
    spec = {"name": id_.rpartition("/")[2], "cluster": f.C, "upgrades": [{"component": "bmc", "version": "2.1"}]}
    at = {"started_at": f.NOW, "changed_at": f.NOW, "started_by": "ann", "why": "so"}
    return Emergency(id=id_, spec=EmergencySpec.model_validate(spec), targets={"bmc": "2.1"}, **at)


def becomes(state, of_hosts):
    def change(before, hosts):
        rows = tuple(h.model_copy(update={"state": of_hosts}) for h in hosts)
        return EmergencyChange(emergency=before.model_copy(update={"state": state}), hosts=rows)

    return change
