"""A word on an operation: that its work is done or has failed, or that it is not wanted any more."""

from collections.abc import Callable

from fleet.errors import Refused
from fleet.models.audit import AuditEntry
from fleet.models.base import Moment
from fleet.models.operation import Operation, OperationChange, OperationState, OperationWork, Said, Word


def refusal(op: Operation, said: Said) -> str:
    """Why a word can't be given now; empty when it can."""
    if op.over:
        return f"{op.id} is over: {op.state}, {op.reason}"
    if op.word is not None:
        return f"{op.id} has its word: {op.word.told}"
    return "" if said is Said.CANCEL else _no_report(op, said)


def _no_report(op: Operation, said: Said) -> str:
    """Why nobody can report now how an operation's work went."""
    if said is Said.GIVEN_BACK:
        return f"{op.id} is given back by maintrain and by nobody else: cancel it"
    if op.spec.work is not OperationWork.HOLD:
        return f"{op.id} does its work itself ({op.spec.work}): nobody else reports it"
    if op.state is not OperationState.WORKING:
        return f"{op.id} is {op.state}, and its work has not begun: {op.reason or 'not looked at yet'}"
    return ""


def speak(word: Word) -> Callable[[Operation], OperationChange]:
    """What a word makes of an operation; the change raises `Refused` with the reason. The same word again, by the same
    person for the same reason, changes nothing.
    """

    def change(before: Operation) -> OperationChange:
        known = before.word
        if known is not None and known.model_copy(update={"at": word.at}) == word:
            return OperationChange(before)
        why = refusal(before, word.said)
        if why:
            raise Refused(why)
        after = before.model_copy(update={"word": word, "changed_at": word.at})
        return OperationChange(after, entry(before, word.said, word.actor, word.reason, word.at))

    return change


def entry(op: Operation, verb: str, actor: str, reason: str, now: Moment) -> AuditEntry:
    """A deed on an operation, for the audit log."""
    return AuditEntry(at=now, actor=actor, action=verb, subject=subject(op.id), reason=reason)


def subject(op_id: str) -> str:
    """How the audit log names an operation."""
    return f"operation {op_id}"
