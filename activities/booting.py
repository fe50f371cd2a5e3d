"""Boot a drained host anew, once whatever happens to the worker meanwhile, and wait until it is back. What boots it,
and what can be told of that from outside, is each kind's own.
"""

import time
from abc import ABC, abstractmethod
from datetime import timedelta
from functools import partial

from activities.acting import Acting
from activities.attempt import StoppedAtFence
from activities.barred import Barred, NotBegun
from activities.booted import came_back, say_again
from activities.deps import Deps
from activities.holding import FENCE_LIFE
from activities.pausing import Pauses, Silences
from activities.refusals import refused, stoppable
from activities.rungs import give_power, held_by_us_alone, skip
from fleet.errors import DriverError, HostState, Refused
from fleet.models.fleetfile import Cluster
from fleet.models.footing import Footing
from fleet.models.intent import Before, Intent, IntentState
from fleet.models.work import StepAction, StepResult
from fleet.policy.attempts import ResumeAction, resume_reboot
from fleet.policy.stopping import Deed
from fleet.ports.fence import Fence
from fleet.view import duration_words


class Booting(ABC):
    """Base of the activities that boot a host anew."""

    what: str
    """What people call it."""
    gives_power = True
    """What is sent may be a power cycle of two steps, between which a worker can die."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps

    @abstractmethod
    async def _note(self, acting: Acting) -> Before | StepResult:
        """What is read just before; or how the step ends, since it can't be begun."""

    @abstractmethod
    async def _send(self, acting: Acting, fence: Fence) -> StepResult | None:
        """The effect: None to wait for the boot, or how the step ends then and there."""

    def _repeats(self, intent: Intent) -> bool:
        """True when an unchanged boot id proves, after a while, that an earlier attempt began nothing."""
        return True

    def _within(self, cluster: Cluster) -> timedelta:
        """Time that the host has to be back."""
        return cluster.host_back_within

    def _lasts(self, cluster: Cluster) -> timedelta:
        """Time that sending the effect may take, which counts from the intent."""
        return timedelta(0)

    async def _boot(self, acting: Acting) -> StepResult:
        footing = await acting.footing()
        intent = footing.intent(acting.order.step.key)
        if intent is not None and intent.state in (IntentState.DONE, IntentState.FAILED):
            cluster = await self.deps.cluster(acting.order.cluster)
            return await say_again(acting, intent, partial(self._overdue, intent, cluster))
        if intent is None or intent.state is IntentState.WITHDRAWN:
            return await stoppable(lambda: self._first(acting, footing), touched=acting.touched(footing))
        # What an earlier attempt may have begun counts as begun, whatever this one is told by a stop.
        return await stoppable(lambda: self._resume(acting, intent), touched=True)

    async def _first(self, acting: Acting, footing: Footing) -> StepResult:
        stopped = refused(await acting.goes_on(Deed.DISRUPT, footing), touched=acting.touched(footing))
        result = stopped or await self._held(acting)
        if result is not None:
            return result
        barred = await self._barred(acting)
        while True:
            before = await self._note(acting)
            if isinstance(before, StepResult):
                return before
            intent = await acting.open_intent(before)
            try:
                ended = await self._begin(acting, intent)
            except NotBegun as no:
                if await barred.for_good(no):
                    return StepResult(action=StepAction.HAND_OVER, reason=str(no), host_state=HostState.PARTLY_APPLIED)
                continue
            return ended or await self._await_boot(acting, intent)

    async def _barred(self, acting: Acting) -> Barred:
        return Barred(acting, (await self.deps.cluster(acting.order.cluster)).host_back_within)

    async def _held(self, acting: Acting) -> StepResult | None:
        """None while the host is drained and ours; a rung does nothing to a host that another holds."""
        return await (held_by_us_alone(acting) if acting.order.step.rung else acting.hold_drained())

    async def _begin(self, acting: Acting, intent: Intent) -> StepResult | None:
        """Send the effect; what ends the step then and there, or None. `NotBegun` when the host said no."""
        try:
            result = await self._send(acting, acting.fence(Deed.DISRUPT, intent))
        except StoppedAtFence:
            if intent.token == acting.token:
                await acting.withdraw("stopped before it began")
            raise
        except Refused as no:
            if not acting.order.step.rung:
                if intent.token == acting.token:
                    await acting.withdraw(f"refused before it began: {no}")
                raise NotBegun(f"{acting.order.host} can't be booted anew now: {no}") from no
            if intent.token != acting.token:
                result = StepResult(action=StepAction.HAND_OVER, reason=str(no), host_state=HostState.UNKNOWN)
            else:
                await acting.withdraw(f"refused before it began: {no}")
                return skip(str(no))
        except DriverError as error:
            if not acting.order.step.rung:
                raise
            acting.doubt = f"; it can't be told whether it began: {error}"
            return None
        if result is not None:
            acting.finish(IntentState.FAILED, result.reason)
        return result

    async def _resume(self, acting: Acting, intent: Intent) -> StepResult:
        taken = await acting.take_over(intent)
        await self._sent(acting, intent)
        return await self._await_boot(acting, intent, taken)

    async def _again(self, acting: Acting, intent: Intent) -> StepResult | None:
        """Send what an earlier attempt did not send; what ends the step then and there, or None."""
        barred = await self._barred(acting)
        while True:
            try:
                return await self._begin(acting, intent)
            except NotBegun as no:
                if await barred.for_good(no):
                    return self._given_up(acting, no)
            except DriverError as error:
                # It may have begun: it is not sent again at once, but by an attempt that looks at the boot id first.
                if await barred.is_over():
                    return self._given_up(acting, error)
                raise

    def _given_up(self, acting: Acting, error: DriverError) -> StepResult:
        acting.finish(IntentState.FAILED, str(error))
        return StepResult(action=StepAction.HAND_OVER, reason=str(error), host_state=HostState.UNKNOWN)

    async def _sent(self, acting: Acting, intent: Intent) -> None:
        """Wait until what an earlier attempt may still be sending is over: a boot in its midst proves nothing."""
        lasts, pauses = self._lasts(await self.deps.cluster(acting.order.cluster)), Pauses(at_most=5.0)
        while await self.deps.clock() - intent.opened_at < lasts:
            await acting.keep_drained()
            await pauses.wait()

    async def _await_boot(self, acting: Acting, intent: Intent, taken: float | None = None) -> StepResult:
        """Wait for another boot id. `taken`: when an earlier attempt's intent became ours, which may repeat it."""
        cluster = await self.deps.cluster(acting.order.cluster)
        within, repeats = self._within(cluster), self._repeats(intent)
        since, pauses, silences = time.monotonic(), Pauses(), Silences()
        while True:
            # The age first: what an earlier attempt sends while we read must not be taken for ruled out.
            age = timedelta(seconds=time.monotonic() - taken) if taken is not None else timedelta(0)
            try:
                boot = await acting.hands.hardware.boot_id(acting.order.host)
            except DriverError as error:  # host and BMC are both silent
                if await silences.last_word(error, overdue=await self._overdue(intent, cluster)):
                    return self._late(acting, within)
                continue
            resume = resume_reboot(
                intent,
                boot,
                # A boot that was noted takes its age from the take-over; silence, from when it was sent, or taken over.
                age if intent.before.boot_id is not None else timedelta(seconds=time.monotonic() - since),
                timedelta(seconds=FENCE_LIFE),
                cluster.reboot_begins_within,
                repeats=repeats,
            )
            if resume.action is ResumeAction.DONE:
                return await came_back(acting, cluster, partial(self._overdue, intent, cluster))
            if resume.action is ResumeAction.BEGIN:
                held = await self._held(acting)
                if held is not None:
                    return held
                intent = await acting.begin_again(intent)
                ended = await self._again(acting, intent)
                if ended is not None:
                    return ended
                taken, since = None, time.monotonic()
            # A host on its old boot that an earlier attempt may not have told is not late: it is told again above.
            told_again = repeats and taken is not None and boot is not None
            if time.monotonic() - since > within.total_seconds() and not told_again:
                return self._late(acting, within)
            await acting.keep_drained()
            midway = age.total_seconds() > FENCE_LIFE or bool(acting.doubt)
            if boot is None and midway and self.gives_power:
                await give_power(acting, intent)
            await pauses.wait()

    async def _overdue(self, intent: Intent, cluster: Cluster) -> bool:
        within = self._lasts(cluster) + self._within(cluster) + cluster.reboot_begins_within
        return await self.deps.clock() - intent.opened_at > within

    def _late(self, acting: Acting, within: timedelta) -> StepResult:
        reason = f"not back from its {self.what} within {duration_words(within.total_seconds())}{acting.doubt}"
        acting.finish(IntentState.FAILED, reason)
        return StepResult(action=StepAction.HAND_OVER, reason=reason, host_state=HostState.UNKNOWN)
