"""The gate of a rollout's phase: when the next one opens, who must approve, when the rollout is complete.

A phase opens once the one before has its successes, no more failures than may be, and has soaked. What isn't known
counts for nothing: inconclusive trials are neither successes nor failures.
"""

from fleet.models.phases import GateAction, PhaseCount, PhaseFacts, PhaseGate
from fleet.models.rollout import Phase
from fleet.models.rollouts import RolloutState


def gate(facts: PhaseFacts) -> PhaseGate:
    """What a rollout does now. Never opens a phase whose predecessor has not passed its gate."""
    rollout = facts.rollout
    at = max(rollout.phase, 0)
    if rollout.state is RolloutState.OFFBOARDED:
        return _offboarded(facts, at)
    if facts.blamed:
        return PhaseGate(action=GateAction.OFFBOARD, phase=at, reason=facts.blamed)
    if rollout.state is RolloutState.COMPLETE:
        return PhaseGate(action=GateAction.END, phase=at, reason=rollout.reason)
    if rollout.state is RolloutState.PAUSED:
        return _paused(facts, at)
    return _running(facts, at)


def needed(phase: Phase, count: PhaseCount) -> int:
    """Successes that a phase needs: no more than there are hosts that can still show one."""
    return max(0, min(phase.min_successes, count.hosts - count.already))


def too_many(phase: Phase, count: PhaseCount) -> bool:
    """More hosts failed than the phase's share of those that told something; a few count as if there were enough.

    One failure alone proves no rate, unless none at all may fail.
    """
    told = max(count.successes + count.failures, phase.min_successes)
    return count.failures > max(phase.max_failure_rate * told, 1 if phase.max_failure_rate else 0)


def _paused(facts: PhaseFacts, at: int) -> PhaseGate:
    """What failed is told still: who wrote the pause may have died before anybody heard of it."""
    rollout = facts.rollout
    broken = _too_many(facts, last=rollout.phase == rollout.last_phase)
    reason = f"paused: {rollout.reason}"
    if broken is None:
        return PhaseGate(action=GateAction.HOLD, phase=at, reason=reason)
    told = reason if broken.reason in reason else f"{reason}; {broken.reason}"
    return PhaseGate(action=GateAction.HOLD, phase=broken.phase, reason=told, too_many=True)


def _running(facts: PhaseFacts, at: int) -> PhaseGate:
    rollout = facts.rollout
    # What it waits for holds the next phase; the open ones go on, and so does the limit on their failures.
    broken = _too_many(facts, last=rollout.phase == rollout.last_phase)
    if broken is not None:
        return broken
    if facts.waits_for:
        return PhaseGate(action=GateAction.HOLD, phase=at, reason=facts.waits_for, barred=True)
    return _next(facts, 0, "it was started") if rollout.phase < 0 else _open_phase(facts)


def _open_phase(facts: PhaseFacts) -> PhaseGate:
    at, last = facts.rollout.phase, facts.rollout.phase == facts.rollout.last_phase
    phase, count = facts.rollout.spec.phases[at], facts.counts[at]
    deserted = _deserted(facts, last=last)
    if deserted is not None:
        return deserted
    need = needed(phase, count)
    got = f"{phase.name}: {count.successes} of {need} successes"
    if count.successes < need:
        stuck = count.successes + count.failures + count.inconclusive + count.already >= count.hosts
        more = ", and none of its hosts is left to try" if stuck else ""
        return PhaseGate(action=GateAction.HOLD, phase=at, reason=f"{got}{_also(count)}{more}", stuck=stuck)
    if last:
        return _completing(facts, phase, count)
    since = count.enough_at or facts.rollout.phase_opened_at or facts.now
    until = since + phase.soak
    if facts.now < until:
        when = until.isoformat(sep=" ", timespec="seconds")
        return PhaseGate(action=GateAction.HOLD, phase=at, until=until, reason=f"{got}, soaks until {when}")
    return _next(facts, at + 1, f"{got}, and it has soaked")


