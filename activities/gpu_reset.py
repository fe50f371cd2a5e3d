"""Reset a host's GPUs."""

import asyncio

from temporalio import activity

from activities.acting import Acting
from activities.attempt import StoppedAtFence
from activities.deps import Deps, beating
from activities.failing import mapped
from activities.holding import FENCE_LIFE
from activities.recording import recorded
from activities.refusals import refused, stoppable
from activities.rungs import ask_boot, held_by_us_alone, skip
from fleet.errors import DriverError, HostState, Refused
from fleet.models.footing import Footing
from fleet.models.intent import Before, Intent, IntentState
from fleet.models.work import StepAction, StepOrder, StepResult
from fleet.policy.stopping import Deed


class GpuResetting:
    """Activity `gpu_reset`. Nothing tells from outside whether it was begun, so it is never begun a second time; what
    became of it, the verifications after it tell.
    """

    def __init__(self, deps: Deps) -> None:
        self.deps = deps

    @activity.defn(name="gpu_reset")
    @mapped
    async def gpu_reset(self, order: StepOrder) -> StepResult:
        """Reset once."""
        acting = Acting(self.deps, order)
        async with beating():
            return await recorded(acting, lambda: self._reset(acting))

    async def _reset(self, acting: Acting) -> StepResult:
        footing = await acting.footing()
        intent = footing.intent(acting.order.step.key)
        if intent is None or intent.state is IntentState.WITHDRAWN:
            return await stoppable(lambda: self._first(acting, footing), touched=True)
        if intent.state is not IntentState.OPEN:
            return _done(intent.result)
        await acting.take_over(intent)
        await asyncio.sleep(FENCE_LIFE)  # what an earlier attempt was about to send has been sent by then
        return self._finish(acting, "an earlier attempt may have reset the GPUs; it is not repeated")

    async def _first(self, acting: Acting, footing: Footing) -> StepResult:
        stopped = refused(acting.may_begin(Deed.DISRUPT, footing), touched=True)
        result = stopped or await held_by_us_alone(acting)
        if result is not None:
            return result
        _, boot, why = await ask_boot(acting)
        if boot is None:
            return skip(f"the host does not answer: {why or 'it is down'}")
        intent = await acting.open_intent(Before(boot_id=boot))
        try:
            return await self._send(acting, intent)
        except StoppedAtFence:
            await acting.withdraw("stopped before it began")
            raise

    async def _send(self, acting: Acting, intent: Intent) -> StepResult:
        host = acting.order.host
        try:
            await acting.hands.hardware.reset_gpus(host, acting.fence(Deed.DISRUPT, intent))
        except Refused as no:
            await acting.withdraw(f"refused: {no}")
            return skip(str(no))
        except DriverError as error:
            return self._finish(acting, f"it can't be told whether the GPUs were reset: {error}")
        return self._finish(acting, "the GPUs were reset")

    def _finish(self, acting: Acting, said: str) -> StepResult:
        acting.finish(IntentState.DONE, said)
        return _done(said)


def _done(said: str) -> StepResult:
    return StepResult(action=StepAction.GO_ON, reason=said, host_state=HostState.PARTLY_APPLIED)
