"""Undrained by our own measurement in a maintenance reservation: no other did that, and nobody acts on the host."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.acting import Acting
from activities.dispatcher import Dispatching
from activities.gate import Gating
from activities.verify import Verifying
from fleet.models.ledger import Grant, Request, RequestClass, Settlement
from fleet.models.messages import ClusterInput
from fleet.models.verification import VerificationTask
from fleet.models.work import StepAction, StepKind
from tests.scenarios.site import CLUSTER
from tests.steps.ladder import read_pages
from tests.steps.site import VISIT, no_fence, order
from tests.steps.test_borrowing import other

NAME = "fabric_0a1b"


class Running:
    """Every workflow runs."""

    async def running(self, workflow_id: str) -> bool:
        return True


@pytest.fixture
async def measured(site):
    """gpu001 was changed, and is undrained inside a reservation in which the fabric is measured with it."""
    await site.drain()
    await site.touch()
    await site.hands.scheduler.close_to_jobs(("gpu001",), NAME, 60.0, no_fence)
    site.world.undrain_by_other("gpu001")
    return site


async def test_it_is_not_drained_again_while_it_is_measured_and_nobody_is_told(measured):
    await measured.acting(order(StepKind.VERIFY), lambda acting: acting.keep_drained())
    assert (1, []) == (measured.drains(), measured.pages.titles)


async def test_the_gate_waits_for_the_end_of_the_measurement(measured):
    async def ends() -> None:
        await asyncio.sleep(1)
        await measured.drain()
        await measured.hands.scheduler.open_to_jobs(NAME, no_fence)

    ending = asyncio.create_task(ends())
    found = await measured.run(Gating(measured.deps).gate, order(StepKind.GATE))
    assert ending.done(), found
    assert (2, []) == (measured.drains(), measured.pages.titles)


async def test_what_a_dead_worker_left_undrained_is_drained_again_before_anything_is_done_to_it(measured):
    assert await measured.acting(order(StepKind.REBOOT), lambda acting: acting.hold_drained()) is None
    assert await measured.drained()
    assert (2, []) == (measured.drains(), measured.pages.titles)


async def test_a_host_that_waits_in_its_verification_is_drained_again_after_a_dead_workers_measurement(measured):
    """No look of the step itself comes by: it waits for the others."""

    async def waits(acting: Acting) -> None:
        async with Acting(measured.deps, acting.order, left_behind=1.0).keeping_drained(0.3):
            await asyncio.sleep(6)

    await measured.acting(order(StepKind.VERIFY), waits)
    assert (True, 2, []) == (await measured.drained(), measured.drains(), measured.pages.titles)


async def test_a_host_is_not_drained_while_only_others_of_its_measurement_are_run_on(measured):
    measured.world.submit_job(hosts=("gpu004",))
    await measured.hands.scheduler.close_to_jobs(("gpu001", "gpu004"), NAME, 60.0, no_fence)

    async def waits(acting: Acting) -> None:
        async with Acting(measured.deps, acting.order, left_behind=0.5).keeping_drained(0.2):
            await asyncio.sleep(2)

    await measured.acting(order(StepKind.VERIFY), waits)
    assert 1 == measured.drains()


async def test_one_that_somebody_undrained_in_another_reservation_is_drained_again_at_once(site):
    await site.drain()
    await site.touch()
    await site.hands.scheduler.close_to_jobs(("gpu001",), "pin-1", 60.0, no_fence)
    site.world.undrain_by_other("gpu001")
    await site.acting(order(StepKind.VERIFY), lambda acting: acting.keep_drained())
    assert (2, 1) == (site.drains(), len(site.pages.titles))


async def test_a_partner_that_a_dead_workers_measurement_left_undrained_is_waited_for(site):
    for host in ("gpu001", "gpu002"):
        await site.drain(host)
        await site.store.ready_for_fabric(VISIT, host, datetime.now(UTC))
    await site.hands.scheduler.close_to_jobs(("gpu001", "gpu002"), NAME, 60.0, no_fence)
    site.world.undrain_by_other("gpu002")
    seen = []

    async def measure(task, host, partners, *, pool):
        seen.append([await site.drained(name) for name in (host, *partners)])
        return await site.hands.verifier.verify(task, host, partners, pool=pool)

    async def its_own_step_comes_by() -> None:
        await asyncio.sleep(2)
        await site.drain("gpu002")

    other(site, "verifier", verify=measure)
    coming = asyncio.create_task(its_own_step_comes_by())
    found = await site.run(Verifying(site.deps).verify, order(StepKind.VERIFY, task=VerificationTask.FABRIC))
    await coming

    assert (StepAction.GO_ON, [[True, True]]) == (found.action, seen)


async def test_the_page_of_a_host_that_is_out_too_long_names_the_measurement_that_it_is_left_in(site):
    read_pages(site)
    ago = datetime.now(UTC) - timedelta(hours=1)
    request = Request(
        id="visit/late",
        cluster=CLUSTER,
        kind=RequestClass.TRAIN,
        holder="visit/late",
        hosts=("gpu004",),
        asked_at=ago,
        expected_seconds=600,
    )
    await site.store.request(request)
    granted = Settlement(reason="", grants=(Grant(request="visit/late", reason="free"),))
    await site.store.settle(CLUSTER, ago, lambda _: granted)
    await site.hands.scheduler.close_to_jobs(("gpu004",), NAME, 60.0, no_fence)
    deps = replace(site.deps, engine=Running())

    await ActivityEnvironment().run(Dispatching(deps).observe, ClusterInput(cluster=CLUSTER))

    assert [True] == ["It is in our reservation maintrain_fabric_0a1b" in body for body in site.pages.bodies]