def _too_many(facts: PhaseFacts, *, last: bool) -> PhaseGate | None:
    """The first open phase of whose hosts too many failed: a version may fail late, when its phase is long passed."""
    opened = facts.rollout.spec.phases[: facts.rollout.phase + 1]
    for index, (phase, count) in enumerate(zip(opened, facts.counts, strict=False)):
        if too_many(phase, count):
            told, most = count.successes + count.failures, f"{phase.max_failure_rate:.0%}"
            reason = f"{phase.name}: {count.failures} of {told} hosts failed with it, more than {most} may"
            action = GateAction.PAUSE if last else GateAction.HOLD
            return PhaseGate(action=action, phase=index, reason=reason, too_many=True)
    return None


def _deserted(facts: PhaseFacts, *, last: bool) -> PhaseGate | None:
    """The gate of a phase by which no host at all has it: nothing was shown, so nothing is passed."""
    at = facts.rollout.phase
    if any(count.hosts for count in facts.counts[: at + 1]):
        return None
    name = facts.rollout.spec.phases[at].name
    if last:
        return PhaseGate(action=GateAction.HOLD, phase=at, reason=f"{name}: no host is in its scope")
    return _next(facts, at, f"{name}: none of its hosts is left", "others take their place")


def _next(facts: PhaseFacts, index: int, why: str, then: str = "") -> PhaseGate:
    phase = facts.rollout.spec.phases[index]
    if facts.counts[index].empty:
        reason = f"{why}; {phase.name} takes no host: none fits its cohort"
        return PhaseGate(action=GateAction.HOLD, phase=index, reason=reason)
    if phase.approval and facts.rollout.approved < index:
        reason = f"{why}; {phase.name} opens when a person approves"
        return PhaseGate(action=GateAction.ASK_APPROVAL, phase=index, reason=reason)
    opens = f"{why}, {then}" if then else f"{why}: {phase.name} opens"
    return PhaseGate(action=GateAction.OPEN_NEXT, phase=index, reason=opens)


def _completing(facts: PhaseFacts, phase: Phase, count: PhaseCount) -> PhaseGate:
    at = facts.rollout.phase
    every = sum(c.to_go for c in facts.counts)
    left = max(0, every - facts.out)
    if left:
        out = f", and {facts.out} that are out" if facts.out else ""
        return PhaseGate(
            action=GateAction.HOLD, phase=at, reason=f"{phase.name}: {left} hosts to go{out}{_also(count)}"
        )
    if facts.foreign > max(1, phase.max_failure_rate * sum(c.hosts for c in facts.counts)):
        # A whole pool in somebody's maintenance is not a rollout at its end.
        reason = f"{phase.name}: {facts.foreign} hosts are in the hands of others, too many to end without"
        return PhaseGate(action=GateAction.HOLD, phase=at, reason=reason)
    seen = [c.last_success_at for c in facts.counts if c.last_success_at is not None]
    until = (max(seen) if seen else facts.rollout.phase_opened_at or facts.now) + phase.soak
    if facts.now < until:
        when = until.isoformat(sep=" ", timespec="seconds")
        reason = f"{phase.name}: every host carries it, soaks until {when}"
        return PhaseGate(action=GateAction.HOLD, phase=at, until=until, reason=reason)
    out = f" but {facts.out} that are out" if facts.out else ""
    return PhaseGate(action=GateAction.COMPLETE, phase=at, reason=f"every host carries it{out}")


def _offboarded(facts: PhaseFacts, at: int) -> PhaseGate:
    if facts.on_offboarded:
        left = facts.on_offboarded - facts.on_offboarded_out
        told = [f"{left} hosts still carry it and are rolled back"] if left else []
        if facts.on_offboarded_out:
            told.append(f"{facts.on_offboarded_out} carry it in repair or in others' hands, where no visit takes them")
        reason = f"offboarded ({facts.rollout.reason}); {'; '.join(told)}"
        return PhaseGate(action=GateAction.HOLD, phase=at, reason=reason)
    return PhaseGate(action=GateAction.END, phase=at, reason=f"offboarded: {facts.rollout.reason}")


def _also(count: PhaseCount) -> str:
    told = ((count.failures, "failed"), (count.inconclusive, "inconclusive"))
    words = [f"{number} {what}" for number, what in told if number]
    return f" ({', '.join(words)})" if words else ""
