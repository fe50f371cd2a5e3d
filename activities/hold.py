"""Hold a drained host for an outsider, who works on it and reports by its operation.

From here on the host counts as changed, whatever is done to it: it returns only verified.
"""

from temporalio import activity

from activities.acting import Acting
from activities.deps import Deps, beating
from activities.failing import mapped
from activities.operation_word import called_off, operation_of
from activities.parked import parked_by
from activities.pausing import Pauses
from activities.recording import recorded
from activities.refusals import refused
from fleet.errors import DriverError, HostState, InvalidInput
from fleet.models.intent import Before, IntentState
from fleet.models.operation import Operation
from fleet.models.work import EndCause, StepAction, StepOrder, StepResult
from fleet.policy.stopping import Deed

_CLOSED = (IntentState.DONE, IntentState.FAILED)


class Holding:
    """Activity `hold`."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps

    @activity.defn(name="hold")
    @mapped
    async def hold(self, order: StepOrder) -> StepResult:
        """One look: HOLD while the outsider may work; else what follows. Repeating it changes nothing."""
        acting = Acting(self.deps, order)
        async with beating():
            op = await operation_of(self.deps, order)
            if op is None:
                raise InvalidInput("operation", order.operation, "expected a submitted one, whose outsider reports")
            if op.word is None and not op.over:
                return await self._give(acting, op)
            return await recorded(acting, lambda: self._end(acting, op))

    async def _give(self, acting: Acting, op: Operation) -> StepResult:
        """Give the host into the outsider's hands, or look after it there; or what keeps it from being given away."""
        footing = await acting.footing()
        acting.check_lease(footing)
        if footing.intent(acting.order.step.key) is not None:
            # Whatever else it finds: the outsider has it, and it is verified before it returns.
            await acting.hold_drained(rebooting=True)
        else:
            kept = await self._before(acting)
            if kept is not None:
                return await recorded(acting, lambda: _as_told(kept))
            await acting.open_intent(Before())
        return StepResult(action=StepAction.HOLD, reason=f"drained, and in the hands of {op.spec.actor} for {op.id}")

    async def _before(self, acting: Acting) -> StepResult | None:
        """What keeps an untouched host from being given away; None when nothing does."""
        footing = await acting.footing()
        parked = parked_by(footing, acting.order)
        stopped = refused(acting.may_begin(Deed.DISRUPT, footing), touched=False)
        return parked or stopped or await acting.hold_drained()

    async def _end(self, acting: Acting, op: Operation) -> StepResult:
        footing = await acting.footing()
        acting.check_lease(footing)
        intent = footing.intent(acting.order.step.key)
        if intent is None:
            off = await called_off(self.deps, acting.order)
            return StepResult(action=StepAction.GIVE_BACK, reason=off, cause=EndCause.YIELD)
        if intent.state not in _CLOSED:
            await acting.take_over(intent)
            acting.finish(IntentState.DONE, op.reason)
        return await self._answering(acting, op)

    async def _answering(self, acting: Acting, op: Operation) -> StepResult:
        """The host as it comes back: it has as long to answer as after a reboot, from the word on."""
        cluster, pauses, word = await self.deps.cluster(acting.order.cluster), Pauses(at_most=5.0), op.word
        since = word.at if word is not None else op.changed_at
        while True:
            why = "it is down"
            try:
                boot = await acting.hands.hardware.boot_id(acting.order.host)
            except DriverError as error:
                boot, why = None, str(error)
            if boot is not None:
                break
            if await self.deps.clock() - since > cluster.host_back_within:
                reason = f"given back by {op.spec.actor}, and {why}"
                return StepResult(action=StepAction.HAND_OVER, reason=reason, host_state=HostState.UNKNOWN)
            await acting.keep_drained()
            await pauses.wait()
        told = word.told if word is not None else "called off"
        return StepResult(action=StepAction.GO_ON, reason=f"{op.id} was {told}", host_state=HostState.PARTLY_APPLIED)


async def _as_told(result: StepResult) -> StepResult:
    """What was found out already, as a body."""
    return result
