"""What the steps of the repair ladder share: they begin under nobody else's hold, and end where other steps wait."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from activities.acting import Acting
from activities.pausing import ASK_AGAIN, SILENCES
from fleet.errors import DriverError
from fleet.models.work import StepAction, StepResult
from fleet.policy.draining import DrainState

Seen = TypeVar("Seen")


async def held_by_us_alone(acting: Acting) -> StepResult | None:
    """None while the host is drained, and by us. A host that another holds is being worked on: it is let be."""
    seen = await acting.look(rebooting=True)
    if seen.state is DrainState.FOREIGN:
        return StepResult(action=StepAction.LEAVE, reason=f"nothing is done to it: {seen.reason}")
    return await acting.hold_drained(rebooting=True)


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
