"""What a look at a pin switch reads, what it answers, and the few answers that every state gives."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import Field

from fleet.models.base import Decision, Fact, Moment
from fleet.models.facts import LedgerFacts
from fleet.models.host import HostSet
from fleet.models.pin import PinHostState, PinSpec, PinState, PinSwitch
from fleet.models.pin_messages import GOES_ON, PinAction, PinPhase
from fleet.models.units import buffer_hosts
from fleet.policy.pin_check import PinCheck, PinGap
from fleet.policy.sets import places

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
    pins: Mapping[str, str] = Field(default_factory=dict)
    """The cluster's, as they are in force."""
    joined: tuple[str, ...] = ()
    """Hosts that got into production, with the old pin, since the cluster was closed."""
    unprepared: int = 0
    """Hosts that came into production since the others were prepared."""


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
    prepares_more: bool = False
    """Take hosts that came into production since the others were prepared among them."""


def too_many_failed(facts: PinFacts) -> str:
    """Why so many hosts that can't follow end the switch; empty while they may be left behind."""
    total, failed, allowed = _behind(facts.switch.spec, facts.counts)
    return f"{failed} of {total} hosts can't follow, {allowed} may be left behind" if failed > allowed else ""


def too_many_shut_out(spec: PinSpec, counts: Mapping[PinHostState, int], gaps: Sequence[PinGap]) -> str:
    """Why so many hosts whose gates would not let them return with the new pin end the switch; empty while they may be
    left behind.
    """
    total, failed, allowed = _behind(spec, counts)
    out = failed + sum(len(gap.hosts) for gap in gaps)
    if not gaps or out <= allowed:
        return ""
    return f"{out} of {total} hosts could not return, {allowed} may be left behind: {gaps[0].reason}"


def _behind(spec: PinSpec, counts: Mapping[PinHostState, int]) -> tuple[int, int, int]:
    """Hosts of a switch, those that can't follow, and how many may not."""
    total = sum(counts.values()) - counts.get(PinHostState.LATE, 0)
    failed = counts.get(PinHostState.FAILED, 0) + counts.get(PinHostState.NOT_PREPARED, 0)
    return total, failed, buffer_hosts(spec.max_failed, total)


def strays(ledger: LedgerFacts, switch: PinSwitch) -> frozenset[str]:
    """Members that a look begun since the cluster was closed shows in production, in nobody's hands."""
    seen = ledger.observation
    if switch.state not in (PinState.CLOSING, PinState.MOVING) or switch.closed_at is None:
        return frozenset()
    if seen is None or seen.error or seen.began_at <= switch.closed_at:
        return frozenset()
    return frozenset(name for name, where in places(ledger).items() if where[0] is HostSet.UP)


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


def count(facts: PinFacts, *states: PinHostState) -> int:
    """Hosts of the switch in any of these states."""
    return sum(facts.counts.get(state, 0) for state in states)


def moved_on(switch: PinSwitch, pins: Mapping[str, str]) -> bool:
    """Whether a later switch has moved on the pin that this one left in force."""
    left = switch.prior if switch.committed_at is None else switch.spec.version
    return pins.get(switch.spec.component, left) != left


def to_carry(switch: PinSwitch, pins: Mapping[str, str]) -> dict[str, str]:
    """What a late host must carry before jobs may start on it: every pin in force, whichever switch put it there."""
    if moved_on(switch, pins):
        return dict(pins)
    left = {switch.spec.component: switch.prior} if switch.committed_at is None else switch.spec.targets
    return {**left, **pins}


def called_off(why: str) -> PinStep:
    """The end of a switch that has closed nothing."""
    return PinStep(action=PinAction.AGAIN, state=PinState.CALLED_OFF, breaks_off=True, reason=why)


def wait(facts: PinFacts, reason: str, until: datetime, *, co_rollout: bool = False) -> PinStep:
    """Stay as it is, and look again then, or soon: whatever it waits for, nobody need tell."""
    until = min(until, facts.now + facts.looks_every)
    return PinStep(action=PinAction.WAIT, state=facts.switch.state, until=until, reason=reason, co_rollout=co_rollout)


def run(facts: PinFacts, phase: PinPhase, reason: str, until: Moment | None = None) -> PinStep:
    """A phase. One on the way there is looked at again and again, for a stop or an abort of which nobody told."""
    if phase not in GOES_ON:
        soon = facts.now + facts.looks_every
        until = soon if until is None else min(until, soon)
    return PinStep(action=PinAction.RUN, state=facts.switch.state, phase=phase, until=until, reason=reason)
