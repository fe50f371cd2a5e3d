"""What a pin switch does next, from its row, its hosts' rows and what holds it up: one state after the other, and back
to the old pin from wherever too many hosts fail, the window ends, a stop comes into force or a person says so.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import Field

from fleet.models.base import Decision, Fact, Moment
from fleet.models.pin import PinHostState, PinState, PinSwitch
from fleet.models.pin_messages import GOES_ON, PinAction, PinPhase
from fleet.models.units import buffer_hosts, format_duration
from fleet.policy.pin_check import PinCheck

LOOKS_AGAIN = timedelta(minutes=5)
"""Pause at most of a switch that waits for what somebody else does."""


class PinFacts(Fact):
    """Everything that decides what a pin switch does next."""

    switch: PinSwitch
    now: Moment
    check: PinCheck | None = None
    """Of the hosts in production, while it matters."""
    counts: Mapping[PinHostState, int] = Field(default_factory=dict)
    stop: str = ""
    """A stop or freeze in force for any part of the cluster, in words."""
    looks_every: timedelta = LOOKS_AGAIN
    """Pause of a switch that waits."""
    notice: timedelta = timedelta(0)
    """Time before its beginning at which jobs are told."""
    granted: bool = False
    waits_because: str = ""
    """Why the lease is not there yet."""


class PinStep(Decision):
    """What is next: `state` is the one to be in from now on."""

    action: PinAction
    state: PinState
    phase: PinPhase | None = None
    until: Moment | None = None
    """Look again then at the latest."""
    breaks_off: bool = False
    """What is under way is to end at once."""
    co_rollout: bool = False
    """Open the rollouts that the check names."""


def progress(facts: PinFacts) -> PinStep:
    """The next step of a pin switch."""
    switch = facts.switch
    if switch.over:
        return PinStep(action=PinAction.END, state=switch.state, reason=switch.reason)
    return _STATES[switch.state](facts)


def too_many_failed(facts: PinFacts) -> str:
    """Why so many hosts that can't follow end the switch; empty while they may be left behind."""
    total = sum(facts.counts.values()) - facts.counts.get(PinHostState.LATE, 0)
    failed = facts.counts.get(PinHostState.FAILED, 0) + facts.counts.get(PinHostState.NOT_PREPARED, 0)
    allowed = buffer_hosts(facts.switch.spec.max_failed, total)
    return f"{failed} of {total} hosts can't follow, {allowed} may be left behind" if failed > allowed else ""


def announced(facts: PinFacts) -> bool:
    """Whether jobs are to be told by now that the switch comes: so long before it as the pools' notice says."""
    switch, at = facts.switch, facts.switch.spec.at
    if switch.state is PinState.REQUESTING:
        return True
    return (
        switch.state is PinState.ASKING
        and bool(switch.approved_by)
        and at is not None
        and facts.now >= at - facts.notice
    )


def _count(facts: PinFacts, *states: PinHostState) -> int:
    return sum(facts.counts.get(state, 0) for state in states)


def _checking(facts: PinFacts) -> PinStep:
    if facts.switch.aborted:
        return _called_off(facts.switch.aborted)
    check = facts.check
    assert check is not None, "the hosts in production are judged while it checks"
    if check.ok:
        return PinStep(action=PinAction.AGAIN, state=PinState.PREPARING, reason=check.reason)
    opens = bool(check.co_rollouts) and not facts.switch.co_rollouts
    return _wait(facts, check.reason, facts.now + facts.looks_every, co_rollout=opens)


def _preparing(facts: PinFacts) -> PinStep:
    if facts.switch.aborted:
        return _called_off(facts.switch.aborted)
    if _count(facts, PinHostState.TO_PREPARE):
        return _run(facts, PinPhase.PREPARE, "what the switch needs is fetched on every host; jobs see nothing of it")
    many = too_many_failed(facts)
    if many:
        return _called_off(f"it could not be prepared: {many}")
    ready = _count(facts, PinHostState.PREPARED)
    return PinStep(action=PinAction.AGAIN, state=PinState.ASKING, reason=f"{ready} hosts are prepared")


def _asking(facts: PinFacts) -> PinStep:
    switch, at = facts.switch, facts.switch.spec.at
    if switch.aborted:
        return _called_off(switch.aborted)
    if not switch.approved_by:
        return _wait(facts, f"waits for an approval: maintrain pin approve {switch.id}", facts.now + facts.looks_every)
    if at is not None and facts.now < at:
        early = facts.now < at - facts.notice
        why = f"approved by {switch.approved_by}; begins at {at:%Y-%m-%d %H:%M:%S}Z"
        return _wait(facts, why, at - facts.notice if early else at)
    check = facts.check
    assert check is not None, "the hosts in production are judged before the cluster is asked for"
    if not check.ok:
        return PinStep(action=PinAction.AGAIN, state=PinState.CHECKING, reason=check.reason)
    return PinStep(action=PinAction.AGAIN, state=PinState.REQUESTING, reason="the cluster is asked for")


def _requesting(facts: PinFacts) -> PinStep:
    if facts.switch.aborted:
        return _called_off(facts.switch.aborted)
    if facts.granted:
        return PinStep(action=PinAction.AGAIN, state=PinState.CLOSING, reason="the cluster's hosts are granted")
    why = facts.waits_because or "the dispatcher has not settled yet"
    return _wait(facts, f"waits for the cluster: {why}", facts.now + facts.looks_every)


