"""What an operation does next, from its row, its requests and its hosts: one state after the other.

A hold's work begins once every host that it took is drained and everybody who holds one of the others has parked; it
ends with the outsider's word, or is given back before it began when a host could not be taken out after all, or one
of the others has returned to production meanwhile.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import Field

from fleet.hostlist import some
from fleet.models.base import Decision, Fact, Moment
from fleet.models.ledger import Request, RequestState
from fleet.models.operation import Operation, OperationState, OperationWork, Said, Word
from fleet.models.units import format_duration
from fleet.models.work import Outcome

MAINTRAIN = "maintrain"
_CAME_BACK = (Outcome.SERVICED, Outcome.UPGRADED, Outcome.PARTLY_UPGRADED, Outcome.CURRENT)
_NOT_TAKEN = (Outcome.GIVEN_BACK, Outcome.LEFT_OUT)


class OperationFacts(Fact):
    """Everything that decides what an operation does next."""

    op: Operation
    now: Moment
    needed: timedelta
    """From the grant to the return of the last host."""
    requests: tuple[Request, ...] = ()
    """Those that have not ended."""
    held: frozenset[str] = frozenset()
    """`cluster/host` of its leases."""
    ready: frozenset[str] = frozenset()
    """Of these, the hosts that are drained and in the hold."""
    ended: Mapping[str, tuple[Outcome, str]] = Field(default_factory=dict)
    """`cluster/host`: how its share ended, and why."""
    not_parked: Mapping[str, str] = Field(default_factory=dict)
    """`cluster/host` of a host that others hold: why it does not count as parked yet."""
    returned: frozenset[str] = frozenset()
    """Of these, the hosts that nobody holds any more and that a look since shows in production."""


class OperationStep(Decision):
    """The state to be in from now on, and why; the word that the operation gives itself."""

    state: OperationState
    word: Word | None = None
    until: Moment | None = None
    """Look again then at the latest."""


def progress(facts: OperationFacts) -> OperationStep:
    """The next step of an operation that is not over."""
    return _STATES[facts.op.state](facts)


def begins_by(op: Operation, needed: timedelta) -> datetime | None:
    """When it has to be granted to be over in time; None without a latest time."""
    return None if op.spec.latest is None else op.spec.latest - needed


def overdue(op: Operation, facts: OperationFacts) -> bool:
    """Whether an outsider's work without a host in our hands takes longer than expected; for those that hold hosts the
    dispatcher asks, by their leases.
    """
    begun = op.begun_at if op.state is OperationState.WORKING and not facts.held else None
    return begun is not None and facts.now - begun > op.spec.duration


def _submitted(facts: OperationFacts) -> OperationStep:
    spec = facts.op.spec
    if facts.op.word is not None:
        return _cancelled(facts)
    if spec.earliest is not None and facts.now < spec.earliest:
        when = spec.earliest.isoformat(" ", "minutes")
        return OperationStep(state=OperationState.SUBMITTED, until=spec.earliest, reason=f"begins at {when}")
    return OperationStep(state=OperationState.ASKING, reason="asks for its hosts")


def _asking(facts: OperationFacts) -> OperationStep:
    op, requests = facts.op, facts.requests
    if op.word is not None:
        return _cancelled(facts)
    by = begins_by(op, facts.needed)
    granted = bool(requests) and all(r.state is RequestState.GRANTED for r in requests)
    late = by is not None and any(r.granted_at is not None and r.granted_at > by for r in requests)
    if granted and not late:
        return OperationStep(state=OperationState.PREPARING, reason=_preparing_words(facts))
    if by is not None and (late or facts.now > by):
        takes, latest = format_duration(facts.needed), (op.spec.latest or by).isoformat(" ", "minutes")
        why = next((r.waits_because for r in requests if r.waits_because), "it was not granted")
        told = f"it takes {takes} and had to be over by {latest}; it waited to the end: {why}"
        return OperationStep(state=OperationState.EXPIRED, reason=told)
    waits = "; ".join(dict.fromkeys(r.waits_because for r in requests if r.waits_because))
    return OperationStep(
        state=OperationState.ASKING, until=by, reason=waits or op.reason or "the dispatcher has not settled yet"
    )


def _preparing(facts: OperationFacts) -> OperationStep:
    op = facts.op
    if op.word is not None:
        return _closing(facts)
    if op.spec.work is not OperationWork.HOLD:
        return _working(facts)
    lost = [(h, why) for h, (outcome, why) in facts.ended.items() if outcome in _NOT_TAKEN]
    if lost and op.spec.parks:
        host, why = min(lost)
        return _given_back(facts, f"{host} was not taken out: {why}")
    if facts.returned:
        # To ask for it with the others in hands would be to hold and to wait; a person may not be there for hours.
        return _given_back(facts, f"{min(facts.returned)} is in production again; it has to be asked for as well")
    waits = _waits(facts)
    if waits:
        return OperationStep(state=OperationState.PREPARING, reason=waits)
    return OperationStep(state=OperationState.WORKING, reason=_working_words(facts))


def _given_back(facts: OperationFacts, why: str) -> OperationStep:
    """Its hosts go back before anything was done to them, to be asked for anew."""
    reason = f"its work can't begin, since {why}"
    word = Word(said=Said.GIVEN_BACK, actor=MAINTRAIN, reason=reason, at=facts.now)
    return OperationStep(state=OperationState.CLOSING, word=word, reason=reason)


def _working(facts: OperationFacts) -> OperationStep:
    op = facts.op
    if op.spec.work is OperationWork.HOLD:
        if op.word is not None:
            return _closing(facts)
        return OperationStep(state=OperationState.WORKING, reason=_working_words(facts))
    if not facts.held:
        return _ended(facts)
    if op.word is not None:
        return _closing(facts)
    return OperationStep(state=OperationState.WORKING, reason=f"{op.spec.work} on {len(facts.held)} hosts under way")


def _closing(facts: OperationFacts) -> OperationStep:
    if not facts.held:
        return _ended(facts)
    word = facts.op.word
    said = f"{word.told}; " if word is not None else ""
    told = f"{said}{len(facts.held)} hosts are verified and return"
    return OperationStep(state=OperationState.CLOSING, reason=told)


def _ended(facts: OperationFacts) -> OperationStep:
    word = facts.op.word
    counts: dict[str, int] = {}
    for outcome, _ in facts.ended.values():
        counts[outcome.value.replace("_", " ")] = counts.get(outcome.value.replace("_", " "), 0) + 1
    told = ", ".join(f"{n} {what}" for what, n in sorted(counts.items()))
    hosts = f"hosts: {told}" if told else "no host was taken out"
    if word is None:
        return OperationStep(state=_ended_as(facts), reason=hosts)
    return OperationStep(state=_ENDS[word.said], reason=f"{word.told}; {hosts}")


def _ended_as(facts: OperationFacts) -> OperationState:
    """How what we do ourselves has ended: with any host that came back changed it is done."""
    outcomes = {outcome for outcome, _ in facts.ended.values()}
    if outcomes.intersection(_CAME_BACK):
        return OperationState.DONE
    untouched = Outcome.GIVEN_BACK in outcomes and outcomes.issubset(_NOT_TAKEN)
    return OperationState.GIVEN_BACK if untouched else OperationState.FAILED


def _cancelled(facts: OperationFacts) -> OperationStep:
    word = facts.op.word
    assert word is not None, "asked only of an operation with a word"
    told = f"cancelled by {word.actor} before anything began: {word.reason}"
    return OperationStep(state=OperationState.CANCELLED, reason=told)


def _waits(facts: OperationFacts) -> str:
    """What the work of a hold waits for, in words; empty when it may begin."""
    draining = sorted(facts.held - facts.ready)
    found = [f"{some(h.partition('/')[2] for h in draining)} not drained yet"] if draining else []
    found += [f"{host} has not parked: {why}" for host, why in sorted(facts.not_parked.items())[:3]]
    return "; ".join(found)


def _preparing_words(facts: OperationFacts) -> str:
    taken = sum(len(r.hosts) for r in facts.requests if r.part is not None and r.part.takes)
    return f"granted: {taken} hosts to drain" if taken else "granted"


def _working_words(facts: OperationFacts) -> str:
    hosts = f"{len(facts.held)} hosts are yours" if facts.held else "it may begin"
    if facts.ended and not facts.held:
        hosts = "the hosts that were taken out for it are in repair, and parked"
    return f"{hosts}; waits for the word that it is done"


_ENDS = {
    Said.DONE: OperationState.DONE,
    Said.FAILED: OperationState.FAILED,
    Said.CANCEL: OperationState.CANCELLED,
    Said.GIVEN_BACK: OperationState.GIVEN_BACK,
}
_STATES = {
    OperationState.SUBMITTED: _submitted,
    OperationState.ASKING: _asking,
    OperationState.PREPARING: _preparing,
    OperationState.WORKING: _working,
    OperationState.CLOSING: _closing,
}
