"""Reservations of ours that outlived their makers: ended where that lets nothing wrong happen, else a person's."""

import dataclasses
from datetime import timedelta

import pytest

from activities.dispatcher import Dispatching
from fleet import ids
from fleet.errors import Unreachable
from fleet.models.messages import ClusterInput
from fleet.models.pin import PinState
from fleet.models.work import StepAction, StepRecord
from tests.scenarios.site import CLUSTER
from tests.steps.other import Other
from tests.steps.pins import MINE, now, run
from tests.steps.site import VISIT, no_fence
from tests.steps.test_pin_taken_up import Engine


async def look(switch, **scheduler):
    hands = dataclasses.replace(switch.site.hands, scheduler=Other(switch.site.hands.scheduler, **scheduler))
    deps = dataclasses.replace(switch.deps, engine=Engine({}), hands={CLUSTER: hands})
    await run(Dispatching(deps).observe, ClusterInput(cluster=CLUSTER))


async def reserve(switch, name, *hosts):
    await switch.site.hands.scheduler.close_to_jobs(hosts, name, 1.0, no_fence)


async def ended(switch, host, step, action):
    """A step of the visit has ended on a host."""
    at = {"started": now(), "ended": now()}
    evidence = {"cluster": CLUSTER, "host": host, "operation": ids.operation(VISIT, host), "reason": "so"}
    await switch.site.store.record_step(StepRecord(step=step, action=action, **evidence, **at))


async def test_what_a_measurement_left_behind_is_ended_once_nobody_measures_its_hosts(switch):
    """gpu001 and gpu002 are a visit's, which may measure them until both have passed their gates."""
    await reserve(switch, "fabric_0a1b", "gpu004", "gpu005")
    await reserve(switch, "fabric_2c3d", "gpu001", "gpu002")
    for host in ("gpu001", "gpu002"):
        await switch.site.drain(host)
    await ended(switch, "gpu001", "gate", StepAction.GO_ON)
    await ended(switch, "gpu002", "verify:health", StepAction.GO_ON)
    await look(switch)
    assert {"gpu001": "maintrain_fabric_2c3d", "gpu002": "maintrain_fabric_2c3d"} == await switch.closed()
    assert [] == switch.site.pages.titles

    await ended(switch, "gpu002", "gate", StepAction.GO_ON)
    await look(switch)
    assert {} == await switch.closed()


async def test_a_host_in_repair_is_no_reason_to_keep_what_its_visit_left_behind(switch):
    await reserve(switch, "fabric_2c3d", "gpu001", "gpu002")
    for host in ("gpu001", "gpu002"):
        await switch.site.hand_over(host)
    switch.site.world.undrain_by_other("gpu001")  # as that visit's measurement left it
    await look(switch)
    assert {"gpu001": "maintrain_fabric_2c3d", "gpu002": "maintrain_fabric_2c3d"} == await switch.closed()

    repair = ids.drain_reason(ids.REPAIR, ids.repair_operation(CLUSTER, "gpu001", 1))
    await switch.site.hands.scheduler.drain("gpu001", repair, no_fence)
    await look(switch)
    assert {} == await switch.closed()


async def test_it_stays_when_a_host_is_leased_just_before_it_would_end(switch):
    await reserve(switch, "fabric_0a1b", "gpu004")

    async def open_to_jobs(name, fence):
        await switch.site.lease("visit/sim/gpu-train/1/d002/1", "gpu004")
        await fence()

    await look(switch, open_to_jobs=open_to_jobs)
    assert {"gpu004": "maintrain_fabric_0a1b"} == await switch.closed()


async def test_one_that_can_not_be_ended_is_paged_and_tried_again(switch):
    await reserve(switch, "fabric_0a1b", "gpu004")

    async def open_to_jobs(name, fence):
        raise Unreachable("slurmctld is down")

    await look(switch, open_to_jobs=open_to_jobs)
    assert [f"{CLUSTER}: reservation maintrain_fabric_0a1b can't be ended"] == switch.site.pages.titles
    await look(switch)
    assert {} == await switch.closed()


@pytest.mark.parametrize(
    ("state", "name", "left"),
    [
        (PinState.MOVING, "pin_nccl_1", False),
        (PinState.LATE, "pin_nccl_1_0", False),
        (PinState.LATE, "pin_nccl_12_0", True),
        (PinState.DONE, "pin_nccl_1_0", True),
    ],
)
async def test_what_a_pin_switch_left_behind_is_paged_and_stays(switch, state, name, left):
    await switch.begin(state)
    await switch.become(changed_at=now() - timedelta(minutes=3))
    await reserve(switch, name, *MINE)
    await look(switch)
    told = [f"{CLUSTER}: reservation maintrain_{name} was left behind"] if left else []
    assert told == [title for title in switch.site.pages.titles if "reservation" in title]
    assert set(MINE) == set(await switch.closed())


async def test_a_late_hosts_reservation_is_not_left_behind_once_a_later_switch_is_over(switch):
    await switch.begin(PinState.LATE)
    later = await switch.followed_by("2.23", "2.22", PinState.DONE)
    await later.become(changed_at=now() - timedelta(minutes=3))
    await reserve(switch, "pin_nccl_1_0", *MINE)
    await look(switch)
    assert [] == [title for title in switch.site.pages.titles if "reservation" in title]
