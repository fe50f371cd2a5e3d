"""Closing a cluster by an attempt that stood still, and with a host that the scheduler does not list."""

import pytest
from temporalio.exceptions import ApplicationError

from activities.pin import PinSwitching
from activities.pin_closing import PinClosing
from fleet.errors import Refused
from fleet.models.pin import PinHostState, PinState
from tests.steps.pins import INPUT, LATE, MINE, SWITCH, now, run, with_scheduler


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


async def test_an_attempt_that_stood_still_does_not_open_what_its_successor_has_closed(switch):
    """It saw a host astray that its successor found in another's hands."""
    await switch.begin()
    switch.site.world.undrain_by_other(LATE)
    scheduler, stood = switch.site.hands.scheduler, []

    async def view(**asked):
        seen = await scheduler.view(**asked)
        if not stood:
            stood.append(True)
            switch.site.world.drain_by_other(LATE, "admin: disk check")
            await switch.close()
        return seen

    late = PinClosing(with_scheduler(switch, view=view), settle_for=0.0)
    with pytest.raises(ApplicationError, match="was closed by another attempt meanwhile"):
        await run(late.close_pin, INPUT)
    row = await switch.row()
    assert (PinState.CLOSING, 0, True) == (row.state, row.ask, row.closed_at is not None)
    assert {*MINE, LATE} == set(await switch.closed())


async def test_a_member_that_the_scheduler_does_not_list_sends_no_switch_back(switch):
    """It can't be closed, and no job starts on it; once it is listed its row has it closed."""
    await switch.begin()
    scheduler, unlisted = switch.site.hands.scheduler, {LATE}

    async def view(**asked):
        seen = await scheduler.view(**asked)
        return seen.model_copy(update={"nodes": {h: n for h, n in seen.nodes.items() if h not in unlisted}})

    async def close_to_jobs(names, name, limit, fence):
        if unlisted & set(names):
            raise Refused("scontrol create reservation: Invalid node name specified")
        await scheduler.close_to_jobs(names, name, limit, fence)

    deps = with_scheduler(switch, view=view, close_to_jobs=close_to_jobs)
    await run(PinClosing(deps, settle_for=0.0).close_pin, INPUT)
    found = await switch.row()
    assert (PinState.CLOSING, True) == (found.state, found.closed_at is not None), found.reason
    assert set(MINE) == set(await switch.closed())
    assert {LATE} == {h.host for h in await switch.site.store.pin_hosts(SWITCH, states=(PinHostState.LATE,))}

    await switch.become(state=PinState.MOVING)
    await switch.note(PinHostState.CHECKED, *MINE)
    await switch.site.store.commit_pin_switch(SWITCH, "all carry it", now())
    await switch.become(state=PinState.LATE, opened_at=now())
    unlisted.clear()
    await run(PinSwitching(deps).review_pin, INPUT)
    assert LATE in await switch.closed()
