"""How a large-scale maintenance ends by itself: every host was seen to, or there is no time for the rest."""

from collections.abc import Mapping, Sequence

from fleet.models.base import Moment
from fleet.models.emergency import Emergency, EmergencyHostState
from fleet.models.large import LargeProgress
from fleet.models.units import format_duration
from fleet.policy.emergency_orders import aborted_as
from fleet.policy.emergency_plan import EmergencyStep, through
from fleet.policy.large_facts import LargeFacts
from fleet.policy.large_gate import judged
from fleet.policy.large_rounds import passed, round_length, totals


def late_for(facts: LargeFacts, number: int, domains: Mapping[str, Sequence[str]]) -> str:
    """Why it is too late to begin hosts of the n-th round now; empty while what begins now is over in time. In the same
    words at each look.
    """
    until = facts.plan.until
    if until is None:
        return ""
    length = round_length(facts.emergency.spec, number, facts.ledger.pools, domains, totals(facts.hosts))
    if facts.now + length <= until:
        return ""
    return f"round {number} needs {format_duration(length)} and would end after {told(until)}"


def out_of_time(facts: LargeFacts, progress: LargeProgress, why: str) -> EmergencyStep:
    """The end for want of time, with no host out: the rest stays as it is."""
    left = sum(h.state is EmergencyHostState.PENDING for h in facts.hosts)
    reason = f"{_OUT_OF_TIME}{why}; {left} hosts were not taken"
    return EmergencyStep(state=aborted_as(facts.plan), progress=progress, over=True, reason=reason)


def was_out_of_time(large: Emergency) -> bool:
    """Whether it ended so, and by no person's word."""
    return large.over and large.reason.startswith(_OUT_OF_TIME)


_OUT_OF_TIME = "aborted: "
"""How the reason of that end begins; a person's word begins otherwise."""


def through_all(facts: LargeFacts, progress: LargeProgress) -> EmergencyStep:
    """The end. A last round that has nothing to let through has passed its gate unless too many of it failed."""
    if not judged(facts.plan, progress, facts.hosts, facts.ledger).too_many:
        progress = passed(progress)
    return through(facts.hosts, facts.can).model_copy(update={"progress": progress})


def told(moment: Moment) -> str:
    """A moment in words."""
    return moment.isoformat(sep=" ", timespec="seconds")
