"""Pin switches: one at a time a cluster, changed whole or not at all, and the point where the pin comes into force."""

from datetime import timedelta

import pytest

from fleet import ids
from fleet.errors import InvalidInput, Refused
from fleet.models.ledger import Grant, Settlement
from fleet.models.override import Override
from fleet.models.pin import PinChange, PinHost, PinHostState, PinSpec, PinState
from tests.store import facts as f

HOUR = timedelta(hours=1)


def spec(**changes):
    return PinSpec(**{"cluster": f.C, "component": "cuda", "version": "12.6", "window": HOUR, **changes})


def host(name, state=PinHostState.CHECKED, batch=0):
    return PinHost(host=name, pool=f.P, state=state, batch=batch)


async def moving(store, *hosts, **changes):
    """A switch that moves these hosts."""
    await f.ready(store)
    switch = await store.start_pin_switch(spec(**changes), "12.4", "ann", "cuda 12.6 is out", f.NOW)

    def move(before):
        return PinChange(switch=before.model_copy(update={"state": PinState.MOVING}), hosts=hosts)

    return await store.change_pin_switch(switch.id, move)


async def test_a_switch_is_written_once_and_audited(store):
    switch = await store.start_pin_switch(spec(), "12.4", "ann", "cuda 12.6 is out", f.NOW)

    assert "pin/c1/cuda/1" == switch.id
    assert switch == await store.pin_switch(switch.id)
    assert switch == await store.last_pin_switch(f.C)
    assert None is await store.last_pin_switch("other")
    log = await store.audit_log(subject=f"pin switch {switch.id}")
    assert [("ann", "pin switch", "cuda 12.6 is out")] == [(e.actor, e.action, e.reason) for e in log]


async def test_a_second_switch_of_a_cluster_waits_for_the_end_of_the_first(store):
    first = await store.start_pin_switch(spec(), "12.4", "ann", "go", f.NOW)
    with pytest.raises(Refused, match=r"pin/c1/cuda/1 \(cuda 12.4 to 12.6 in c1\) is not over: checking"):
        await store.start_pin_switch(spec(version="12.8"), "12.4", "ann", "go", f.NOW)

    over = first.model_copy(update={"state": PinState.CALLED_OFF})
    await store.change_pin_switch(first.id, lambda _: PinChange(switch=over))
    second = await store.start_pin_switch(spec(), "12.4", "ann", "go", f.NOW)
    assert "pin/c1/cuda/2" == second.id
    assert ["pin/c1/cuda/2", "pin/c1/cuda/1"] == [s.id for s in await store.pin_switches(f.C)]


async def test_a_late_switch_is_in_no_later_ones_way_and_stays_open(store):
    late = await moving(store, host("gpu0000", PinHostState.LATE))
    for state in (PinState.RELEASING, PinState.LATE):
        row = late.model_copy(update={"state": state})
        await store.change_pin_switch(late.id, lambda _, row=row: PinChange(switch=row))
        if state is PinState.RELEASING:
            with pytest.raises(Refused, match="is not over"):
                await store.start_pin_switch(spec(version="12.8"), "12.6", "ann", "go on", f.NOW)
    later = await store.start_pin_switch(spec(version="12.8"), "12.6", "ann", "go on", f.NOW)
    assert ["pin/c1/cuda/2", "pin/c1/cuda/1"] == [s.id for s in await store.open_pin_switches(f.C)]
    with pytest.raises(Refused, match="pin/c1/cuda/2"):
        await store.start_pin_switch(spec(version="12.8"), "12.6", "ann", "go on", f.NOW)

    over = later.model_copy(update={"state": PinState.DONE})
    await store.change_pin_switch(later.id, lambda _: PinChange(switch=over))
    assert ["pin/c1/cuda/1"] == [s.id for s in await store.open_pin_switches(f.C)]
    assert () == await store.open_pin_switches("other")


