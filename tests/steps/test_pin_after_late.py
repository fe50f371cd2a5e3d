"""A pin switch that begins while hosts are still late for an earlier one: those stay out until they carry the pins in
force, whichever switch put them there.
"""

import asyncio

import pytest
from temporalio.exceptions import ApplicationError

from activities.pin import PinSwitching
from activities.pin_closing import PinClosing
from activities.returning import Returning
from fleet import ids
from fleet.models.ledger import Counted
from fleet.models.matrix import MatrixEntry
from fleet.models.pin import PinHostState, PinState
from fleet.models.work import StepKind
from tests.scenarios.site import CLUSTER
from tests.steps.pins import LATE, MINE, moving, now, run, with_scheduler
from tests.steps.site import no_fence, order

OWN = ids.reservation("pin_nccl_1_0")
BACK = ("2.21", "2.22")
ON = ("2.23", "2.22")


async def left_behind(switch):
    """A switch to 2.22 which all but one host have followed."""
    await moving(switch)
    entry = MatrixEntry(components={"gpu-driver": "550.*"}, pins={"nccl": "2.23"})
    await switch.site.store.add_matrix(CLUSTER, (entry,), "ann", "qualified", now())
    await run(PinClosing(switch.deps).commit_pin, switch.input)
    await run(PinClosing(switch.deps).open_pin, switch.input)
    await switch.become(state=PinState.LATE)
    assert {LATE: OWN} == await switch.closed()
    return switch


async def look(switch):
    return await run(PinSwitching(switch.deps).review_pin, switch.input)


async def carries(switch, version):
    """Whoever has the late host in hand brings it a version."""
    await switch.site.hands.hardware.start_apply(LATE, "nccl", version, no_fence)
    await asyncio.sleep(1.2)


async def through(later):
    """The later switch puts its pin in force, and opens the cluster."""
    await later.become(state=PinState.MOVING)
    await later.note(PinHostState.CHECKED, *MINE)
    await run(PinClosing(later.deps).commit_pin, later.input)
    await run(PinClosing(later.deps).open_pin, later.input)
    assert (await later.row()).committed_at is not None, (await later.row()).reason


async def test_a_later_switch_begins_and_leaves_late_hosts_closed(switch):
    later = await (await left_behind(switch)).followed_by(*ON)
    await later.close()
    main = ids.reservation("pin_nccl_2")
    assert {**dict.fromkeys(MINE, main), LATE: OWN} == await switch.closed()
    assert set(MINE) == set(await later.hosts()), "it answers for none that an earlier one keeps closed"

    await through(later)
    assert "late" == (await look(switch)).state
    assert {LATE: OWN} == await switch.closed()


async def test_a_late_host_gets_the_pin_that_a_later_switch_put_in_force(switch):
    later = await (await left_behind(switch)).followed_by(*ON)
    await later.close()
    assert "late" == (await look(switch)).state
    await through(later)
    await carries(switch, "2.22")
    waits = await look(switch)
    assert "late" == waits.state, "it followed the switch it was late for, and another pin is in force by now"
    assert "stay closed to jobs until they carry nccl 2.23" in waits.reason
    title = f"{CLUSTER}/{LATE} did not follow {switch.id}"
    assert 2 == switch.site.pages.titles.count(title), "whoever has it in hand is told that it is another pin now"

    await carries(switch, "2.23")
    done = await look(switch)
    assert ("done", {}) == (done.state, await switch.closed())


async def test_late_hosts_are_well_again_after_a_switch_back(switch):
    later = await (await left_behind(switch)).followed_by(*BACK)
    await later.close()
    assert "late" == (await look(switch)).state
    await through(later)
    assert "done" == (await look(switch)).state
    assert {} == await switch.closed()


async def test_no_late_host_is_opened_while_a_later_switch_is_closing_the_cluster(switch):
    later = await (await left_behind(switch)).followed_by(*ON)
    await carries(switch, "2.22")
    assert "late" == (await look(switch)).state
    assert {LATE: OWN} == await switch.closed()

    await later.become(state=PinState.CALLED_OFF)
    assert "done" == (await look(switch)).state
    assert {} == await switch.closed()


async def test_nor_when_it_begins_to_just_before_the_host_would_be_opened(switch):
    later = await (await left_behind(switch)).followed_by(*ON, PinState.REQUESTING)
    await carries(switch, "2.22")
    scheduler = switch.site.hands.scheduler

    async def open_to_jobs(name, fence):
        await later.become(state=PinState.CLOSING)
        await scheduler.open_to_jobs(name, fence)

    await run(PinSwitching(with_scheduler(switch, open_to_jobs=open_to_jobs)).review_pin, switch.input)
    assert {LATE: OWN} == await switch.closed()
    assert PinHostState.LATE is (await switch.hosts())[LATE]


async def test_a_late_host_that_a_later_switch_holds_is_not_closed_by_the_earlier_one(switch):
    """Somebody ended its reservation: it was in production when the later switch was granted the cluster."""
    later = await (await left_behind(switch)).followed_by(*ON)
    switch.site.world.undrain_by_other(LATE)
    await switch.site.hands.scheduler.open_to_jobs("pin_nccl_1_0", no_fence)
    await later.holds(ids.request(later.id, 1), LATE)
    assert "late" == (await look(switch)).state
    assert {} == await switch.closed()


async def test_a_host_taken_before_the_earlier_switch_may_not_return_with_its_old_pin(switch):
    """gpu001 was at its return all the while."""
    operation = ids.repair_operation(CLUSTER, "gpu001", 1)
    later = await (await left_behind(switch)).followed_by(*ON, PinState.CHECKING)
    assert Counted.FAILED is (await switch.site.store.lease(CLUSTER, "gpu001")).counted
    await switch.site.store.record_versions(CLUSTER, "gpu001", {"nccl": "2.21"}, now())
    back = order(StepKind.RETURN, repair=True, operation=operation)
    for state in (PinState.CHECKING, PinState.CALLED_OFF):
        await later.become(state=state)
        with pytest.raises(ApplicationError, match=r"nccl 2.21: nccl 2.21 to 2.22 in sim came into force meanwhile"):
            await run(Returning(switch.deps).return_host, back)
