"""Hosts that come back by themselves after a pin switch: none is open to jobs before it carries the pin in force."""

import asyncio
from dataclasses import replace

from activities.pin import PinSwitching
from activities.pin_closing import PinClosing
from fleet import ids
from fleet.errors import Refused
from fleet.models.drivers import SimulatedFault
from fleet.models.ledger import Counted, LeaseHost
from fleet.models.pin import PinHostState, PinState
from fleet.models.work import HostWork
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.other import Other
from tests.steps.pins import INPUT, LATE, MINE, SWITCH, moving, now, run
from tests.steps.site import no_fence

NHC = "NHC: IB link down"


def own(number):
    return ids.reservation(f"pin_nccl_1_{number}")


async def fails_under_another(switch, host):
    """A host of the switch goes to repair while somebody else's drain is on it."""
    operation = ids.repair_operation(CLUSTER, host, 1)
    lease = LeaseHost(
        cluster=CLUSTER,
        host=host,
        request=operation,
        holder=ids.host(CLUSTER, host),
        operation=operation,
        counted=Counted.FAILED,
        since=now(),
    )
    await switch.site.store.take_for_repair(lease, ids.operation(SWITCH, host))
    switch.site.world.drain_by_other(host, NHC)
    await switch.note(PinHostState.FAILED, host)
    return ids.drain_reason(ids.REPAIR, operation)


async def committed(switch):
    await run(PinClosing(switch.deps).commit_pin, INPUT)
    await run(PinClosing(switch.deps).open_pin, INPUT)


async def look(switch):
    return await run(PinSwitching(switch.deps).review_pin, INPUT)


async def test_a_failed_host_that_no_drain_of_ours_holds_stays_closed_until_one_does(switch):
    await moving(switch)
    repair = await fails_under_another(switch, "gpu003")
    await committed(switch)

    assert {LATE: own(0), "gpu003": own(1)} == await switch.closed()
    late = {h.host: h.reason for h in await switch.site.store.pin_hosts(SWITCH, states=(PinHostState.LATE,))}
    assert f"in repair, and not drained by us: drained as failed: {NHC}" == late["gpu003"]
    await switch.become(state=PinState.LATE)
    switch.site.world.undrain_by_other("gpu003")
    await look(switch)
    assert {LATE: own(0), "gpu003": own(1)} == await switch.closed()

    await switch.site.hands.scheduler.rewrite_reason("gpu003", repair, repair, no_fence)
    await look(switch)
    assert {LATE: own(0)} == await switch.closed()
    assert PinHostState.CAUGHT_UP is (await switch.hosts())["gpu003"]


async def test_a_host_that_failed_on_its_way_is_late_too_when_the_switch_went_back(switch):
    """It may carry the new pin: nobody lets it back among hosts that have the old one again."""
    await moving(switch)
    repair = await fails_under_another(switch, "gpu003")
    await switch.site.hands.hardware.start_apply("gpu003", "nccl", "2.22", no_fence)
    await switch.become(state=PinState.RELEASING)
    await switch.note(PinHostState.RETURNED, "gpu004", "gpu005")
    operation = ids.operation(SWITCH, "gpu003")
    await switch.site.store.save_work(HostWork(cluster=CLUSTER, pool=POOL, host="gpu003", operation=operation))
    for _ in range(2):  # a worker dies after it
        await switch.become(opened_at=None)
        await run(PinClosing(switch.deps).open_pin, INPUT)
        assert {"gpu003": own(1)} == await switch.closed()
    assert PinHostState.CAUGHT_UP is (await switch.hosts())[LATE], "it was never on its way"

    assert "late" == (await look(switch)).state
    await asyncio.sleep(1.2)
    switch.site.world.undrain_by_other("gpu003")
    waits = await look(switch)
    assert ("wait", "late") == (waits.action, waits.state)
    assert {"gpu003": own(1)} == await switch.closed()
    await switch.site.hands.scheduler.rewrite_reason("gpu003", repair, repair, no_fence)
    assert "went_back" == (await look(switch)).state
    assert {} == await switch.closed()


async def test_a_failed_host_that_we_drained_is_not_late(switch):
    await moving(switch)
    repair = await fails_under_another(switch, "gpu003")
    switch.site.world.undrain_by_other("gpu003")
    await switch.site.hands.scheduler.rewrite_reason("gpu003", repair, repair, no_fence)
    await committed(switch)
    assert {LATE: own(0)} == await switch.closed()
    assert PinHostState.FAILED is (await switch.hosts())["gpu003"]


async def test_a_host_that_is_in_repair_under_anothers_drain_is_closed_apart(switch):
    await switch.begin()
    switch.site.world.drain_by_other("gpu001", NHC)
    await switch.close()
    assert {"gpu001": own(0), LATE: own(1)} == {h: r for h, r in (await switch.closed()).items() if h not in MINE}


def vendors(switch, *hosts):
    """The switch's worker, with those hosts in a reservation of a vendor."""
    scheduler = switch.site.hands.scheduler

    async def close_to_jobs(names, name, limit, fence):
        for host in set(hosts) & set(names):
            raise Refused(f"reservation rma holds {host}")
        await scheduler.close_to_jobs(names, name, limit, fence)

    hands = replace(switch.site.hands, scheduler=Other(scheduler, close_to_jobs=close_to_jobs))
    return replace(switch.deps, hands={CLUSTER: hands})


