"""What the end of an emergency's stop makes of its hosts: done, left out, in repair, or waiting for another stop."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from fleet.models.emergency import BUSY, EmergencyHost, EmergencyHostState
from fleet.models.work import EndCause, HostOutcome, HostWork, Outcome

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
    lacking: Owed = _NOTHING,
) -> tuple[EmergencyHost, ...]:
    """The rows of a stop's hosts after it. A host without an outcome was not had, and waits for the next stop; one that
    has ended in it before stays as it is. `lacking`: where hosts are that came back without all of it.

    One that jobs have kept `max_returns` times is left out: the emergency would not end otherwise.
    """
    ended = {o.host: o for o in outcomes}
    return tuple(_after(host, ended.get(host.host), max_returns, lacking) for host in hosts if host.state in BUSY)


def ended_early(
    hosts: Iterable[EmergencyHost],
    outcomes: Iterable[HostOutcome],
    max_returns: int,
    lacking: Owed = _NOTHING,
) -> tuple[EmergencyHost, ...]:
    """The rows of a stop's hosts that have ended while the stop goes on: it may wait for the others as long as a gate
    holds them.
    """
    ended = {o.host for o in outcomes}
    return after_stop((h for h in hosts if h.host in ended and h.state in BEGUN), outcomes, max_returns, lacking)


def came_back(outcome: HostOutcome) -> bool:
    """Whether a host is in production again by what its stop did for it, or found there."""
    return outcome.outcome is Outcome.CURRENT or (outcome.outcome is Outcome.UPGRADED and bool(outcome.applied))


def owed(targets: Mapping[str, str], outcomes: Iterable[HostOutcome], works: Mapping[str, HostWork]) -> Owed:
    """Hosts that came back without all of `targets` (component: version), by the works (operation: work) that they had.
    What did not board with the rest is another stop's, or that says that it can't be: what was upgraded in this one
    makes the next shorter, so that there is an end of them. What boarded and was offboarded since is no stop's.
    """
    found: dict[str, tuple[EmergencyHostState, str]] = {}
    for row in outcomes:
        work = works.get(row.operation)
        if work is None or not came_back(row):
            continue
        later = [f"{name}: {why}" for name, why in work.deferred.items() if name in targets]
        boarded, applied = (s.upgrade for s in work.steps if s.upgrade is not None), {u.component for u in row.applied}
        missed = [f"{u.component} {u.version}" for u in boarded if u.component not in applied]
        if missed:
            why = f"{row.outcome}: {row.reason}; not applied: {', '.join(missed)}"
            found[row.host] = (EmergencyHostState.LEFT_OUT, why)
        elif later:
            found[row.host] = (EmergencyHostState.PENDING, f"got a part of it; {'; '.join(later)}")
    return found


def pending_again(hosts: Sequence[EmergencyHost], had: Iterable[str]) -> tuple[EmergencyHost, ...]:
    """The rows of a stop's hosts once it has begun on those it was granted. Repeating it changes none of those that it
    had begun on by then, also where whoever does stood still, and read leases that have ended since.
    """
    begun = set(had)
    return tuple(
        h.model_copy(update={"state": EmergencyHostState.UNDER_WAY, "reason": ""})
        if h.host in begun
        else h.model_copy(update={"state": EmergencyHostState.PENDING, "stop": "", "reason": "could not be had yet"})
        for h in hosts
        if h.state is EmergencyHostState.ASKED
    )


def _after(host: EmergencyHost, outcome: HostOutcome | None, max_returns: int, lacking: Owed) -> EmergencyHost:
    if outcome is None:
        return _row(host, EmergencyHostState.PENDING, host.reason)
    if host.host in lacking:
        return _row(host, *lacking[host.host])
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
