"""What took a host to the new pin, and was never told to have ended: shut out where nothing was sent, else waited for.

A way back that began before would read the old version, do nothing, and the new one would come after it.
"""

from typing import NamedTuple

from temporalio import activity

from activities.deps import Deps
from fleet import ids
from fleet.models.intent import Intent, IntentState
from fleet.models.pin import PinSwitch
from fleet.policy.pin_steps import left_open, never_sent

_NEVER_SENT = "the switch went back before it was sent"


class Doubt(NamedTuple):
    """Why a host can't go back: not yet, or not at all; both empty for one that can."""

    waits: str = ""
    lost: str = ""


async def way_there(deps: Deps, switch: PinSwitch, host: str) -> Doubt:
    """Judge what was begun on a host by a switch that goes back."""
    operation, now = ids.operation(switch.id, host), await deps.clock()
    for intent in never_sent(await deps.store.intents(operation)):
        await _shut_out(deps, intent)
    intents = await deps.store.intents(operation)
    beginning = never_sent(intents)
    if beginning:
        return Doubt(waits=f"{beginning[0].step} of {host} is in the hands of another attempt")
    for intent, within in left_open(await deps.cluster(switch.spec.cluster), intents):
        what = f"{intent.step} of {host}, begun at {intent.opened_at:%H:%M:%S}Z"
        if now < intent.opened_at + within:
            return Doubt(waits=f"it can't be told yet how {what}, ends")
        return Doubt(lost=f"it can't be told how {what}, ended")
    return Doubt()


async def _shut_out(deps: Deps, intent: Intent) -> None:
    """Take an intent from an attempt that may be about to send: from then on it can't note that it does, so it does
    not. What it had noted before is there to read, and is then waited for.
    """
    info, now = activity.info(), await deps.clock()
    ours, key = f"{info.workflow_run_id}/{info.activity_id}/{info.attempt}", (intent.operation, intent.step)
    if not await deps.store.take_over_intent(*key, intent.token, ours, now):
        return
    found = await deps.store.intent(*key)
    if found is not None and found.state is IntentState.OPEN and not found.sent:
        await deps.store.finish_intent(*key, ours, IntentState.WITHDRAWN, _NEVER_SENT)