async def test_a_broken_host_in_a_vendors_reservation_sends_no_switch_back(switch):
    await switch.begin()
    switch.site.world.drain_by_other("gpu001", NHC)
    switch.site.world.undrain_by_other(LATE)
    switch.site.world.drain_by_other(LATE, NHC)
    await run(PinClosing(vendors(switch, "gpu001", LATE), settle_for=0.0).close_pin, INPUT)

    assert (PinState.CLOSING, True) == ((await switch.row()).state, (await switch.row()).closed_at is not None)
    assert set(MINE) == set(await switch.closed())
    assert {f"{CLUSTER}/{h} can't be closed for {SWITCH}" for h in ("gpu001", LATE)} == set(switch.deps.pager.titles)
    assert {"gpu001", LATE} == {h.host for h in await switch.site.store.pin_hosts(SWITCH, states=(PinHostState.LATE,))}


async def test_a_host_in_another_hands_that_can_not_be_closed_sends_it_back(switch):
    await switch.begin()
    await run(PinClosing(vendors(switch, LATE), settle_for=0.0).close_pin, INPUT)

    found = await switch.row()
    assert (PinState.RESTORING, None) == (found.state, found.closed_at)
    assert f"the scheduler does not let it be closed: reservation rma holds {LATE}" == found.reason


async def test_closing_tried_again_loses_no_reservation(switch):
    await switch.begin()
    switch.site.world.drain_by_other("gpu001", NHC)
    await switch.close()
    await switch.become(closed_at=None)
    switch.site.world.undrain_by_other("gpu001")
    reason = ids.drain_reason(ids.REPAIR, ids.repair_operation(CLUSTER, "gpu001", 1))
    await switch.site.hands.scheduler.drain("gpu001", reason, no_fence)
    switch.site.world.drain_by_other("gpu002", NHC)
    await switch.close()
    assert {"gpu001": own(0), LATE: own(1), "gpu002": own(2)} == {
        h: r for h, r in (await switch.closed()).items() if h not in MINE
    }

    await switch.become(state=PinState.RELEASING)
    await run(PinClosing(switch.deps).open_pin, INPUT)
    assert {} == await switch.closed()


async def test_asking_anew_lifts_what_an_earlier_try_closed(switch):
    await switch.begin()
    await switch.close()
    await switch.become(closed_at=None)
    switch.site.world.undrain_by_other(LATE)
    await switch.site.hands.scheduler.open_to_jobs("pin_nccl_1_0", no_fence)
    switch.site.world.drain_by_other("gpu001", NHC)
    await switch.close()
    assert (PinState.REQUESTING, 1) == ((await switch.row()).state, (await switch.row()).ask)
    assert {} == await switch.closed()


async def test_a_switch_that_died_as_it_asked_anew_does_not_wait_for_its_first_lease(switch):
    await switch.begin()
    await switch.become(state=PinState.REQUESTING, ask=1, approved_by="bob")
    assert set(MINE) == {lease.host for lease in await switch.site.store.leases(SWITCH)}
    await look(switch)
    assert () == await switch.site.store.leases(SWITCH)
    assert [f"{SWITCH}~1"] == [r.id for r in (await switch.site.store.facts(CLUSTER, now())).requests]


async def test_calling_off_withdraws_and_opens_what_every_ask_left(switch):
    await switch.begin()
    await switch.close()
    await switch.become(state=PinState.REQUESTING, ask=1, closed_at=None, aborted="aborted by bob: not tonight")
    assert "called_off" == (await look(switch)).state
    assert () == await switch.site.store.leases(SWITCH)
    assert {} == await switch.closed()


async def test_a_job_that_can_not_be_released_keeps_nobody_closed(switch):
    await moving(switch)
    job = switch.site.world.submit_job(hosts=["gpu003"])
    await switch.site.hands.scheduler.requeue_held((job,), no_fence)
    await switch.become(held_jobs=("12+1", job))
    await committed(switch)

    found = await switch.row()
    assert found.opened_at is not None
    assert ("12+1",) == found.held_jobs
    assert {LATE: own(0)} == await switch.closed()
    assert f"Job 12+1 is still held after {SWITCH}" in switch.deps.pager.titles


async def test_a_late_host_that_nobody_else_has_in_hands_goes_to_its_own_repair(switch):
    await moving(switch)
    await committed(switch)
    await switch.become(state=PinState.LATE)
    assert "late" == (await look(switch)).state
    switch.site.world.undrain_by_other(LATE)

    assert "done" == (await look(switch)).state
    lease = await switch.site.store.lease(CLUSTER, LATE)
    operation = ids.repair_operation(CLUSTER, LATE, 1)
    assert (operation, Counted.FAILED) == (lease.operation, lease.counted)
    assert await switch.site.drained(LATE)
    assert {} == await switch.closed()


async def test_a_late_host_that_can_not_be_read_stays_closed_and_goes_nowhere(switch):
    await moving(switch)
    await committed(switch)
    await switch.become(state=PinState.LATE)
    assert "late" == (await look(switch)).state
    switch.site.world.undrain_by_other(LATE)
    switch.site.world.set_fault(SimulatedFault(kind="bmc_silent", host=LATE, times=1))

    assert "late" == (await look(switch)).state
    assert None is await switch.site.store.lease(CLUSTER, LATE)
    assert {LATE: own(0)} == await switch.closed()
    assert "done" == (await look(switch)).state, "the next look reads it"


async def test_a_reservation_of_a_late_host_that_somebody_ended_is_made_anew(switch):
    await moving(switch)
    await committed(switch)
    await switch.become(state=PinState.LATE)
    await switch.site.hands.scheduler.open_to_jobs("pin_nccl_1_0", no_fence)
    assert {} == await switch.closed()
    await look(switch)
    assert {LATE: own(0)} == await switch.closed()
