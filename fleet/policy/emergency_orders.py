"""A person's word on an emergency: what it changes, and when it is refused."""

from collections.abc import Callable
from enum import StrEnum

from fleet.errors import Refused
from fleet.models.audit import AuditEntry
from fleet.models.base import Moment
from fleet.models.emergency import Emergency, EmergencyChange, EmergencyHost, EmergencyState
from fleet.models.messages import Command

Change = Callable[[Emergency, tuple[EmergencyHost, ...]], EmergencyChange]


class EmergencyVerb(StrEnum):
    """What people order."""

    STOP = "stop"
    RESUME = "resume"
    END = "end"


_BECOMES = {
    EmergencyVerb.STOP: EmergencyState.STOPPED,
    EmergencyVerb.RESUME: EmergencyState.RUNNING,
    EmergencyVerb.END: EmergencyState.ENDED,
}


def emergency_refusal(emergency: Emergency, verb: EmergencyVerb) -> str:
    """Why an order can't be given now; empty when it can.

    One that is done can still be ended: then its versions are nobody's wish any more.
    """
    state = emergency.state
    if state is EmergencyState.ENDED:
        return f"{emergency.id} has ended: {emergency.reason}"
    if state is EmergencyState.DONE and verb is not EmergencyVerb.END:
        return f"{emergency.id} is done: {emergency.reason}"
    if verb is EmergencyVerb.STOP and state is EmergencyState.STOPPED:
        return f"{emergency.id} is stopped already: {emergency.reason}"
    if verb is EmergencyVerb.RESUME and state is not EmergencyState.STOPPED:
        return f"{emergency.id} is {state}, not stopped"
    return ""


def emergency_order(command: Command, verb: EmergencyVerb, now: Moment) -> Change:
    """What an order makes of an emergency; the change raises `Refused` with the reason."""

    def change(before: Emergency, _: tuple[EmergencyHost, ...]) -> EmergencyChange:
        why = emergency_refusal(before, verb)
        if why:
            raise Refused(why)
        state = _BECOMES[verb]
        if verb is EmergencyVerb.RESUME and now < before.begins_at:
            state = EmergencyState.ANNOUNCED
        said = f"{_SAID[verb]} by {command.actor}: {command.reason}"
        after = before.model_copy(update={"state": state, "reason": said, "changed_at": now})
        return EmergencyChange(
            emergency=after, audit=emergency_entry(before.id, verb, command.actor, command.reason, now)
        )

    return change


_SAID = {EmergencyVerb.STOP: "stopped", EmergencyVerb.RESUME: "resumed", EmergencyVerb.END: "ended"}


def emergency_entry(emergency_id: str, verb: str, actor: str, reason: str, now: Moment, detail: str = "") -> AuditEntry:
    """A deed on an emergency, for the audit log."""
    return AuditEntry(
        at=now,
        actor=actor,
        action=f"emergency {verb}",
        subject=emergency_subject(emergency_id),
        reason=reason,
        detail=detail,
    )


def emergency_subject(emergency_id: str) -> str:
    """How the audit log names an emergency."""
    return f"emergency {emergency_id}"
