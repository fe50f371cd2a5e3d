"""An attempt of a step that keeps its host's drain: a change is made, and gone on with, only under a drain of ours."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import activity

from activities import pages
from activities.attempt import Attempt
from activities.barred import Sight
from activities.counting import count_undrained
from activities.deps import Deps
from activities.left_behind import LEFT_BEHIND, Quiet
from activities.pausing import Pauses
from fleet.errors import BadAnswer, DriverError, HostState
from fleet.models.work import StepAction, StepOrder, StepResult
from fleet.policy.draining import Drained, DrainState, lost_sight_of, still_ours
from fleet.policy.stopping import Deed

ANY_AGE = 0.0
"""Takes any reading of the scheduler that is still shared, whenever it began."""


class Acting(Attempt):
    """One attempt of one step on one host, which looks after its drain."""

    def __init__(self, deps: Deps, order: StepOrder, left_behind: float = LEFT_BEHIND) -> None:
        super().__init__(deps, order)
        self._left_behind, self._quiet, self._sight = left_behind, Quiet(left_behind), Sight(self)

    async def look(self, *, rebooting: bool = False) -> Drained:
        """The host's drain as of now, after any measurement with it. `BadAnswer` when it can't be told; a host that
        the scheduler can't place for as long as a reboot may take, such as one it hears nothing from, is down.
        """
        while True:
            answer = await self._look(time.monotonic(), rebooting=rebooting)
            if answer.state is DrainState.MEASURED:
                answer = await self._measured(rebooting=rebooting)
            if answer.state is not DrainState.DOUBTFUL:
                await self._sight.placed()
                return answer
            within = (await self.deps.cluster(self.order.cluster)).host_back_within
            if await self._sight.lost(BadAnswer(answer.reason), within):
                return lost_sight_of(answer, within)

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

    async def hold_drained(self, *, rebooting: bool = False) -> StepResult | None:
        """None while the host is ours and drained; else what to do instead of acting on it.

        Undrained by another while changed: drained again at once, and people are told.
        """
        answer = await self.look(rebooting=rebooting)
        if answer.state is DrainState.DRAINED:
            return None
        footing = await self.footing()
        touched = self.order.repair or footing.touched()
        if answer.state is DrainState.DOWN and not rebooting and footing.rebooted_before(self.order.step.key):
            # On the way back from an offboarded version: the visit's own reboot has left it so.
            rebooting, answer = True, await self.look(rebooting=True)
            if answer.state is DrainState.DRAINED:
                return None
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
        order, fence = self.order, self.fence(Deed.RETURN)
        await fence()  # before people are told: who wakes late finds what returned since
        count_undrained(order.cluster, order.pool)
        await self.deps.page(pages.undrained(order, self.owned))
        await self.hands.scheduler.drain(order.host, self.owned, fence)

    async def _until_left(self, *, rebooting: bool) -> Drained:
        """Wait for the jobs that began while our drain was off. In repair each look is an attempt of its own, between
        which a person's word is heeded.
        """
        asked, pauses = time.monotonic(), Pauses()
        while True:
            answer = await self._look(asked, rebooting=rebooting)
            if answer.state is DrainState.DOUBTFUL and not self.order.repair:
                return await self.look(rebooting=rebooting)  # which does not wait for ever for a host that is lost
            if self.order.repair or answer.state is not DrainState.DRAINING:
                return answer
            await pauses.wait()
