"""Closing a cluster by an attempt that stood still."""

import pytest
from temporalio.exceptions import ApplicationError

from activities.pin_closing import PinClosing
from fleet.models.pin import PinState
from tests.steps.pins import INPUT, run, with_scheduler


async def test_an_attempt_at_an_earlier_grant_closes_nothing_of_a_later_one(switch):
    """Its successor asked for the cluster anew, and has it: with a host more, which this one would leave open."""
    await switch.begin()
    scheduler = switch.site.hands.scheduler

    async def view(**asked):
        await switch.become(state=PinState.CLOSING, ask=1)
        return await scheduler.view(**asked)

    late = PinClosing(with_scheduler(switch, view=view), settle_for=0.0)
    with pytest.raises(ApplicationError, match="has asked for the cluster anew meanwhile"):
        await run(late.close_pin, INPUT)
    assert None is (await switch.row()).closed_at
    assert {} == await switch.closed()
