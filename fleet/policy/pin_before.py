"""A pin switch before anything is closed: checked, prepared, approved, and granted the cluster. Whatever ends it here
calls it off.
"""

from fleet.models.pin import PinHostState, PinState
from fleet.models.pin_messages import PinAction, PinPhase
from fleet.policy.pin_look import PinFacts, PinStep, called_off, count, run, too_many_failed, wait


def checking(facts: PinFacts) -> PinStep:
    """Wait until every host may carry both pins; the sliding co-rollouts that get them there are opened once."""
    if facts.switch.aborted:
        return called_off(facts.switch.aborted)
    check = facts.check
    assert check is not None, "the hosts in production are judged while it checks"
    if check.ok:
        return PinStep(action=PinAction.AGAIN, state=PinState.PREPARING, reason=check.reason)
    opens = bool(check.co_rollouts) and not facts.switch.co_rollouts
    return wait(facts, check.reason, facts.now + facts.looks_every, co_rollout=opens)


def preparing(facts: PinFacts) -> PinStep:
    """Fetch on every host what the switch needs."""
    if facts.switch.aborted:
        return called_off(facts.switch.aborted)
    if count(facts, PinHostState.TO_PREPARE):
        return run(facts, PinPhase.PREPARE, "what the switch needs is fetched on every host; jobs see nothing of it")
    unfit = _unfit(facts)
    if unfit is not None:
        return unfit
    ready = count(facts, PinHostState.PREPARED)
    return PinStep(action=PinAction.AGAIN, state=PinState.ASKING, reason=f"{ready} hosts are prepared")


def asking(facts: PinFacts) -> PinStep:
    """Wait for the approval, then for its time."""
    switch, at = facts.switch, facts.switch.spec.at
    if switch.aborted:
        return called_off(switch.aborted)
    begins = bool(switch.approved_by) and (at is None or facts.now >= at)
    check = facts.check
    assert check is not None, "the hosts in production are judged before the cluster is asked for"
    if begins and not check.ok:
        return PinStep(action=PinAction.AGAIN, state=PinState.CHECKING, reason=check.reason)
    late = _latecomers(facts)
    if late is not None:
        return late
    if not switch.approved_by:
        return wait(facts, f"waits for an approval: maintrain pin approve {switch.id}", facts.now + facts.looks_every)
    if at is not None and facts.now < at:
        early = facts.now < at - facts.notice
        why = f"approved by {switch.approved_by}; begins at {at:%Y-%m-%d %H:%M:%S}Z"
        return wait(facts, why, at - facts.notice if early else at)
    return PinStep(action=PinAction.AGAIN, state=PinState.REQUESTING, reason="the cluster is asked for")


def requesting(facts: PinFacts) -> PinStep:
    """Wait for the lease of the cluster. Visits end meanwhile, whose hosts nobody could judge before: they come back
    with what they boarded.
    """
    if facts.switch.aborted:
        return called_off(facts.switch.aborted)
    check = facts.check
    assert check is not None, "the hosts in production are judged until the cluster is closed"
    if not check.ok:
        return PinStep(action=PinAction.AGAIN, state=PinState.CHECKING, reason=check.reason)
    if facts.granted:
        return PinStep(action=PinAction.AGAIN, state=PinState.CLOSING, reason="the cluster's hosts are granted")
    late = _latecomers(facts)
    if late is not None:
        return late
    why = facts.waits_because or "the dispatcher has not settled yet"
    return wait(facts, f"waits for the cluster: {why}", facts.now + facts.looks_every)


def _latecomers(facts: PinFacts) -> PinStep | None:
    """Prepare hosts that came into production since the others were; None when all are, or as many as may be."""
    more = facts.unprepared + count(facts, PinHostState.TO_PREPARE)
    if more:
        why = f"{more} hosts that came up since the others were prepared get what the switch needs"
        return run(facts, PinPhase.PREPARE, why).model_copy(update={"prepares_more": facts.unprepared > 0})
    return _unfit(facts)


def _unfit(facts: PinFacts) -> PinStep | None:
    many = too_many_failed(facts)
    return called_off(f"it could not be prepared: {many}") if many else None
