"""A person's word on a rollout. The row in the store comes first, for every step reads it just before it acts; then the
rollout is woken, or started again where one that had ended has work to do.
"""

from fleet import ids
from fleet.errors import MaintrainError, Refused
from fleet.models.messages import Command
from fleet.models.rollouts import Rollout, RolloutState
from fleet.policy.rollout_orders import Verb, order_change, refusal
from starter.engine import engine, signal, start_rollout
from starter.rollout_look import find_rollout
from starter.session import facts
from starter.show import say

_DONE = {
    Verb.APPROVE: "approved",
    Verb.PAUSE: "paused",
    Verb.RESUME: "resumed",
    Verb.OFFBOARD: "offboarded",
    Verb.ROLL_BACK: "offboarded, to be rolled back",
}


async def give(wanted: str, verb: Verb, asked: Command, dry_run: bool) -> None:
    """Put an order in force, then tell the workflow."""
    async with facts() as store:
        rollout = await find_rollout(store, wanted)
        why = refusal(rollout, verb, asked)
        if why:
            raise Refused(why)
        if dry_run:
            say(f"would be {_DONE[verb]}: {rollout.id} ({asked.reason}); nothing was changed")
            return
        after = await store.change_rollout(rollout.id, order_change(asked, verb, await store.clock()))
    say(f"{_DONE[verb]}: {after.id} ({asked.reason})")
    if after.state is RolloutState.OFFBOARDED:
        say(f"hosts that carry it: {after.roll_back} back to {after.spec.prior}; it boards nowhere any more")
    say(await _told(after))


async def _told(rollout: Rollout) -> str:
    """Never fails, for the row in the store is in force."""
    workflow_id = ids.rollout(rollout.spec.component, rollout.spec.version)
    try:
        async with engine() as client:
            if await signal(client, workflow_id, "wake"):
                return f"told: {workflow_id}"
            await start_rollout(client, rollout.spec)
    except MaintrainError:
        return "Temporal does not answer; the word is in force in the store, every step reads it"
    return f"started: {workflow_id}"
