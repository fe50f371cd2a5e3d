"""What a stop's answer means for a step."""

from collections.abc import Awaitable, Callable

from activities.attempt import StoppedAtFence
from fleet.errors import HostState
from fleet.models.work import EndCause, StepAction, StepResult
from fleet.policy.stopping import MayBegin, Proceed


def refused(answer: MayBegin, *, touched: bool) -> StepResult | None:
    """None to go on; else hold, give the untouched host back, or verify and return what is done so far."""
    if answer.answer is Proceed.GO:
        return None
    if answer.answer is Proceed.HOLD:
        return StepResult(action=StepAction.HOLD, reason=answer.reason)
    if touched:
        return StepResult(
            action=StepAction.SKIP_TO_VERIFY,
            reason=answer.reason,
            cause=EndCause.STOP,
            host_state=HostState.PARTLY_APPLIED,
        )
    return StepResult(action=StepAction.GIVE_BACK, reason=answer.reason, cause=EndCause.STOP)


async def stoppable(body: Callable[[], Awaitable[StepResult]], *, touched: bool) -> StepResult:
    """Run a body whose fences a stop may close; nothing was sent then."""
    try:
        return await body()
    except StoppedAtFence as stop:
        answer = refused(stop.answer, touched=touched)
        assert answer is not None, "a fence only closes on a refusal"
        return answer
