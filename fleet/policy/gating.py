"""The gate: the last decision before a host returns to production, on every path back.

It lets pass what was never touched, and what is verified, allowed, as expected and still ours. Everything that isn't
known is a no.
"""

from pydantic import Field

from fleet.errors import HostState
from fleet.models.base import Fact
from fleet.models.stack import Upgrade
from fleet.models.verification import Verdict, VerificationTask
from fleet.models.work import StepAction, StepResult
from fleet.policy.compatibility import Allowed
from fleet.policy.draining import Drained, DrainState


class GateFacts(Fact):
    """Everything the gate looks at, read back just before."""

    host: str
    owned_reason: str
    drained: Drained
    """By `draining.still_ours`."""
    versions: dict[str, str] | None
    """As observed now, job-facing ones too. None: could not be read."""
    allowed: Allowed
    """Of the observed set."""
    verifications: dict[str, Verdict] = Field(default_factory=dict)
    """Task: its last verdict in this operation, after the last change."""
    required: tuple[VerificationTask, ...]
    touched: bool
    """True when any intent was written for this operation."""
    boarded: tuple[Upgrade, ...] = ()
    stopped_early: bool = False
    """True when work ended at a safe point before all boarded upgrades were applied."""
    pins: dict[str, str] = Field(default_factory=dict)
    offboarded: str = ""
    """An offboarded version that it still carries and must not return with, in words."""
    lemon: str = ""
    """Why it stays out whatever it passed, where it is a lemon."""


def gate(facts: GateFacts) -> StepResult:
    """Decide whether a host returns.

    `GO_ON`: undrain it. `LEAVE`: it is fit, and stays under another's drain. `HAND_OVER`: it stays out, for repair.
    """
    if not facts.touched:
        return _untouched(facts)
    state = facts.drained.state
    if state in (DrainState.DOUBTFUL, DrainState.DOWN, DrainState.DRAINING):
        doubt = f"its drain can't be relied on: {facts.drained.reason}"
        # A host that is down may be so by what it was given; that its drain can't be told is nobody's doing.
        return _hand_over(facts, HostState.UNKNOWN, doubt, blameless=state is not DrainState.DOWN)
    unfit = _unfit(facts)
    if unfit is not None and state is DrainState.UNDRAINED:
        undrained = f"undrained by another while changed: {unfit.reason}"
        return _hand_over(facts, HostState.PARTLY_APPLIED, undrained, blameless=unfit.blameless)
    if unfit is not None:
        return unfit
    if state is DrainState.FOREIGN:
        return StepResult(
            action=StepAction.LEAVE,
            host_state=HostState.DRAINED,
            reason=f"{facts.host} is verified and stays under the other's drain: {facts.drained.reason}",
        )
    already = "; another has undrained it already" if state is DrainState.UNDRAINED else ""
    return StepResult(
        action=StepAction.GO_ON, host_state=HostState.DRAINED, reason=f"{facts.host} {_fit(facts)}{already}"
    )


def _untouched(facts: GateFacts) -> StepResult:
    state, told = facts.drained.state, facts.drained.reason
    if state is DrainState.FOREIGN:
        return StepResult(action=StepAction.LEAVE, reason=f"{facts.host} was not touched; {told}")
    if state in (DrainState.DOUBTFUL, DrainState.DOWN):
        return _hand_over(facts, HostState.UNKNOWN, f"not touched, but not seen to be well either: {told}")
    if facts.lemon:
        return _hand_over(facts, HostState.DRAINED, facts.lemon)
    return StepResult(action=StepAction.GO_ON, reason=f"{facts.host} was not touched, so it returns as it is")


def _unfit(facts: GateFacts) -> StepResult | None:
    """Why a touched host must stay out, or None."""
    if facts.versions is None:
        return _hand_over(facts, HostState.UNKNOWN, "its versions can't be read back")
    gone = _missing_upgrade(facts, facts.versions)
    if not facts.allowed.allowed:
        told = f"its versions are not allowed: {facts.allowed.reason}"
        return _hand_over(facts, HostState.PARTLY_APPLIED, told, blameless=gone is None)
    wrong = facts.lemon or facts.offboarded or gone or _other_pin(facts, facts.versions)
    if wrong is not None:
        return _hand_over(facts, HostState.PARTLY_APPLIED, wrong, blameless=gone is None)
    if not facts.required:
        told = "no verification is named that could vouch for it"
        return _hand_over(facts, HostState.PARTLY_APPLIED, told, blameless=True)
    for task in facts.required:
        verdict = facts.verifications.get(task)
        if verdict is not Verdict.PASSED:
            found = verdict or "not run"
            told = f"{task} is {found}, and nothing returns unverified"
            return _hand_over(facts, HostState.PARTLY_APPLIED, told, blameless=verdict is not Verdict.FAILED)
    return None


def _missing_upgrade(facts: GateFacts, versions: dict[str, str]) -> str | None:
    """The first upgrade that is not there any more. Those left out at a safe point ride later."""
    for upgrade in () if facts.stopped_early else facts.boarded:
        found = versions.get(upgrade.component, "no version")
        if found != upgrade.version:
            return f"{upgrade.component}: expected {upgrade.version}, the host carries {found}"
    return None


def _other_pin(facts: GateFacts, versions: dict[str, str]) -> str | None:
    for name, pinned in facts.pins.items():
        found = versions.get(name, "no known version")
        if found != pinned:
            return f"{name} is pinned at {pinned}, the host carries {found}"
    return None


def _fit(facts: GateFacts) -> str:
    if facts.stopped_early:
        return "stopped at a safe point; what it carries is allowed and verified, the rest rides later"
    return f"carries {len(facts.boarded)} boarded upgrade(s), is allowed, and passed {', '.join(facts.required)}"


def _hand_over(facts: GateFacts, state: HostState, reason: str, *, blameless: bool = False) -> StepResult:
    return StepResult(
        action=StepAction.HAND_OVER, host_state=state, reason=f"{facts.host}: {reason}", blameless=blameless
    )
