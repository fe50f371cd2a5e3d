"""What a pin switch does next, from its row, its hosts' rows and what holds it up: one state after the other, and back
to the old pin from wherever too many hosts fail, the window ends, a stop comes into force or a person says so.
"""

from fleet.hostlist import some
from fleet.models.pin import PinHostState, PinState
from fleet.models.pin_messages import PinAction, PinPhase
from fleet.models.units import format_duration
from fleet.policy import pin_before
from fleet.policy.pin_look import PinFacts, PinStep, count, moved_on, run, to_carry, too_many_failed, wait


def progress(facts: PinFacts) -> PinStep:
    """The next step of a pin switch."""
    switch = facts.switch
    if switch.over:
        return PinStep(action=PinAction.END, state=switch.state, reason=switch.reason)
    return _STATES[switch.state](facts)


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
    if count(facts, PinHostState.TO_MOVE):
        return run(facts, PinPhase.MOVE, f"hosts go to {_goes_to(facts)}", facts.switch.deadline)
    if count(facts, PinHostState.MOVED):
        return run(facts, PinPhase.VERIFY, "hosts are verified and read back", facts.switch.deadline)
    if not count(facts, PinHostState.CHECKED):
        return PinStep(action=PinAction.AGAIN, state=PinState.RESTORING, breaks_off=True, reason="no host could follow")
    ready = count(facts, PinHostState.CHECKED)
    return PinStep(
        action=PinAction.COMMIT, state=PinState.MOVING, reason=f"{ready} hosts carry {_goes_to(facts)}: no drift"
    )


def _restoring(facts: PinFacts) -> PinStep:
    if count(facts, PinHostState.TO_MOVE, PinHostState.MOVED, PinHostState.CHECKED):
        return run(facts, PinPhase.BACK, facts.switch.reason)
    if count(facts, PinHostState.BACK):
        return run(facts, PinPhase.VERIFY_BACK, facts.switch.reason)
    return PinStep(action=PinAction.AGAIN, state=PinState.RELEASING, reason=facts.switch.reason)


def _releasing(facts: PinFacts) -> PinStep:
    switch = facts.switch
    if switch.opened_at is None:
        return PinStep(action=PinAction.OPEN, state=PinState.RELEASING, reason=switch.reason)
    if count(facts, PinHostState.CHECKED, PinHostState.RESTORED):
        return run(facts, PinPhase.RELEASE, switch.reason)
    if count(facts, PinHostState.LATE):
        return PinStep(action=PinAction.AGAIN, state=PinState.LATE, reason=switch.reason)
    if switch.committed_at is None:
        return PinStep(action=PinAction.AGAIN, state=PinState.WENT_BACK, reason=switch.reason)
    return PinStep(action=PinAction.AGAIN, state=PinState.DONE, reason=_ended(facts))


def _late(facts: PinFacts) -> PinStep:
    late, committed = count(facts, PinHostState.LATE), facts.switch.committed_at is not None
    if not late:
        state = PinState.DONE if committed else PinState.WENT_BACK
        return PinStep(action=PinAction.AGAIN, state=state, reason=_ended(facts))
    in_force = ", ".join(f"{name} {version}" for name, version in to_carry(facts.switch, facts.pins).items())
    why = f"{late} hosts that no drain of ours holds stay closed to jobs until they carry {in_force}"
    return wait(facts, why, facts.now + facts.looks_every)


_STATES = {
    PinState.CHECKING: pin_before.checking,
    PinState.PREPARING: pin_before.preparing,
    PinState.ASKING: pin_before.asking,
    PinState.REQUESTING: pin_before.requesting,
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
    if facts.joined:
        why = f"{some(facts.joined)} got into production with the old pin meanwhile"
    if deadline is not None and facts.now >= deadline:
        why = f"its window of {format_duration(facts.switch.spec.window)} is over"
    return PinStep(action=PinAction.AGAIN, state=PinState.RESTORING, breaks_off=True, reason=why) if why else None


def _goes_to(facts: PinFacts) -> str:
    return ", ".join(f"{name} {version}" for name, version in facts.switch.spec.targets.items())


def _came_from(facts: PinFacts) -> str:
    return f"{facts.switch.spec.component} {facts.switch.prior}"


def _ended(facts: PinFacts) -> str:
    failed = count(facts, PinHostState.FAILED)
    behind = f"; {failed} hosts that could not follow are in repair" if failed else ""
    in_force = _goes_to(facts) if facts.switch.committed_at is not None else f"{_came_from(facts)} again"
    if moved_on(facts.switch, facts.pins):
        in_force = "the pins in force, which a later switch moved on"
    return f"every host in production carries {in_force}{behind}"
