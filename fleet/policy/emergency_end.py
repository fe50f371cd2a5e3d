"""What the end of an emergency's stop makes of its hosts: done, left out, in repair, or waiting for another stop."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from fleet.models.emergency import BUSY, EmergencyHost, EmergencyHostState
from fleet.models.work import EndCause, HostOutcome, Outcome

_DONE = (Outcome.UPGRADED, Outcome.CURRENT, Outcome.REPAIRED, Outcome.SERVICED)
_FURTHER = (EmergencyHostState.HELD, EmergencyHostState.RETURNING)
BEGUN = (EmergencyHostState.UNDER_WAY, *_FURTHER)
"""A host in these has been begun on in its stop, and has not ended by its row."""
Owed = Mapping[str, tuple[EmergencyHostState, str]]
"""Host that came back without all that was to be brought: where it is then, and why."""
_NOTHING: Owed = MappingProxyType({})
_AGAIN = (EndCause.STOP, EndCause.YIELD, EndCause.HANDS)


def after_stop(
    hosts: Iterable[EmergencyHost],
    outcomes: Iterable[HostOutcome],
    max_returns: int,
    owed: Owed = _NOTHING,
) -> tuple[EmergencyHost, ...]:
    """The rows of a stop's hosts after it. A host without an outcome was not had, and waits for the next stop; one that
    has ended in it before stays as it is. `owed`: where hosts are that came back without all of it.

    One that jobs have kept `max_returns` times is left out: the emergency would not end otherwise.
    """
    ended = {o.host: o for o in outcomes}
    return tuple(_after(host, ended.get(host.host), max_returns, owed) for host in hosts if host.state in BUSY)


def ended_early(
    hosts: Iterable[EmergencyHost],
    outcomes: Iterable[HostOutcome],
    max_returns: int,
    owed: Owed = _NOTHING,
) -> tuple[EmergencyHost, ...]:
    """The rows of a stop's hosts that have ended while the stop goes on: it may wait for the others as long as a gate
    holds them.
    """
    ended = {o.host for o in outcomes}
    return after_stop((h for h in hosts if h.host in ended and h.state in BEGUN), outcomes, max_returns, owed)


def pending_again(hosts: Sequence[EmergencyHost], had: Iterable[str]) -> tuple[EmergencyHost, ...]:
    """The rows of a stop's hosts once it has begun on those it was granted. Repeating it changes none of those that it
    had begun on by then, and whose lease has ended since.
    """
    begun = set(had)
    return tuple(
        h.model_copy(update={"state": EmergencyHostState.UNDER_WAY, "reason": ""})
        if h.host in begun
        else h.model_copy(update={"state": EmergencyHostState.PENDING, "stop": "", "reason": "could not be had yet"})
        for h in hosts
        if (h.host in begun and h.state not in _FURTHER) or h.state is EmergencyHostState.ASKED
    )


def _after(host: EmergencyHost, outcome: HostOutcome | None, max_returns: int, owed: Owed) -> EmergencyHost:
    if outcome is None:
        return _row(host, EmergencyHostState.PENDING, host.reason)
    if host.host in owed:
        return _row(host, *owed[host.host])
    reason = f"{outcome.outcome.replace('_', ' ')}: {outcome.reason}"
    if outcome.outcome is Outcome.GIVEN_BACK and outcome.cause in (None, EndCause.JOBS):
        kept = host.model_copy(update={"give_backs": host.give_backs + 1})
        if kept.give_backs >= max(1, max_returns):
            return _row(kept, EmergencyHostState.LEFT_OUT, f"jobs kept it {kept.give_backs} times; {reason}")
        return _row(kept, EmergencyHostState.PENDING, reason)
    return _row(host, _ends_as(outcome), reason)


def _ends_as(outcome: HostOutcome) -> EmergencyHostState:
    if outcome.outcome in _DONE:
        return EmergencyHostState.DONE
    if outcome.outcome is Outcome.HANDED_OVER:
        return EmergencyHostState.HANDED_OVER
    if outcome.outcome is Outcome.PARTLY_UPGRADED or outcome.cause in _AGAIN:
        return EmergencyHostState.PENDING
    return EmergencyHostState.LEFT_OUT


def _row(host: EmergencyHost, state: EmergencyHostState, reason: str) -> EmergencyHost:
    stop = "" if state is EmergencyHostState.PENDING else host.stop
    return host.model_copy(update={"state": state, "reason": reason, "stop": stop})
