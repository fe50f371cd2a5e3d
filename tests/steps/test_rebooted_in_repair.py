"""A host that was rebooted while in repair is down under our drain, and may pass all the same."""

import pytest

from activities.returning import Returning
from fleet import ids
from fleet.errors import BadAnswer
from fleet.models.work import Outcome, StepAction, StepKind
from fleet.policy.draining import DrainState
from tests.steps.site import order


@pytest.fixture
async def repair(site):
    operation = await site.hand_over("gpu001")
    site.world.leave_down("gpu001")
    return {"operation": operation, "repair": True, "visit": None}


async def test_its_drain_is_held_and_nothing_is_wrong_with_it(site, repair):
    assert await site.acting(order(StepKind.APPLY, **repair), lambda acting: acting.hold_drained()) is None
    seen = await site.acting(order(StepKind.GATE, **repair), lambda acting: acting.look())
    assert seen.state is DrainState.DRAINED


async def test_it_returns_to_production(site, repair):
    back = order(StepKind.RETURN, outcome=Outcome.REPAIRED, reason="repaired", **repair)
    assert (await site.run(Returning(site.deps).return_host, back)).action is StepAction.GO_ON
    assert not await site.drained()
    assert await site.store.lease("sim", "gpu001") is None


async def test_in_a_visit_a_host_that_went_down_without_a_reboot_of_ours_goes_to_repair(site):
    await site.drain()
    site.world.leave_down("gpu001")
    held = await site.acting(order(StepKind.APPLY), lambda acting: acting.hold_drained())
    assert held.action is StepAction.HAND_OVER
    owned = ids.drain_reason(ids.PLANNED, order(StepKind.RETURN).operation)
    with pytest.raises(BadAnswer):
        await site.acting(
            order(StepKind.RETURN),
            lambda acting: acting.hands.scheduler.undrain("gpu001", owned, _go, rebooted=False),
        )


async def _go():
    """Nothing stands against it."""