def _closing(facts: PinFacts) -> PinStep:
    switch = facts.switch
    if switch.closed_at is None:
        back = _ended_from_outside(facts)
        return back or PinStep(action=PinAction.CLOSE, state=PinState.CLOSING, reason="no job starts from now on")
    back = _back(facts)
    if back is not None:
        return back
    left = switch.closed_at + switch.spec.clears_within
    return PinStep(
        action=PinAction.CLEAR,
        state=PinState.CLOSING,
        until=left,
        reason=f"running jobs have until {left:%H:%M:%S}Z to end",
    )


def _moving(facts: PinFacts) -> PinStep:
    back = _back(facts)
    if back is not None:
        return back
    if _count(facts, PinHostState.TO_MOVE):
        return _run(facts, PinPhase.MOVE, f"hosts go to {_goes_to(facts)}", facts.switch.deadline)
    if _count(facts, PinHostState.MOVED):
        return _run(facts, PinPhase.VERIFY, "hosts are verified and read back", facts.switch.deadline)
    if not _count(facts, PinHostState.CHECKED):
        return PinStep(action=PinAction.AGAIN, state=PinState.RESTORING, breaks_off=True, reason="no host could follow")
    ready = _count(facts, PinHostState.CHECKED)
    return PinStep(
        action=PinAction.COMMIT, state=PinState.MOVING, reason=f"{ready} hosts carry {_goes_to(facts)}: no drift"
    )


def _restoring(facts: PinFacts) -> PinStep:
    if _count(facts, PinHostState.TO_MOVE, PinHostState.MOVED, PinHostState.CHECKED):
        return _run(facts, PinPhase.BACK, facts.switch.reason)
    if _count(facts, PinHostState.BACK):
        return _run(facts, PinPhase.VERIFY_BACK, facts.switch.reason)
    return PinStep(action=PinAction.AGAIN, state=PinState.RELEASING, reason=facts.switch.reason)


def _releasing(facts: PinFacts) -> PinStep:
    switch = facts.switch
    if switch.opened_at is None:
        return PinStep(action=PinAction.OPEN, state=PinState.RELEASING, reason=switch.reason)
    if _count(facts, PinHostState.CHECKED, PinHostState.RESTORED):
        return _run(facts, PinPhase.RELEASE, switch.reason)
    if switch.committed_at is None:
        return PinStep(action=PinAction.AGAIN, state=PinState.WENT_BACK, reason=switch.reason)
    if _count(facts, PinHostState.LATE):
        return PinStep(action=PinAction.AGAIN, state=PinState.LATE, reason=switch.reason)
    return PinStep(action=PinAction.AGAIN, state=PinState.DONE, reason=_ended(facts))


def _late(facts: PinFacts) -> PinStep:
    late = _count(facts, PinHostState.LATE)
    if not late:
        return PinStep(action=PinAction.AGAIN, state=PinState.DONE, reason=_ended(facts))
    why = f"{late} hosts that others have in their hands stay closed to jobs until they carry {_goes_to(facts)}"
    return _wait(facts, why, facts.now + facts.looks_every)


_STATES = {
    PinState.CHECKING: _checking,
    PinState.PREPARING: _preparing,
    PinState.ASKING: _asking,
    PinState.REQUESTING: _requesting,
    PinState.CLOSING: _closing,
    PinState.MOVING: _moving,
    PinState.RESTORING: _restoring,
    PinState.RELEASING: _releasing,
    PinState.LATE: _late,
}


def _ended_from_outside(facts: PinFacts) -> PinStep | None:
    """Back, since a person or a stop says so."""
    why = facts.switch.aborted or (f"a stop came into force: {facts.stop}" if facts.stop else "")
    return PinStep(action=PinAction.AGAIN, state=PinState.RESTORING, breaks_off=True, reason=why) if why else None


def _back(facts: PinFacts) -> PinStep | None:
    """Back to the old pin, and why; None to go on."""
    back = _ended_from_outside(facts)
    if back is not None:
        return back
    deadline, why = facts.switch.deadline, too_many_failed(facts)
    if deadline is not None and facts.now >= deadline:
        why = f"its window of {format_duration(facts.switch.spec.window)} is over"
    return PinStep(action=PinAction.AGAIN, state=PinState.RESTORING, breaks_off=True, reason=why) if why else None


def _called_off(why: str) -> PinStep:
    return PinStep(action=PinAction.AGAIN, state=PinState.CALLED_OFF, breaks_off=True, reason=why)


def _wait(facts: PinFacts, reason: str, until: datetime, *, co_rollout: bool = False) -> PinStep:
    until = min(until, facts.now + facts.looks_every)
    return PinStep(action=PinAction.WAIT, state=facts.switch.state, until=until, reason=reason, co_rollout=co_rollout)


def _run(facts: PinFacts, phase: PinPhase, reason: str, until: Moment | None = None) -> PinStep:
    """A phase. One on the way there is looked at again and again, for a stop or an abort of which nobody told."""
    if phase not in GOES_ON:
        soon = facts.now + facts.looks_every
        until = soon if until is None else min(until, soon)
    return PinStep(action=PinAction.RUN, state=facts.switch.state, phase=phase, until=until, reason=reason)


def _goes_to(facts: PinFacts) -> str:
    return ", ".join(f"{name} {version}" for name, version in facts.switch.spec.targets.items())


def _ended(facts: PinFacts) -> str:
    failed = _count(facts, PinHostState.FAILED)
    behind = f"; {failed} hosts that could not follow are in repair" if failed else ""
    return f"every host in production carries {_goes_to(facts)}{behind}"
