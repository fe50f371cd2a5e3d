"""A person's word on a pin switch: what it changes, and when it is refused."""

from collections.abc import Callable
from enum import StrEnum

from fleet.errors import Refused
from fleet.models.audit import AuditEntry
from fleet.models.base import Moment
from fleet.models.messages import Command
from fleet.models.pin import PinChange, PinState, PinSwitch
from fleet.policy.said_once import with_key


class PinVerb(StrEnum):
    """What people order."""

    APPROVE = "approve"
    ABORT = "abort"


_TOO_EARLY = (PinState.CHECKING, PinState.PREPARING)
_TOO_LATE = (PinState.RELEASING, PinState.LATE)


def pin_refusal(switch: PinSwitch, verb: PinVerb) -> str:
    """Why an order can't be given now; empty when it can."""
    if switch.over:
        return f"{switch.id} is over: {switch.reason}"
    if verb is PinVerb.APPROVE and switch.approved_by:
        return f"{switch.id} was approved by {switch.approved_by}"
    if verb is PinVerb.APPROVE and switch.state in _TOO_EARLY:
        return f"{switch.id} is {switch.state}: it asks for an approval once every host is prepared"
    if verb is PinVerb.ABORT and switch.aborted:
        return f"{switch.id} was aborted before: {switch.aborted}"
    if verb is PinVerb.ABORT and switch.state in _TOO_LATE:
        return f"{switch.id} is past the point where it could go back: {switch.reason}"
    return ""


def pin_order(command: Command, verb: PinVerb, now: Moment) -> Callable[[PinSwitch], PinChange]:
    """What an order makes of a switch; the change raises `Refused` with the reason."""

    def change(before: PinSwitch) -> PinChange:
        why = pin_refusal(before, verb)
        if why:
            raise Refused(why)
        if verb is PinVerb.APPROVE:
            after = before.model_copy(update={"approved_by": command.actor, "changed_at": now})
        else:
            said = f"aborted by {command.actor}: {command.reason}"
            after = before.model_copy(update={"aborted": said, "changed_at": now})
        return PinChange(switch=after, audit=pin_entry(before, verb, command.actor, command.reason, now))

    return change


def pin_said_once(order: Callable[[PinSwitch], PinChange], key: str) -> Callable[[PinSwitch], PinChange]:
    """The order, which changes nothing when it is repeated under the same key: an approval may have lost its hold,
    and nobody has seen what it would approve now.
    """

    def change(before: PinSwitch) -> PinChange:
        orders = with_key(before.orders, key)
        if orders is None:
            return PinChange(switch=before)
        found = order(before)
        return found.model_copy(update={"switch": found.switch.model_copy(update={"orders": orders})})

    return change


def pin_entry(switch: PinSwitch, verb: str, actor: str, reason: str, now: Moment) -> AuditEntry:
    """A deed on a switch, for the audit log."""
    return AuditEntry(at=now, actor=actor, action=f"pin {verb}", subject=pin_subject(switch.id), reason=reason)


def pin_subject(switch_id: str) -> str:
    """How the audit log names a switch."""
    return f"pin switch {switch_id}"