async def test_a_change_is_written_whole_or_not_at_all(store):
    switch = await moving(store, host("gpu0000"))

    def fails(_):
        raise Refused("no")

    with pytest.raises(Refused):
        await store.change_pin_switch(switch.id, fails)
    with pytest.raises(InvalidInput, match="expected one that was started"):
        await store.change_pin_switch("pin/c1/cuda/9", fails)
    assert switch == await store.pin_switch(switch.id)


async def test_a_switch_that_does_not_wait_for_a_request_any_more_files_none(store):
    await f.ready(store)
    switch = await store.start_pin_switch(spec(), "12.4", "ann", "go", f.NOW)
    asked = f.request(switch.id, "gpu0000", holder=switch.id)
    for changes in ({"state": PinState.REQUESTING, "ask": 1}, {"state": PinState.REQUESTING, "aborted": "no"}):
        other = switch.model_copy(update=changes)
        await store.change_pin_switch(switch.id, lambda _, other=other: PinChange(switch=other))
        assert None is await store.request_for_pin(switch.id, 0, asked)
    await store.change_pin_switch(switch.id, lambda _: PinChange(switch=switch))
    assert None is await store.request_for_pin(switch.id, 0, asked)
    assert () == (await store.facts(f.C, f.NOW)).requests

    waits = switch.model_copy(update={"state": PinState.REQUESTING})
    await store.change_pin_switch(switch.id, lambda _: PinChange(switch=waits))
    assert asked == await store.request_for_pin(switch.id, 0, asked)
    assert asked == await store.request_for_pin(switch.id, 0, asked)


async def test_rows_of_single_hosts_are_written_over_and_the_others_stay(store):
    switch = await moving(store, host("gpu0000", PinHostState.FAILED), host("gpu0001"))
    late = host("gpu0000", PinHostState.LATE, batch=3)
    await store.put_pin_hosts(switch.id, (late, host("gpu0002", PinHostState.LATE, batch=4)), f.NOW)
    assert (late, host("gpu0001"), host("gpu0002", PinHostState.LATE, batch=4)) == await store.pin_hosts(switch.id)


async def test_hosts_are_told_by_batch_and_state(store):
    switch = await moving(
        store,
        host("gpu0000", PinHostState.TO_MOVE),
        host("gpu0001", PinHostState.TO_MOVE, batch=1),
        host("gpu0002", PinHostState.LATE, batch=1),
    )
    await store.note_pin_hosts(switch.id, {"gpu0000": (PinHostState.FAILED, "flash failed")}, f.later(1))

    assert {PinHostState.FAILED: 1, PinHostState.TO_MOVE: 1, PinHostState.LATE: 1} == await store.count_pin_hosts(
        switch.id
    )
    assert (1,) == await store.pin_batches(switch.id, (PinHostState.TO_MOVE,))
    assert ["gpu0001", "gpu0002"] == [h.host for h in await store.pin_hosts(switch.id, batch=1)]
    failed = await store.pin_hosts(switch.id, states=(PinHostState.FAILED,))
    assert [("gpu0000", "flash failed")] == [(h.host, h.reason) for h in failed]


async def test_a_batch_that_speaks_too_late_changes_no_host(store):
    switch = await moving(store, host("gpu0000", PinHostState.TO_MOVE), host("gpu0001", PinHostState.FAILED))
    moved = dict.fromkeys(("gpu0000", "gpu0001"), (PinHostState.MOVED, ""))
    await store.note_pin_hosts(switch.id, moved, f.NOW, (PinHostState.TO_MOVE,))

    assert {"gpu0000": "moved", "gpu0001": "failed"} == {h.host: h.state for h in await store.pin_hosts(switch.id)}


