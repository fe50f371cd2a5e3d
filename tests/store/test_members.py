"""Hosts keep their identity: cluster, name, and serial where known."""

import pytest

from fleet.errors import InvalidInput
from store import open_store
from tests.store import facts as f


async def names(store, pool=None):
    return [host.name for host in await store.hosts(f.C, pool)]


async def test_hosts_come_back_by_name(store):
    told = (f.host("b", rack="r1", nvlink="n1", serial="S1"), f.host("a"))
    await store.sync_hosts(f.C, told, f.NOW)

    assert (told[1], told[0]) == await store.hosts(f.C)
    assert await store.hosts("c2") == ()


async def test_hosts_can_be_asked_for_by_pool(store):
    await store.sync_hosts(f.C, (f.host("a"), f.host("s", pool="storage")), f.NOW)

    assert await names(store, "storage") == ["s"]


async def test_the_same_hosts_again_change_nothing_and_are_no_deed(store):
    await store.sync_hosts(f.C, f.hosts(3), f.NOW)
    later = tuple(host.model_copy(update={"since": f.later(60)}) for host in f.hosts(3))
    await store.sync_hosts(f.C, later, f.later(60))

    assert f.hosts(3) == await store.hosts(f.C)
    assert len(await store.audit_log()) == 1


async def test_what_changed_is_audited_by_name(store):
    await store.sync_hosts(f.C, f.hosts(3), f.NOW)
    await store.sync_hosts(f.C, (*f.hosts(2), f.host("new")), f.later(1))

    entry = (await store.audit_log())[0]
    assert (
        entry.action,
        entry.reason,
        entry.detail,
    ) == ("fleet sync", "+1 −1 hosts, 0 changed", "+1: new; −1: gpu0002")


async def test_a_host_that_is_gone_and_comes_back_is_the_same_host(store):
    await store.sync_hosts(f.C, (f.host("a", serial="S1"), f.host("b")), f.NOW)
    await store.set_decommissioned(f.C, "a", "ann", "burnt", f.NOW)
    await store.sync_hosts(f.C, (f.host("b"),), f.later(1))
    assert await names(store) == ["b"]

    await store.sync_hosts(f.C, (f.host("a", since=f.later(2)), f.host("b")), f.later(2))
    assert f.host("a", serial="S1", decommissioned=True) == (await store.hosts(f.C))[0]


async def test_a_host_that_is_gone_can_leave_for_good(store):
    await store.sync_hosts(f.C, (f.host("a", serial="S1"), f.host("b")), f.NOW)
    await store.sync_hosts(f.C, (f.host("b"),), f.later(1))

    await store.set_decommissioned(f.C, "a", "ann", "burnt", f.later(2))

    assert ("host decommission", "ann") == ((await store.audit_log())[0].action, (await store.audit_log())[0].actor)
    await store.sync_hosts(f.C, (f.host("a", serial="S1"), f.host("b")), f.later(3))
    assert [True, False] == [h.decommissioned for h in await store.hosts(f.C)]


async def test_a_new_serial_under_an_old_name_is_a_new_host(store):
    await store.sync_hosts(f.C, (f.host("a", serial="S1"),), f.NOW)
    await store.set_decommissioned(f.C, "a", "ann", "burnt", f.NOW)
    new = f.host("a", serial="S2", since=f.later(9))
    await store.sync_hosts(f.C, (new,), f.later(9))

    assert (new,) == await store.hosts(f.C)


async def test_a_rename_with_the_same_serial_is_the_old_host(store):
    await store.sync_hosts(f.C, (f.host("a", serial="S1"),), f.NOW)
    await store.sync_hosts(f.C, (f.host("b", serial="S1", since=f.later(9)),), f.later(9))

    assert (f.host("b", serial="S1"),) == await store.hosts(f.C)
    assert (await store.audit_log())[0].detail == "changed 1: a now b"


async def test_two_hosts_may_swap_their_names(store):
    await store.sync_hosts(f.C, (f.host("a", serial="S1", rack="r1"), f.host("b", serial="S2", rack="r2")), f.NOW)
    swapped = (f.host("a", serial="S2", rack="r2"), f.host("b", serial="S1", rack="r1"))
    await store.sync_hosts(f.C, swapped, f.later(1))

    assert swapped == await store.hosts(f.C)


async def test_a_serial_that_several_boards_report_identifies_none(store):
    await store.sync_hosts(f.C, (f.host("a", serial="none"), f.host("b", serial="none")), f.NOW)
    told = (f.host("c", serial="none", since=f.later(1)), f.host("d", serial="none", since=f.later(1)))
    await store.sync_hosts(f.C, told, f.later(1))

    assert told == await store.hosts(f.C)


async def test_a_serial_that_is_not_reported_just_now_is_kept(store):
    await store.sync_hosts(f.C, (f.host("a", serial="S1"),), f.NOW)
    await store.sync_hosts(f.C, (f.host("a", rack="r7"),), f.later(1))

    assert (f.host("a", serial="S1", rack="r7"),) == await store.hosts(f.C)


async def test_another_process_sees_every_kind_of_change(store, url):
    other = await open_store(url)
    await store.sync_hosts(f.C, (f.host("a", serial="S1"), f.host("b", serial="S2")), f.NOW)
    assert await names(other) == ["a", "b"]
    await store.sync_hosts(f.C, (f.host("b", serial="S1"), f.host("c")), f.later(1))
    assert await store.hosts(f.C) == await other.hosts(f.C)
    await store.sync_hosts(f.C, (), f.later(2))
    assert await names(other) == []
    await other.close()


@pytest.mark.parametrize("told", [(f.host("a"), f.host("a")), (f.host("a", cluster="c2"),)])
async def test_hosts_that_are_not_one_clusters_are_refused(store, told):
    with pytest.raises(InvalidInput, match="expected hosts of this cluster"):
        await store.sync_hosts(f.C, told, f.NOW)
    assert await store.hosts(f.C) == ()
