"""What the steps of the repair ladder share: they begin under nobody else's hold, and end where other steps wait."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from temporalio import activity

from activities.acting import Acting
from activities.barred import Barred
from activities.pausing import ASK_AGAIN, SILENCES
from fleet.errors import BadAnswer, DriverError, HostState
from fleet.models.intent import Intent
from fleet.models.work import StepAction, StepResult
from fleet.policy.draining import Drained, DrainState, still_ours
from fleet.policy.stopping import Deed

Seen = TypeVar("Seen")


async def held_by_us_alone(acting: Acting) -> StepResult | None:
    """None while the host is drained, and by us. A host that another holds is being worked on: it is let be; and so is
    one that the scheduler, for a while, can't place: no rung may touch it, and a person must look.

    Jobs that began while our drain was off are waited for by the engine's asking again: a person is heard meanwhile.
    """
    cluster = await acting.deps.cluster(acting.order.cluster)
    barred = Barred(acting, cluster.host_back_within)
    while True:
        seen = await _seen(acting)
        if seen.state is DrainState.UNDRAINED:
            await acting.keep_drained()
            seen = await _seen(acting)
        match seen.state:
            case DrainState.DRAINED:
                return None
            case DrainState.FOREIGN:
                return StepResult(action=StepAction.LEAVE, reason=f"nothing is done to it: {seen.reason}")
            case DrainState.DOWN:
                return StepResult(action=StepAction.HAND_OVER, reason=seen.reason, host_state=HostState.UNKNOWN)
        doubt = BadAnswer(f"{acting.order.host} is not drained: {seen.reason}")
        if seen.state is not DrainState.DOUBTFUL:
            raise doubt
        if await barred.for_good(doubt):
            return StepResult(action=StepAction.LEAVE, reason=f"nothing is done to it: {seen.reason}")


async def _seen(acting: Acting) -> Drained:
    """The host's drain as of now, doubtful ones too."""
    asked = time.monotonic()
    view = await acting.hands.scheduler.view(not_before=asked)
    seen = still_ours(acting.order.host, acting.owned, view, asked, rebooting=True)
    return await acting.look(rebooting=True) if seen.state is DrainState.MEASURED else seen


async def looked(read: Callable[[], Awaitable[Seen | None]]) -> tuple[Seen | None, str]:
    """What a host tells before a rung, asked a few times; None, and why, when it stays silent: no rung waits for it."""
    why = ""
    for look in range(SILENCES):
        if look:
            await asyncio.sleep(ASK_AGAIN)
        try:
            seen = await read()
        except DriverError as error:
            why = str(error)
            continue
        if seen is not None:
            return seen, ""
        why = "it is down"
    return None, why


def skip(reason: str) -> StepResult:
    """The hardware does nothing of it: the next rung follows."""
    return StepResult(action=StepAction.SKIP, reason=reason)


async def ask_boot(acting: Acting) -> tuple[bool, str | None, str]:
    """Whether host or BMC answered, the host's boot id if it is up, and else the last error."""

    async def ask() -> tuple[str | None]:
        return (await acting.hands.hardware.boot_id(acting.order.host),)

    seen, why = await looked(ask)
    return (False, None, why) if seen is None else (True, seen[0], "")


async def give_power(acting: Acting, intent: Intent) -> None:
    """Who died in the midst of a power cycle left the host off, and no boot can be waited for: give it power, unless
    another holds it by now, who may have switched it off and be at work on it.
    """
    order = acting.order
    try:
        ours = (await acting.look(rebooting=True)).state is DrainState.DRAINED
        fence = acting.fence(Deed.DISRUPT, intent, finishing=True)
        if ours and await acting.hands.hardware.give_power(order.host, fence):
            activity.logger.warning(f"{order.host} was off in the midst of its {order.step.kind}; its power is back")
    except DriverError as error:
        activity.logger.warning(f"{order.host} is down, and can't be given its power: {error}")
