"""A device that lets nothing begin is waited for, and not for ever; what can't be had pauses the train."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.apply import Applying
from activities.reboot import Rebooting
from fleet import ids
from fleet.errors import BadAnswer, HostState, InvalidInput, Refused, Unreachable
from fleet.models.intent import Before, IntentState
from fleet.models.stack import Upgrade
from fleet.models.stop import Stop, StopKind
from fleet.models.work import EndCause, Step, StepAction, StepKind
from fleet.policy.autostop import PAUSED
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.other import Other
from tests.steps.site import VISIT, order

HOST = "gpu001"
FLASH = Step(
    key="apply:nic-firmware",
    kind=StepKind.APPLY,
    upgrade=Upgrade(component="nic-firmware", version="1.1"),
    expected=timedelta(seconds=2),
)
OPERATION = ids.operation(VISIT, HOST)
IMAGE = InvalidInput("images", "nic-firmware 1.1", "expected SHA-256 12ab, found 34cd")


def saying(error: Exception):
    async def act(*_):
        raise error

    return act


@pytest.fixture
def broken(site):
    """Steps of a site whose hardware says this error to these calls."""

    def put(**calls: Exception):
        other = Other(site.hands.hardware, **{call: saying(error) for call, error in calls.items()})
        hands = replace(site.hands, hardware=other)
        return replace(site.deps, hands={CLUSTER: hands})

    return put


async def apply(site, deps, **changes):
    return await site.run(Applying(deps).apply, order(StepKind.APPLY, step=FLASH.model_copy(update=changes)))


async def barred_since(site, step, ago):
    await site.store.first_claim(f"barred/{OPERATION}/{step}", datetime.now(UTC) - ago)


async def state(site, step=FLASH.key):
    found = await site.store.intent(OPERATION, step)
    return found.state if found else None


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("versions", Unreachable("the BMC is silent")),
        ("tasks", BadAnswer("not JSON")),
        ("start_apply", Refused("the BMC is busy")),
    ],
)
async def test_a_device_that_lets_no_flash_begin_is_asked_again_until_its_time_is_over(site, broken, call, error):
    await site.drain()
    deps = broken(**{call: error})
    with pytest.raises(ApplicationError, match=str(error)) as raised:
        await apply(site, deps)
    assert not raised.value.non_retryable
    assert (await state(site)) in (None, IntentState.WITHDRAWN)


@pytest.mark.parametrize(
    ("call", "error"),
    [("versions", Unreachable("the BMC is silent")), ("start_apply", Refused("the BMC is busy"))],
)
async def test_a_device_that_let_no_flash_begin_for_too_long_hands_its_host_over(site, broken, call, error):
    await site.drain()
    await barred_since(site, FLASH.key, timedelta(hours=1))
    found = await apply(site, broken(**{call: error}))
    assert (StepAction.HAND_OVER, HostState.DRAINED) == (found.action, found.host_state)
    assert str(error) in found.reason
    assert [] == [row for row in site.world.journal() if row.kind == "flash_started"]


async def test_the_time_of_a_device_begins_anew_after_a_freeze_that_held_its_step(site, broken):
    await site.drain()
    await barred_since(site, FLASH.key, timedelta(hours=1))
    at = datetime.now(UTC)
    await site.store.set_stop(Stop(kind=StopKind.FREEZE, cluster=CLUSTER, actor="ann", reason="storm", at=at))
    for _ in range(2):
        with pytest.raises(ApplicationError, match="freeze") as held:
            await apply(site, site.deps, safe_before=False)
        assert "Frozen" == held.value.type
    await site.store.lift_stop(CLUSTER, None, "ann", "over", datetime.now(UTC))
    with pytest.raises(ApplicationError, match="the BMC is busy"):
        await apply(site, broken(start_apply=Refused("the BMC is busy")), safe_before=False)


@pytest.mark.parametrize("error", [Refused("the BMC is busy"), Unreachable("503")])
async def test_a_repeated_flash_that_is_not_taken_for_too_long_is_unknown(site, broken, error):
    await site.drain()
    hours_ago = datetime.now(UTC) - timedelta(hours=1)
    await site.store.open_intent(OPERATION, FLASH.key, "a dead attempt", Before(version="1.0"), hours_ago)
    await barred_since(site, FLASH.key, timedelta(hours=1))
    found = await apply(site, broken(start_apply=error))
    assert (StepAction.HAND_OVER, HostState.UNKNOWN) == (found.action, found.host_state)
    assert IntentState.FAILED is await state(site)


async def test_a_device_that_was_barred_long_ago_and_is_free_now_is_flashed(site):
    await site.drain()
    await barred_since(site, FLASH.key, timedelta(hours=9))
    assert StepAction.GO_ON is (await apply(site, site.deps)).action


@pytest.mark.parametrize(
    ("safe", "touched", "action", "cause"),
    [
        (True, False, StepAction.GIVE_BACK, EndCause.UPGRADE),
        (True, True, StepAction.SKIP_TO_VERIFY, EndCause.UPGRADE),
        (False, True, StepAction.HAND_OVER, None),
    ],
)
async def test_what_can_not_be_had_pauses_the_train_and_costs_no_repair(site, broken, safe, touched, action, cause):
    await site.drain()
    if touched:
        await site.touch(step="apply:gpu-driver")
    found = await apply(site, broken(start_apply=IMAGE), safe_before=safe)
    assert (action, cause) == (found.action, found.cause)
    assert "expected SHA-256 12ab" in found.reason
    assert IntentState.WITHDRAWN is await state(site)
    autostop = (await site.store.facts(CLUSTER, datetime.now(UTC))).autostops[POOL]
    assert autostop.stopped
    assert autostop.reason.startswith(PAUSED)
    assert 1 == len(site.pages.titles)


async def test_a_host_that_is_dark_for_too_long_before_its_reboot_goes_to_repair(site, broken):
    await site.drain()
    deps = broken(boot_id=Unreachable("the host is dark"))
    with pytest.raises(ApplicationError, match="the host is dark"):
        await site.run(Rebooting(deps).reboot, order(StepKind.REBOOT))
    again = order(StepKind.REBOOT, attempt=1)
    await site.store.first_claim(f"barred/{again.record}/reboot", datetime.now(UTC) - timedelta(hours=1))
    late = await site.run(Rebooting(deps).reboot, again)
    assert (StepAction.HAND_OVER, HostState.UNKNOWN) == (late.action, late.host_state)
    assert [] == [row for row in site.world.journal() if row.kind == "reboot_started"]


async def test_a_host_that_refuses_its_reboot_is_asked_again_until_its_time_is_over(site, broken):
    await site.drain()
    deps = broken(reboot=Refused("its BMC is flashing"))
    with pytest.raises(ApplicationError, match="its BMC is flashing") as raised:
        await site.run(Rebooting(deps).reboot, order(StepKind.REBOOT))
    assert not raised.value.non_retryable
    assert IntentState.WITHDRAWN is await state(site, "reboot")

    again = order(StepKind.REBOOT, attempt=1)
    await site.store.first_claim(f"barred/{again.record}/reboot", datetime.now(UTC) - timedelta(hours=1))
    late = await site.run(Rebooting(deps).reboot, again)
    assert (StepAction.HAND_OVER, HostState.PARTLY_APPLIED) == (late.action, late.host_state)
    assert "its BMC is flashing" in late.reason


async def told_again(site, deps):
    """An earlier attempt has told the host to reboot, which it did not, and is dead."""
    boot = Before(boot_id=await site.hands.hardware.boot_id(HOST))
    hours_ago = datetime.now(UTC) - timedelta(hours=1)
    await site.store.open_intent(OPERATION, "reboot", "a dead attempt", boot, hours_ago)
    return await site.run(Rebooting(deps).reboot, order(StepKind.REBOOT))


async def test_a_reboot_that_fails_each_time_it_is_told_is_told_again_for_a_while(site, broken):
    await site.drain()
    with pytest.raises(ApplicationError, match="reboot: rc 1"):
        await told_again(site, broken(reboot=BadAnswer("reboot: rc 1")))
    assert IntentState.OPEN is await state(site, "reboot")


async def test_a_reboot_that_fails_each_time_it_is_told_goes_to_repair_in_the_end(site, broken):
    await site.drain()
    await barred_since(site, "reboot", timedelta(hours=1))
    late = await told_again(site, broken(reboot=BadAnswer("reboot: rc 1")))
    assert (StepAction.HAND_OVER, HostState.UNKNOWN, "reboot: rc 1") == (late.action, late.host_state, late.reason)
    assert IntentState.FAILED is await state(site, "reboot")
