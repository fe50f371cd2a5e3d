"""A host that joins a cluster in the window of its pin switch sends the switch back as soon as it is seen."""

from activities.looking import look
from activities.pin import PinSwitching
from activities.pin_closing import PinClosing
from fleet.models.pin import PinHostState, PinState
from tests.scenarios.site import CLUSTER
from tests.steps.pins import LATE, MINE, moving, run
from tests.steps.site import no_fence


async def joins(switch):
    """As one that is new to the cluster: in nobody's hands, and closed by nothing."""
    switch.site.world.undrain_by_other(LATE)
    await switch.site.hands.scheduler.open_to_jobs("pin_nccl_1_0", no_fence)
    await switch.note(PinHostState.CAUGHT_UP, LATE)


async def observed(switch):
    assert await run(look, switch.deps, CLUSTER) is not None


async def review(switch):
    return await run(PinSwitching(switch.deps).review_pin, switch.input)


async def test_while_hosts_move(switch):
    await moving(switch)
    await switch.note(PinHostState.TO_MOVE, *MINE)
    await observed(switch)
    assert ("run", "moving") == ((await review(switch)).action, (await switch.row()).state)
    await joins(switch)
    await observed(switch)
    seen = await review(switch)
    assert (True, PinState.RESTORING) == (seen.breaks_off, (await switch.row()).state)
    assert f"{LATE} got into production with the old pin meanwhile" == (await switch.row()).reason


async def test_while_jobs_are_waited_for(switch):
    await switch.begin()
    await switch.close()
    switch.site.world.submit_job(hosts=[MINE[0]])
    await joins(switch)
    await observed(switch)
    await run(PinClosing(switch.deps).clear_pin, switch.input)
    await review(switch)
    assert (PinState.RESTORING, f"{LATE} got into production with the old pin meanwhile") == (
        (await switch.row()).state,
        (await switch.row()).reason,
    )


async def test_one_that_was_seen_before_the_cluster_was_closed_is_no_reason(switch):
    await switch.begin()
    await observed(switch)
    await switch.close()
    await observed(switch)
    assert "clear" == (await review(switch)).action
    await joins(switch)  # the last look shows it closed still
    assert "clear" == (await review(switch)).action
