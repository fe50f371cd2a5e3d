"""What a host that has booted anew carries, read back: the boot alone proves no upgrade."""

import time
from collections.abc import Awaitable, Callable

from activities.acting import Acting
from activities.pausing import Pauses, Silences, as_silence
from fleet.errors import DriverError, HostState
from fleet.models.fleetfile import Cluster
from fleet.models.intent import Intent, IntentState
from fleet.models.work import StepAction, StepResult
from fleet.policy.step_ends import after_reboot

Overdue = Callable[[], Awaitable[bool]]
"""Whether the time that the host had to be back is over."""


async def came_back(acting: Acting, cluster: Cluster, overdue: Overdue) -> StepResult:
    """Booted anew: what the upgrades became. A host that does not tell its versions in time is not back; one that
    tells the old ones is asked again for a while, since many a BMC takes stock minutes after the boot.
    """
    back, silences, pauses = time.monotonic(), Silences(), Pauses(at_most=5.0)
    while True:
        try:
            versions = await acting.hands.hardware.versions(acting.order.host)
        except DriverError as error:
            if await silences.last_word(error, overdue=await overdue()):
                reason = f"booted anew, and its versions can't be read: {error}"
                acting.finish(IntentState.FAILED, reason)
                return StepResult(action=StepAction.HAND_OVER, reason=reason, host_state=HostState.UNKNOWN)
            continue
        result = after_reboot(versions, acting.order.applied)
        settled = time.monotonic() - back > cluster.versions_settle_within.total_seconds()
        if result.action is StepAction.GO_ON or settled:
            acting.finish(IntentState.DONE, result.reason)
            return result
        await acting.keep_drained()
        await pauses.wait()


async def say_again(acting: Acting, intent: Intent, overdue: Overdue) -> StepResult:
    """The reboot was over when an earlier attempt died: say again what came of it."""
    if intent.state is IntentState.FAILED:
        return StepResult(action=StepAction.HAND_OVER, reason=intent.result, host_state=HostState.UNKNOWN)
    try:
        versions = await acting.hands.hardware.versions(acting.order.host)
    except DriverError as error:
        if not await overdue():
            raise as_silence(error) from error
        # The gate reads them back all the same, and has the last word.
        return StepResult(action=StepAction.GO_ON, reason=f"booted anew; its versions can't be read now: {error}")
    return after_reboot(versions, acting.order.applied)
