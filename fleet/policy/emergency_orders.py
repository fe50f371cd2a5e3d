"""A person's word on an emergency: what it changes, and when it is refused."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from fleet import ids
from fleet.errors import Refused
from fleet.models.audit import AuditEntry
from fleet.models.base import Moment
from fleet.models.emergency import Emergency, EmergencyChange, EmergencyHost, EmergencyState
from fleet.models.large import AfterAbort, LargePhase, LargePlan, occasion
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


class Gate(NamedTuple):
    """The gate that a go was said of: of a round, and of one time that the round was at it."""

    round: int = 0
    again: int = 0
    """How often the round had come back to it."""


NO_GATE = Gate()


def gate_of(emergency: Emergency) -> Gate:
    """The gate that it is at, or comes to next."""
    progress = emergency.progress
    return Gate(progress.round, progress.again) if progress is not None else NO_GATE


def wrong_round(emergency: Emergency, said: Gate) -> str:
    """Why a go that was said of this gate does not count for the one that it is at; empty when it does. One that names
    no round does not: it may have been meant for the gate before. Nor does one of an earlier time at the same gate:
    hosts have failed since, and who said it has not seen that.
    """
    at = gate_of(emergency)
    if said == at:
        return ""
    named = f"round {occasion(*said)}" if said.round else "no round"
    return f"{emergency.id} is at the gate of round {occasion(*at)}, and the go names {named}"


def aborted_as(plan: LargePlan | None) -> EmergencyState:
    """The state that an abort leads to, a person's or one for want of time."""
    back = plan is not None and plan.after_abort is AfterAbort.BACK
    return EmergencyState.ENDED if back else EmergencyState.ABORTED


def emergency_order(
    command: Command, verb: EmergencyVerb, now: Moment, gate: Gate = NO_GATE, said_at: Moment | None = None
) -> Change:
    """What an order makes of an emergency; the change raises `Refused` with the reason. `gate`: of a go, the one that
    the person saw. `said_at`: when it was said, if that may be long ago: what has the later time stands.
    """

    def change(before: Emergency, _: tuple[EmergencyHost, ...]) -> EmergencyChange:
        why = emergency_refusal(before, verb)
        if not why and verb is EmergencyVerb.APPROVE:
            why = wrong_round(before, gate)
        if not why and verb is EmergencyVerb.RESUME and said_at is not None and before.changed_at > said_at:
            why = f"{before.id} was stopped after this resume was said: {before.reason}"
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
        at = now if said_at is None else min(now, said_at)
        values = {"state": state, "reason": said, "changed_at": at, "progress": progress}
        after = before.model_copy(update=values)
        detail = f"round {occasion(*gate)}" if verb is EmergencyVerb.APPROVE else ""
        entry = emergency_entry(before.id, verb, command.actor, command.reason, now, detail)
        return EmergencyChange(emergency=after, audit=entry)

    return change


def said_once(order: Change, key: str, refused: list[Refused]) -> Change:
    """The order, which changes nothing when it is repeated under the same key: others may have been said since. Also
    a refusal stands; it is added to `refused`, and not raised, for its key is kept.
    """

    def change(before: Emergency, hosts: tuple[EmergencyHost, ...]) -> EmergencyChange:
        if key in before.orders:
            return EmergencyChange(emergency=before)
        try:
            found = order(before, hosts)
        except Refused as error:
            refused.append(error)
            found = EmergencyChange(emergency=before)
        after = found.emergency.model_copy(update={"orders": (*before.orders, key)[-_ORDERS_KEPT:]})
        return found.model_copy(update={"emergency": after})

    return change


_ORDERS_KEPT = 50
"""Far more than are said while one is repeated."""

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
