"""Walk the steps of one host, as the results of its activities say: used by maintenance and repair alike."""

from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from fleet import ids
    from fleet.errors import HostState
    from fleet.models.work import EndCause, HostWork, Outcome, Step, StepAction, StepKind, StepResult
    from workflows.continuing import time_to_continue
    from workflows.options import HOLD_LOOKS, HOLD_LOOKS_AT_MOST
    from workflows.performing import Performing
    from workflows.step_words import describe
    from workflows.telling import tell

_GIVES_WAY = (
    StepKind.DRAIN,
    StepKind.APPLY,
    StepKind.REBOOT,
    StepKind.HOLD,
    StepKind.POWER_CYCLE,
    StepKind.REIMAGE,
)
"""Steps before which the work may end early."""


@dataclass
class HostSteps(Performing):
    """One walk over a host's steps; `yielded` may be set from outside and is heeded at the next safe point."""

    yielded: str = ""
    """Why the walk is to end early; empty to go on."""
    skipped: list[str] = field(default_factory=list)
    """Why upgrades were left out that were offboarded since they boarded."""
    rolled_back: str = ""
    """Why upgrades of this very walk were undone; empty when none was."""
    reason: str = ""
    returning: bool = False
    """The last step is under way: what is said now comes too late."""
    told: bool = False
    """The operation has said something that a hold waits for."""

    async def climb(self) -> StepResult | None:
        """Take the steps of a rung of the repair ladder; None when the host is to be verified, else what ended them.

        Of firmware that can't be written the rest is, and the reboot is for what was written.
        """
        passed_over: StepResult | None = None
        for step in self.steps:
            broken_off = self._broken_off(step)
            if broken_off is not None:
                return broken_off
            if step.upgrade is None and passed_over is not None and not self.applied:
                break
            result = await self._perform(step)
            if result.action is StepAction.SKIP and step.upgrade is not None:
                passed_over = result
            elif result.action is not StepAction.GO_ON:
                return result
            elif step.upgrade is not None:
                self.applied.append(step.upgrade)
        return None if self.applied else passed_over

    async def walk(self) -> tuple[Outcome, StepResult]:
        """Take every step in its turn; how it ended, and the result that says why."""
        ahead = deque(self.steps)
        while ahead:
            step = ahead.popleft()
            if self._passes_over(step):
                continue
            broken_off = self._broken_off(step)
            if broken_off is not None:
                return Outcome.HANDED_OVER, broken_off
            if step.kind is StepKind.RETURN:
                break
            if self.yielded and step.safe_before and step.kind in _GIVES_WAY:
                if not self.applied:
                    given = await self._give_back(self.yielded, EndCause.YIELD)
                    if given is not None:
                        return given
                    continue
                self.stopped_early, self.reason, self.cause = True, self.yielded, EndCause.YIELD
                continue
            result = await (self._hold(step) if step.kind is StepKind.HOLD else self._perform(step))
            ahead.extendleft(reversed(result.steps if result.action is StepAction.ROLL_BACK else ()))
            ended = await self._after(step, result)
            if ended is not None:
                return ended
        return await self._return(Outcome.REPAIRED if self.repair else self._outcome(), self.reason)

    def _broken_off(self, step: Step) -> StepResult | None:
        """How the try ends when a person has spoken before a step."""
        said = self.word.heard(safe=self._safe_before(step))
        if said is None:
            return None
        reason = f"broken off before {describe(step)}, since {said.actor} spoke: {said.reason}"
        return StepResult(action=StepAction.HAND_OVER, reason=reason, host_state=self.work.host_state)

    def _passes_over(self, step: Step) -> bool:
        """Whether a step is left out: it ended early, or every upgrade that the reboot was for was left out."""
        if step.back:
            return False
        idle = step.kind is StepKind.REBOOT and bool(self.skipped) and not self.applied and not self.repair
        return idle or (self.stopped_early and step.kind in _GIVES_WAY)

    def _outcome(self) -> Outcome:
        """How a visit ends that went through the gate."""
        if self.rolled_back:
            return Outcome.ROLLED_BACK
        if self.stopped_early:
            return Outcome.PARTLY_UPGRADED
        bare = self.work.operation.startswith(ids.LARGE) and not any(s.upgrade for s in self.steps)
        if not self.applied and (bare or ids.op_of(self.work.operation) is not None):
            return Outcome.SERVICED
        return Outcome.CURRENT if self.skipped and not self.applied else Outcome.UPGRADED

    async def _after(self, step: Step, result: StepResult) -> tuple[Outcome, StepResult] | None:
        """What a step's result makes of the walk; None to take the next step."""
        match result.action:
            case StepAction.GO_ON if step.upgrade is not None:
                # On the way back a component is applied a second time: the last version is what it should carry.
                name = step.upgrade.component
                self.applied = [*(u for u in self.applied if u.component != name), step.upgrade]
            case StepAction.SKIP if step.upgrade is not None:
                self.skipped.append(result.reason)
                self.reason = "; ".join(dict.fromkeys(self.skipped))
            case StepAction.ROLL_BACK:
                self.rolled_back = result.reason
            case StepAction.SKIP_TO_VERIFY:
                self.stopped_early, self.reason, self.cause = True, result.reason, result.cause
            case StepAction.GIVE_BACK:
                return await self._give_back(result.reason, result.cause or EndCause.JOBS)
            case StepAction.LEAVE if step.kind is StepKind.GATE:
                self.undrain, self.reason = False, result.reason
            case StepAction.LEAVE:
                self.undrain = False
                return await self._return(Outcome.LEFT_OUT, result.reason)
            case StepAction.HAND_OVER | StepAction.SKIP if not (self.repair and result.action is StepAction.SKIP):
                # Only a rung that is skipped has another one after it; else what was wanted can't be done here.
                return Outcome.HANDED_OVER, result
            case _ if step.kind is StepKind.GATE:
                # Why it ended early or otherwise than boarded stays the first thing to know about its end.
                first = self.rolled_back or (self.reason if self.stopped_early or self.skipped else "")
                self.reason = f"{first}; {result.reason}" if first else result.reason
        return None

    async def _hold(self, step: Step) -> StepResult:
        """Look after a host in an outsider's hands until the operation's word; each look may find out what it says."""
        pause, begun = HOLD_LOOKS, False
        while True:
            self.told = False
            result = await self._perform(step)
            if result.action is not StepAction.HOLD:
                return result
            if not begun and self.work.visit is not None:
                begun = await tell(self.work.visit, "wake")
            self._show(f"{describe(step)}: {result.reason}")
            if time_to_continue() and not self.applied and workflow.patched("hold-goes-on"):
                workflow.continue_as_new(self._from(step))
            with suppress(TimeoutError):
                await workflow.wait_condition(lambda: self.told, timeout=pause, timeout_summary=result.reason[:200])
            pause = min(pause * 2, HOLD_LOOKS_AT_MOST)

    def _from(self, hold: Step) -> HostWork:
        """What is left of the work in the midst of a hold, which may take months: it goes on with its next look. The
        host is the outsider's by now, so that this is no safe point any more.
        """
        rest = self.steps[self.steps.index(hold) + 1 :]
        return self.work.model_copy(update={"steps": (hold.model_copy(update={"safe_before": False}), *rest)})

    async def _give_back(self, reason: str, cause: EndCause) -> tuple[Outcome, StepResult] | None:
        """Give an untouched host back; None when it is to be verified first, since an outsider worked on its scope."""
        self.cause = cause
        outcome, result = await self._return(Outcome.GIVEN_BACK, reason)
        if result.action is not StepAction.SKIP_TO_VERIFY:
            return outcome, result
        self.stopped_early, self.reason = True, result.reason
        return None

    async def _return(self, outcome: Outcome, reason: str) -> tuple[Outcome, StepResult]:
        step = next((s for s in self.steps if s.kind is StepKind.RETURN), self.steps[-1])
        last = step.model_copy(update={"kind": StepKind.RETURN, "key": "return"})
        self.returning = True
        try:
            result = await self._perform(last, outcome=outcome, reason=reason)
        finally:
            self.returning = False
        return (Outcome.HANDED_OVER if result.action is StepAction.HAND_OVER else outcome), result


def lease_lost(error: ActivityError) -> bool:
    """True when an activity found that the host is not in our hands any more: then nothing is ours to hand over."""
    return isinstance(error.cause, ApplicationError) and error.cause.type == "LeaseLost"


def unknown_state(error: BaseException) -> StepResult:
    """A step that ended in an error nobody foresaw: the host's state is unknown, repair looks at it."""
    cause = error.__cause__ or error
    return StepResult(action=StepAction.HAND_OVER, reason=f"a step broke off: {cause}", host_state=HostState.UNKNOWN)
