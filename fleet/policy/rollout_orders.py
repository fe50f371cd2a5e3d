"""A person's word on a rollout: what it changes, and when it is refused."""

from collections.abc import Callable
from enum import StrEnum

from fleet.errors import Refused
from fleet.models.audit import AuditEntry
from fleet.models.base import Moment
from fleet.models.messages import Command
from fleet.models.rollout import RollBack
from fleet.models.rollouts import Rollout, RolloutChange, RolloutState
from fleet.policy.said_once import with_key


class Verb(StrEnum):
    """What people order."""

    APPROVE = "approve"
    PAUSE = "pause"
    RESUME = "resume"
    OFFBOARD = "offboard"
    ROLL_BACK = "roll_back"


_NOT = {
    Verb.APPROVE: (RolloutState.OFFBOARDED, RolloutState.COMPLETE),
    Verb.PAUSE: (RolloutState.PAUSED, RolloutState.OFFBOARDED, RolloutState.COMPLETE),
    Verb.RESUME: (RolloutState.RUNNING, RolloutState.OFFBOARDED, RolloutState.COMPLETE),
    Verb.OFFBOARD: (RolloutState.OFFBOARDED,),
    Verb.ROLL_BACK: (),
}


def refusal(rollout: Rollout, verb: Verb, command: Command) -> str:
    """Why an order can't be given now; empty when it can."""
    if not command.reason.strip():
        return "expected a reason"
    if rollout.state in _NOT[verb]:
        return f"{rollout.id} is {rollout.state} already: {rollout.reason}"
    if verb is Verb.APPROVE and rollout.approved > rollout.phase:
        # Two who answer one page: the second has not seen how the phase fares that the first let open.
        ahead = rollout.phase_name(rollout.approved)
        return f"{rollout.id} has its approval of phase {ahead}, which opens when its gate does"
    if verb is Verb.APPROVE and next_approval(rollout) is None:
        return f"{rollout.id} has no phase ahead that waits for an approval"
    if verb is Verb.ROLL_BACK and rollout.state is RolloutState.OFFBOARDED and rollout.roll_back is not RollBack.LEAVE:
        return f"{rollout.id} is being rolled back already: {rollout.reason}"
    return ""


def next_approval(rollout: Rollout) -> int | None:
    """The first phase ahead that needs an approval."""
    ahead = range(rollout.phase + 1, len(rollout.spec.phases))
    return next((i for i in ahead if rollout.spec.phases[i].approval), None)


def ordered(rollout: Rollout, verb: Verb, command: Command, now: Moment) -> Rollout:
    """The rollout after an order. Raises `Refused` with the reason."""
    why = refusal(rollout, verb, command)
    if why:
        raise Refused(why)
    said = f"{command.actor}: {command.reason}"
    match verb:
        case Verb.APPROVE:
            return rollout.model_copy(update={"approved": next_approval(rollout), "changed_at": now})
        case Verb.PAUSE:
            return _moved(rollout, RolloutState.PAUSED, said, now)
        case Verb.RESUME:
            return _moved(rollout, RolloutState.RUNNING, said, now).model_copy(update={"counted_since": now})
        case Verb.OFFBOARD:
            return off(rollout, said, now)
        case Verb.ROLL_BACK:
            wish = rollout.spec.on_offboard.roll_back
            return off(rollout, said, now, RollBack.WITH_TRAINS if wish is RollBack.LEAVE else wish)


def off(rollout: Rollout, reason: str, now: Moment, roll_back: RollBack | None = None) -> Rollout:
    """The rollout taken out of every train; `roll_back` overrules what its spec says."""
    gone = _moved(rollout, RolloutState.OFFBOARDED, reason, now)
    return gone.model_copy(update={"roll_back": roll_back or rollout.spec.on_offboard.roll_back})


def _moved(rollout: Rollout, state: RolloutState, reason: str, now: Moment) -> Rollout:
    return rollout.model_copy(update={"state": state, "reason": reason, "changed_at": now})


def order_change(command: Command, verb: Verb, now: Moment) -> Callable[[Rollout], RolloutChange]:
    """What an order makes of a rollout, audited."""

    def change(before: Rollout) -> RolloutChange:
        after = ordered(before, verb, command, now)
        entry = entry_of(before.id, verb.replace("_", " "), command.actor, command.reason, now)
        return RolloutChange(after, audit=entry)

    return change


def said_once(order: Callable[[Rollout], RolloutChange], key: str) -> Callable[[Rollout], RolloutChange]:
    """The order, which changes nothing when it is repeated under the same key: others may have been said since."""

    def change(before: Rollout) -> RolloutChange:
        orders = with_key(before.orders, key)
        if orders is None:
            return RolloutChange(before)
        found = order(before)
        return found._replace(rollout=found.rollout.model_copy(update={"orders": orders}))

    return change


def entry_of(rollout: str, verb: str, actor: str, reason: str, now: Moment) -> AuditEntry:
    """The audit entry of what is done to a rollout."""
    return AuditEntry(at=now, actor=actor, action=f"rollout {verb}", subject=subject_of(rollout), reason=reason)


def subject_of(rollout: str) -> str:
    """How a rollout is named in the audit log."""
    return f"rollout {rollout}"
