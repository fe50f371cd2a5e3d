"""The checks that stand between a step and its side effect: the lease, the stops, the drain, the fence."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import activity

from activities import pages
from activities.counting import count_undrained
from activities.deps import Deps, now
from activities.holding import FENCE_LIFE, check_holder
from activities.left_behind import LEFT_BEHIND, Quiet
from activities.pausing import Pauses
from activities.pin_forward import called_back
from fleet import ids
from fleet.errors import BadAnswer, DriverError, HostState, StaleAttempt
from fleet.models.base import Moment
from fleet.models.footing import Footing
from fleet.models.intent import Before, Intent, IntentEnd, IntentState
from fleet.models.work import StepAction, StepOrder, StepResult
from fleet.policy.draining import Drained, DrainState, still_ours
from fleet.policy.parking import parked
from fleet.policy.stopping import Deed, MayBegin, Proceed, may_begin
from fleet.ports.fence import Fence

ANY_AGE = 0.0
"""Takes any reading of the scheduler that is still shared, whenever it began."""


class StoppedAtFence(Exception):
    """A stop or freeze came into force after the step began and before its effect was sent."""

    def __init__(self, answer: MayBegin) -> None:
        self.answer = answer
        super().__init__(answer.reason)


class Acting:
    """One attempt of one step on one host."""

    def __init__(self, deps: Deps, order: StepOrder, left_behind: float = LEFT_BEHIND) -> None:
        self.deps, self.order = deps, order
        self.hands = deps.reach(order.cluster)
        info = activity.info()
        self.token = f"{info.workflow_run_id}/{info.activity_id}/{info.attempt}"
        self.owned = ids.drain_reason(ids.REPAIR if order.repair else ids.PLANNED, order.operation)
        self.began: Moment = now()
        self.doubt = ""
        """What became of sending a rung's effect, where that can't be told; added to how the rung ended."""
        self.end: IntentEnd | None = None
        """Set by what ends the step's intent: written together with the step's evidence."""
        self._left_behind, self._quiet = left_behind, Quiet(left_behind)

    async def footing(self) -> Footing:
        """What this step stands on, read from the store just now."""
        order = self.order
        return await self.deps.store.footing(order.cluster, order.pool, order.host, order.record)

    def may_begin(self, deed: Deed, footing: Footing, *, finishing: bool = False) -> MayBegin:
        """Ask the stops in force, and those who work on the host's scope. `finishing`: the deed ends what was begun, so
        this is no safe point.
        """
        order = self.order
        # What was written and waits for its boot is no safe point to park at.
        begun = (not order.step.safe_before and not order.step.back) or (order.step.rung and bool(order.applied))
        parks = deed is Deed.DISRUPT and not finishing and not begun
        because = footing.parked_for(order.operation) if parks else None
        if because is not None:
            return parked(because)
        safe, stops = order.step.safe_before and not finishing, footing.stops
        return may_begin(stops, order.cluster, order.pool, deed, repair=order.repair, safe_point=safe)

    def check_lease(self, footing: Footing) -> None:
        """Raise `LeaseLost` unless our operation holds the host."""
        check_holder(footing.lease, self.order.host, self.order.operation)

    def fence(self, deed: Deed, intent: Intent | None = None, *, finishing: bool = False) -> Fence:
        """The check a driver makes last before its effect: token, lease and stops, read within FENCE_LIFE.

        `finishing` as in `may_begin`.
        """

        async def check() -> None:
            started = time.monotonic()
            footing = await self.footing()
            self.check_lease(footing)
            answer = self.may_begin(deed, footing, finishing=finishing)
            if answer.answer is Proceed.GO and not finishing:
                answer = await called_back(self.deps, self.order, deed) or answer
            if answer.answer is not Proceed.GO:
                raise StoppedAtFence(answer)
            if intent is not None:
                current = footing.intent(intent.step)
                if current is None or current.token != self.token:
                    raise StaleAttempt(f"{intent.step} on {self.order.host} was taken over by a newer attempt")
            if time.monotonic() - started > FENCE_LIFE:
                raise StaleAttempt(f"{intent.step if intent else deed} on {self.order.host}: the check took too long")

        return check

    async def open_intent(self, before: Before) -> Intent:
        """Write the intent in our name. `StaleAttempt` when another attempt wrote it first."""
        began = await self.deps.clock()
        intent = await self.deps.store.open_intent(self.order.record, self.order.step.key, self.token, before, began)
        if intent.token != self.token:
            raise StaleAttempt(f"{self.order.step.key} on {self.order.host} is in the hands of another attempt")
        return intent

    async def take_over(self, intent: Intent) -> float:
        """Make an earlier attempt's intent ours; the monotonic instant from which its fence runs out."""
        if intent.token != self.token and not await self.deps.store.take_over_intent(
            intent.operation, intent.step, intent.token, self.token, now()
        ):
            raise StaleAttempt(f"{intent.step} on {self.order.host} was taken over by a newer attempt")
        return time.monotonic()

    async def withdraw(self, why: str) -> None:
        """Close the step's intent: nothing was sent under it."""
        order = self.order
        await self.deps.store.finish_intent(order.record, order.step.key, self.token, IntentState.WITHDRAWN, why)

    def finish(self, state: IntentState, result: str) -> None:
        """Have the step's intent closed together with the evidence that the step leaves."""
        self.end = IntentEnd(token=self.token, state=state, result=result)

    def touched(self, footing: Footing) -> bool:
        """True when any change but this step's own was begun in this try."""
        # What its visit did to a host in repair is why it is there.
        return self.order.repair or footing.touched(but=self.order.step.key)

    async def look(self, *, rebooting: bool = False) -> Drained:
        """The host's drain as of now, after any measurement with it. `BadAnswer` when it can't be told."""
        answer = await self._look(time.monotonic(), rebooting=rebooting)
        if answer.state is DrainState.MEASURED:
            answer = await self._measured(rebooting=rebooting)
        if answer.state is DrainState.DOUBTFUL:
            raise BadAnswer(answer.reason)
        return answer

    async def _look(self, not_before: float, *, rebooting: bool) -> Drained:
        """The host's drain by a reading that began after that monotonic second; any that is shared for `ANY_AGE`.

        A host in repair may have been rebooted, by a person too: that leaves it down under our drain.
        """
        view = await self.hands.scheduler.view(not_before=not_before)
        rebooting = rebooting or self.order.repair
        return still_ours(self.order.host, self.owned, view, not_before, rebooting=rebooting)

    async def _measured(self, *, rebooting: bool) -> Drained:
        """The host's drain after the measurement that has it undrained, where our reservation lets no job start.
        One that was left behind has nobody to drain it again but us.
        """
        quiet, pauses = Quiet(self._left_behind), Pauses()
        while True:
            answer = await self._look(time.monotonic(), rebooting=rebooting)
            if answer.state is not DrainState.MEASURED:
                return answer
            if answer.jobs and self.order.repair:
                raise BadAnswer(f"{self.order.host}: {answer.reason}")  # between attempts a person is heard
            if quiet.left_behind(answer):
                await self.hands.scheduler.drain(self.order.host, self.owned, self.fence(Deed.RETURN))
            await pauses.wait()

    async def begin_again(self, intent: Intent, at: Moment | None = None) -> Intent:
        """An earlier attempt's intent, under which nothing had begun, as of now: its time counts from here, or from
        `at`. What was sent under it stays noted.
        """
        began = at or await self.deps.clock()
        await self.deps.store.begin_again(intent.operation, intent.step, self.token, began)
        return intent.model_copy(update={"opened_at": began})

    async def hold_drained(self, *, rebooting: bool = False) -> StepResult | None:
        """None while the host is ours and drained; else what to do instead of acting on it.

        Undrained by another while changed: drained again at once, and people are told.
        """
        answer = await self.look(rebooting=rebooting)
        if answer.state is DrainState.DRAINED:
            return None
        touched = self.order.repair or (await self.footing()).touched()
        if touched and answer.state is DrainState.UNDRAINED:
            await self._drain_again()
        if touched and answer.state in (DrainState.UNDRAINED, DrainState.DRAINING):
            answer = await self._until_left(rebooting=rebooting)
        if answer.state is DrainState.DRAINED:
            return None
        if touched and answer.state is DrainState.FOREIGN and not answer.jobs:
            return None  # what was begun is finished, verified and left under the other's hold
        if not touched and answer.state in (DrainState.FOREIGN, DrainState.UNDRAINED):
            return StepResult(action=StepAction.LEAVE, reason=answer.reason)
        if answer.state is DrainState.DOWN:
            return StepResult(action=StepAction.HAND_OVER, reason=answer.reason, host_state=HostState.UNKNOWN)
        raise BadAnswer(f"{self.order.host} is not drained: {answer.reason}")

    async def still_held(self) -> StepResult | None:
        """`hold_drained` before what changes nothing on the host, by a reading that is shared.

        Only when that shows anything but our drain are lease and scheduler asked anew: who takes our lease over also
        writes another reason.
        """
        seen = await self._look(ANY_AGE, rebooting=True)
        if seen.state is DrainState.DRAINED:
            return None
        self.check_lease(await self.footing())
        return await self.hold_drained(rebooting=True)

    async def keep_drained(self) -> None:
        """A cheap look while a flash or reboot is under way: undrained by another, it is drained again at once.

        A scheduler that can't be asked holds up nothing here: the next step does not begin before it answers.
        """
        try:
            seen = await self._look(ANY_AGE, rebooting=True)
            if seen.state is DrainState.UNDRAINED or self._quiet.left_behind(seen):
                seen = await self.look(rebooting=True)
            if seen.state is DrainState.UNDRAINED:
                await self._drain_again()
        except DriverError as error:
            activity.logger.debug(f"the drain of {self.order.host} can't be looked at now: {error}")

    @asynccontextmanager
    async def keeping_drained(self, every: float) -> AsyncIterator[None]:
        """`keep_drained` every so many seconds while the body runs, which may take hours. Raises what that raises."""

        async def keep() -> None:
            while True:
                await asyncio.sleep(every)
                await self.keep_drained()

        keeper = asyncio.create_task(keep())
        try:
            yield
        finally:
            keeper.cancel()
            await asyncio.wait((keeper,))
        if not keeper.cancelled():
            keeper.result()

    async def _drain_again(self) -> None:
        order = self.order
        count_undrained(order.cluster, order.pool)
        await self.deps.page(pages.undrained(order, self.owned))
        await self.hands.scheduler.drain(order.host, self.owned, self.fence(Deed.RETURN))

    async def _until_left(self, *, rebooting: bool) -> Drained:
        """Wait for the jobs that began while our drain was off. In repair each look is an attempt of its own, between
        which a person's word is heeded.
        """
        asked, pauses = time.monotonic(), Pauses()
        while True:
            answer = await self._look(asked, rebooting=rebooting)
            if self.order.repair or answer.state not in (DrainState.DRAINING, DrainState.DOUBTFUL):
                return answer
            await pauses.wait()
