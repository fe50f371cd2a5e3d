"""A person's word on an emergency: what it changes, and when it is refused."""

from collections.abc import Callable
from enum import StrEnum

from fleet import ids
from fleet.errors import Refused
from fleet.models.audit import AuditEntry
from fleet.models.base import Moment
from fleet.models.emergency import Emergency, EmergencyChange, EmergencyHost, EmergencyState
from fleet.models.large import AfterAbort, LargePhase, LargePlan
from fleet.models.messages import Command

Change = Callable[[Emergency, tuple[EmergencyHost, ...]], EmergencyChange]


class EmergencyVerb(StrEnum):
    """What people order."""

    STOP = "stop"
    RESUME = "resume"
    END = "end"
    APPROVE = "approve"
    """Go, at a gate of a large-scale maintenance."""
    ABORT = "abort"
    """Of a large-scale maintenance: all of its capacity comes back."""


_BECOMES = {
    EmergencyVerb.STOP: EmergencyState.STOPPED,
    EmergencyVerb.RESUME: EmergencyState.RUNNING,
    EmergencyVerb.END: EmergencyState.ENDED,
    EmergencyVerb.APPROVE: EmergencyState.RUNNING,
    EmergencyVerb.ABORT: EmergencyState.ABORTED,
}
_OVER = (EmergencyState.DONE, EmergencyState.ABORTED)


def emergency_refusal(emergency: Emergency, verb: EmergencyVerb) -> str:
    """Why an order can't be given now; empty when it can.

    One that is done can still be ended: then its versions are nobody's wish any more.
    """
    state = emergency.state
    if state is EmergencyState.ENDED:
        return f"{emergency.id} has ended: {emergency.reason}"
    if state in _OVER and verb is not EmergencyVerb.END:
        return f"{emergency.id} is {state}: {emergency.reason}"
    if verb in (EmergencyVerb.APPROVE, EmergencyVerb.ABORT):
        return _large_refusal(emergency, verb)
    if verb is EmergencyVerb.STOP and state is EmergencyState.STOPPED:
        return f"{emergency.id} is stopped already: {emergency.reason}"
    if verb is EmergencyVerb.RESUME and state is not EmergencyState.STOPPED:
        return f"{emergency.id} is {state}, not stopped"
    return ""


def _large_refusal(emergency: Emergency, verb: EmergencyVerb) -> str:
    if emergency.spec.plan is None:
        return f"{emergency.id} has no steps, and no gates between them"
    at = emergency.progress.phase if emergency.progress is not None else None
    if verb is EmergencyVerb.APPROVE and (emergency.state is not EmergencyState.RUNNING or at is not LargePhase.GATE):
        return f"{emergency.id} is at no gate: {emergency.reason}"
    return ""


def wrong_round(emergency: Emergency, number: int) -> str:
    """Why a go that was said of the round of this number does not count for the gate that it is at; empty when it
    does. One that names no round does not: it may have been meant for the gate before.
    """
    at = emergency.progress.round if emergency.progress is not None else 0
    said = f"round {number}" if number else "no round"
    return "" if number == at else f"{emergency.id} is at the gate of round {at}, and the go names {said}"


def aborted_as(plan: LargePlan | None) -> EmergencyState:
    """The state that an abort leads to, a person's or one for want of time."""
    back = plan is not None and plan.after_abort is AfterAbort.BACK
    return EmergencyState.ENDED if back else EmergencyState.ABORTED


def emergency_order(command: Command, verb: EmergencyVerb, now: Moment, number: int = 0) -> Change:
    """What an order makes of an emergency; the change raises `Refused` with the reason. `number`: of a go, the round
    that the person saw at its gate.
    """

    def change(before: Emergency, _: tuple[EmergencyHost, ...]) -> EmergencyChange:
        why = emergency_refusal(before, verb)
        if not why and verb is EmergencyVerb.APPROVE:
            why = wrong_round(before, number)
        if why:
            raise Refused(why)
        state = _BECOMES[verb]
        if verb is EmergencyVerb.RESUME and now < before.begins_at:
            state = EmergencyState.ANNOUNCED
        progress = before.progress
        if verb is EmergencyVerb.ABORT:
            state = aborted_as(before.spec.plan)
        if verb is EmergencyVerb.APPROVE and progress is not None:
            progress = progress.model_copy(update={"approved_by": command.actor})
        said = f"{_SAID[verb]} by {command.actor}: {command.reason}"
        values = {"state": state, "reason": said, "changed_at": now, "progress": progress}
        after = before.model_copy(update=values)
        return EmergencyChange(
            emergency=after, audit=emergency_entry(before.id, verb, command.actor, command.reason, now)
        )

    return change


_SAID = {
    EmergencyVerb.STOP: "stopped",
    EmergencyVerb.RESUME: "resumed",
    EmergencyVerb.END: "ended",
    EmergencyVerb.APPROVE: "approved",
    EmergencyVerb.ABORT: "aborted",
}


def emergency_entry(emergency_id: str, verb: str, actor: str, reason: str, now: Moment, detail: str = "") -> AuditEntry:
    """A deed on an emergency, for the audit log."""
    return AuditEntry(
        at=now,
        actor=actor,
        action=f"{'large' if emergency_id.startswith(ids.LARGE) else 'emergency'} {verb}",
        subject=emergency_subject(emergency_id),
        reason=reason,
        detail=detail,
    )


def emergency_subject(emergency_id: str) -> str:
    """How the audit log names an emergency."""
    return f"emergency {emergency_id}" if not emergency_id.startswith(ids.LARGE) else f"large {emergency_id}"
