"""One look at an emergency or a large-scale maintenance: which policy decides, when jobs are told, when the next is."""

from collections.abc import Sequence
from datetime import timedelta

from fleet.models.base import Moment
from fleet.models.emergency import Emergency, EmergencyHost, EmergencyState
from fleet.models.facts import LedgerFacts
from fleet.models.large import LargePhase
from fleet.policy.emergency_plan import LOOKS_AGAIN, EmergencyStep, emergency_step
from fleet.policy.large_plan import large_step

_FAR, _NEAR = timedelta(hours=1), timedelta(minutes=5)
_SOON = timedelta(minutes=10)


def next_step(emergency: Emergency, hosts: Sequence[EmergencyHost], ledger: LedgerFacts) -> EmergencyStep:
    """What is to be done now."""
    decide = emergency_step if emergency.spec.plan is None else large_step
    return decide(emergency, hosts, ledger)


def is_noticed(emergency: Emergency, step: EmergencyStep, now: Moment) -> bool:
    """Whether jobs on its hosts are to be told now: within its notice, those that started meanwhile too; and as it
    begins, those that nobody told by then, for no worker ran or a person had stopped it: late is better than never.
    """
    waited = emergency.state is EmergencyState.ANNOUNCED or _is_clearing(emergency)
    return now >= emergency.told_from and waited and step.state in (EmergencyState.ANNOUNCED, EmergencyState.RUNNING)


def _is_clearing(one: Emergency) -> bool:
    """Whether it is a large-scale maintenance that has begun no round."""
    return one.spec.plan is not None and (one.progress is None or one.progress.phase is LargePhase.CLEARING)


def looks_again(emergency: Emergency, now: Moment) -> timedelta:
    """The longest pause between two looks at what waits for its time: its date may be weeks away."""
    if emergency.spec.plan is None:
        return LOOKS_AGAIN
    if now < emergency.told_from:
        return max(min(_FAR, emergency.told_from - now), LOOKS_AGAIN)
    soon = timedelta(0) <= emergency.begins_at - now <= _SOON
    return LOOKS_AGAIN if soon else _NEAR