async def test_the_pin_comes_into_force_with_a_revision_of_the_fleet_file_and_an_audit_entry(store):
    switch = await moving(store, host("gpu0000"), host("gpu0001", PinHostState.FAILED), together={"bmc": "2.1"})

    after = await store.commit_pin_switch(switch.id, "no drift", f.later(9))

    assert (PinState.RELEASING, f.later(9)) == (after.state, after.committed_at)
    record = await store.fleet()
    cluster = record.fleet.cluster(f.C)
    assert (2, {"cuda": "12.6"}, {"bmc": "2.1"}) == (record.revision, cluster.pins, cluster.desired)
    entry = (await store.audit_log(1))[0]
    assert ("maintrain", "pin commit", "ann: cuda 12.6 is out") == (entry.actor, entry.action, entry.reason)
    assert "revision 2 of the fleet file is in force" in entry.detail
    assert after == await store.commit_pin_switch(switch.id, "again", f.later(99))
    assert 2 == (await store.fleet()).revision


@pytest.mark.parametrize("state", [PinHostState.TO_MOVE, PinHostState.MOVED, PinHostState.BACK])
async def test_no_pin_comes_into_force_with_a_host_that_was_not_read_back(store, state):
    switch = await moving(store, host("gpu0000"), host("gpu0001", state))

    with pytest.raises(Refused, match="gpu0001 not read back with the new pin"):
        await store.commit_pin_switch(switch.id, "no drift", f.NOW)
    assert 1 == (await store.fleet()).revision


async def test_no_pin_comes_into_force_once_it_goes_back_or_a_person_aborted_it(store):
    switch = await moving(store, host("gpu0000"))
    aborted = switch.model_copy(update={"aborted": "aborted by bob"})
    await store.change_pin_switch(switch.id, lambda _: PinChange(switch=aborted))
    with pytest.raises(Refused, match="aborted by bob"):
        await store.commit_pin_switch(switch.id, "no drift", f.NOW)

    back = switch.model_copy(update={"state": PinState.RESTORING, "reason": "its window is over"})
    await store.change_pin_switch(switch.id, lambda _: PinChange(switch=back))
    with pytest.raises(Refused, match="restoring: its window is over"):
        await store.commit_pin_switch(switch.id, "no drift", f.NOW)
    assert {"cuda": "12.4"} == (await store.fleet()).fleet.cluster(f.C).pins


async def test_a_load_learns_of_the_switches_of_its_clusters(store):
    switch = await moving(store, host("gpu0000"))

    found = await store.under_way(f.fleet_file())
    assert (switch,) == found.switches
    assert () == (await store.under_way(f.fleet_file(cluster="other"))).switches


async def test_hosts_of_a_batch_meet_each_other_and_no_one_else(store):
    switch = await moving(store, host("gpu0000"), host("gpu0001"), host("gpu0002", batch=1))
    hosts = ("gpu0000", "gpu0001", "gpu0002")
    request = f.request(
        switch.id, *hosts, kind="pin_switch", holder=switch.id, override=Override(actor="a", reason="r", lasts=9.0)
    )
    await store.request(request)
    granted = Settlement(reason="all", grants=(Grant(request=request.id, reason="free", hosts=hosts),))
    await store.settle(f.C, f.NOW, lambda _: granted)
    meeting = ids.pin_meeting(switch.id, "verify", 0)
    await store.ready_for_fabric(meeting, "gpu0001", f.NOW)

    found = await store.gathering(meeting)
    assert ({"gpu0001": f.NOW}, {"gpu0000", "gpu0001"}) == (found.ready, found.planned)
    assert {"gpu0002"} == (await store.gathering(ids.pin_meeting(switch.id, "verify", 1))).planned
    assert set(hosts) == (await store.gathering(switch.id)).planned

    back = ids.pin_meeting(switch.id, "verify_back", 0)
    await store.note_pin_hosts(switch.id, {"gpu0000": (PinHostState.RESTORED, "")}, f.NOW)
    assert {"gpu0001"} == (await store.gathering(back)).planned, "nobody waits for one that was never changed"
    await store.ready_for_fabric(back, "gpu0000", f.NOW)
    assert {"gpu0000", "gpu0001"} == (await store.gathering(back)).planned, "one that is verified is a partner still"
