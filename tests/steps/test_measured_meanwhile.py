"""Undrained by our own measurement in a maintenance reservation: no other did that, and nobody acts on the host."""

import asyncio

import pytest

from activities.gate import Gating
from fleet.models.work import StepKind
from tests.steps.site import no_fence, order

NAME = "fabric_0a1b"


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


async def test_one_that_somebody_undrained_in_another_reservation_is_drained_again_at_once(site):
    await site.drain()
    await site.touch()
    await site.hands.scheduler.close_to_jobs(("gpu001",), "pin-1", 60.0, no_fence)
    site.world.undrain_by_other("gpu001")
    await site.acting(order(StepKind.VERIFY), lambda acting: acting.keep_drained())
    assert (2, 1) == (site.drains(), len(site.pages.titles))
