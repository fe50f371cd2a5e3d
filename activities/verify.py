"""Run one verification task on a host."""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime

from temporalio import activity

from activities.acting import ANY_AGE, Acting
from activities.borrowing import borrow, left_over, measured_with, partnerless
from activities.deps import Deps, beating, now
from activities.failing import mapped
from activities.left_behind import Quiet
from activities.lent import Lent
from activities.meeting import Meetings
from activities.parked import parked_now
from activities.pausing import Pauses
from activities.recording import recorded
from activities.train_pause import pause_train, paused
from fleet.models.intent import Before, IntentState
from fleet.models.pool import Pool
from fleet.models.verification import Verification, VerificationTask
from fleet.models.work import StepAction, StepOrder, StepResult
from fleet.policy.draining import measured_among
from fleet.policy.fabric import MOST_TRIED, FabricAction, Partners, borrow_terms, idle_in_production, partners
from fleet.policy.verifying import VerifyNext, after_verification, counts_as_inconclusive, pause_for_inconclusive

KEEP_EVERY = 10.0
"""Seconds between looks at the drain while a verification runs."""
IDLE_AGAIN = 10.0
"""Seconds after which a host that waits for an idle one to measure the fabric with looks again."""
DRAINED_AGAIN_WITHIN = 60.0
"""Seconds without a job after which a partner in a measurement that was left behind is not waited for any longer."""


class Verifying:
    """Activity `verify`."""

    def __init__(self, deps: Deps, keep_every: float = KEEP_EVERY, idle_again: float = IDLE_AGAIN) -> None:
        self.deps, self._keep_every, self._idle_again = deps, keep_every, idle_again
        self._meetings, self._lent = Meetings(deps.store.gathering), Lent()

    @activity.defn(name="verify")
    @mapped
    async def verify(self, order: StepOrder) -> StepResult:
        """Verify once; an inconclusive answer is asked again, and a second one goes to a person."""
        acting = Acting(self.deps, order)
        async with beating():
            return await recorded(acting, lambda: self._verify(acting))

    async def _verify(self, acting: Acting) -> StepResult:
        task = acting.order.step.task
        assert task is not None, "a verify step names its task"
        held = await self._parked(acting) or await acting.still_held()
        if held is not None:
            return held
        await self._claim(acting)
        parked = await self._parked(acting)  # once more: who was granted before the claim can't have seen it
        if parked is not None:
            return parked
        try:
            result = await self._verified(acting, task)
        except Exception:
            await acting.withdraw("it broke off")
            raise
        acting.finish(IntentState.WITHDRAWN, result.reason)
        return result

    async def _claim(self, acting: Acting) -> None:
        """Write down that a verification is under way, so that no outsider begins on its scope before it is over. Not
        beside a settling, whose grants begin before they can be seen: this would seem to come after them.
        """
        intent = await acting.deps.store.intent(acting.order.record, acting.order.step.key)
        if intent is None or intent.state is not IntentState.OPEN:
            intent = await acting.open_intent(Before(), cluster=acting.order.cluster)
        await acting.take_over(intent)
        await self.deps.store.note_sent(acting.order.record, acting.order.step.key, acting.token, sent=True)

    async def _parked(self, acting: Acting) -> StepResult | None:
        """Why it waits for an outsider; what an earlier attempt had claimed is let go then. None to verify."""
        held = await parked_now(self.deps, acting.order)
        if held is None:
            return None
        intent = await acting.deps.store.intent(acting.order.record, acting.order.step.key)
        if intent is not None and intent.state is IntentState.OPEN:
            await acting.take_over(intent)
            await acting.withdraw(held.reason)
        return held

    async def _verified(self, acting: Acting, task: VerificationTask) -> StepResult:
        inconclusive = 0
        while True:
            async with acting.keeping_drained(self._keep_every):
                verification = await self._run(acting, task)
            decision = after_verification(verification, inconclusive, repair=acting.order.repair)
            if counts_as_inconclusive(verification, repair=acting.order.repair):
                await self._count_inconclusive(acting)
            if decision.pause_train:
                await self._pause(acting, decision.reason)
            if decision.next is VerifyNext.GO_ON:
                return _result(StepAction.GO_ON, decision.reason, verification)
            if decision.next is VerifyNext.HAND_OVER:
                return _result(StepAction.HAND_OVER, decision.reason, verification)
            inconclusive += 1

    async def _run(self, acting: Acting, task: VerificationTask) -> Verification:
        if task is VerificationTask.FABRIC:
            return await self._fabric(acting)
        return await acting.hands.verifier.verify(task, acting.order.host, (), pool=acting.order.pool)

    async def _fabric(self, acting: Acting) -> Verification:
        """Measure with hosts of the domain, else with a borrowed one, for which it waits as long as for them."""
        order = acting.order
        cluster, pool = await self.deps.pool_of(order.cluster, order.host, order.pool)
        terms = borrow_terms(order.host, cluster.drivers.verifier, order.step.expected)
        alone: datetime | None = None
        while True:
            found = await self._partners(acting, pool)
            if found.action is FabricAction.RUN:
                task = VerificationTask.FABRIC
                async with self._lent.counted([f"{order.cluster}/{name}" for name in found.partners]):
                    await self._until_unmeasured(acting, found.partners)
                    told = await acting.hands.verifier.verify(task, order.host, found.partners, pool=order.pool)
                await self._lent.free(f"{order.cluster}/{order.host}")
                return told
            if terms.limit is None:
                return partnerless(f"no partner: {terms.reason}")
            borrowed = await borrow(acting, (*found.partners, *found.instead), terms.limit)
            if borrowed.job:
                return await measured_with(acting, borrowed)
            alone = alone or now()
            left = (alone + pool.fabric_wait - now()).total_seconds()
            if left <= 0 and not await left_over(acting):
                return partnerless(borrowed.told if found.partners else found.reason)
            await asyncio.sleep(min(left, self._idle_again) if left > 0 else self._idle_again)

    async def _until_unmeasured(self, acting: Acting, partners: Sequence[str]) -> None:
        """Wait until no other measurement has any of these hosts undrained, in which the next one would be refused.

        After one that a dead worker left behind each host's own step drains it; those are waited for, for a while.
        """
        scheduler, host = acting.hands.scheduler, acting.order.host
        quiet, pauses = Quiet(DRAINED_AGAIN_WITHIN), Pauses()
        view = await scheduler.view(not_before=ANY_AGE)
        while (seen := measured_among((host, *partners), view)) is not None and not quiet.left_behind(seen):
            if measured_among((host,), view) is not None:
                await acting.look(rebooting=True)
            await pauses.wait()
            view = await scheduler.view(not_before=time.monotonic())

    async def _partners(self, acting: Acting, pool: Pool) -> Partners:
        """Hosts to measure the fabric with: of the domain when ready in time, else idle ones in production."""
        order, store = acting.order, self.deps.store
        rendezvous, since = order.visit or order.record, now()
        meeting = self._meetings.at(rendezvous)
        await store.ready_for_fabric(rendezvous, order.host, since)
        ready, planned = await meeting.arrive()
        while True:
            answer = partners(order.host, ready, planned, (), since, now(), pool.fabric_wait)
            if answer.action is FabricAction.INCONCLUSIVE:
                idle = await self._idle(acting)
                return partners(order.host, ready, planned, idle, since, now(), pool.fabric_wait)
            if answer.action is FabricAction.RUN:
                return answer
            await meeting.wait()
            ready, planned = await meeting.look()

    async def _idle(self, acting: Acting) -> tuple[str, ...]:
        """A few idle production hosts that are nobody's."""
        order, store = acting.order, self.deps.store
        view = await acting.hands.scheduler.view(not_before=time.monotonic())
        found: list[str] = []
        for name in idle_in_production(await store.hosts(order.cluster, order.pool), view):
            if len(found) < MOST_TRIED and name != order.host and await store.lease(order.cluster, name) is None:
                found.append(name)
        return tuple(found)

    async def _count_inconclusive(self, acting: Acting) -> None:
        """Inconclusive answers on several hosts of a cycle point at the verification, not at a host: pause.

        Counted anew after each pause, and not while one is in force: an operator who resumes has seen to them.
        """
        order, store = acting.order, self.deps.store
        if await paused(self.deps, order):
            return
        _, pool = await self.deps.pool_of(order.cluster, order.host, order.pool)
        cycle = await store.cycle(order.cluster, order.pool)
        pauses = await store.count_claims(self._pauses(acting))
        where = f"inconclusive/{order.cluster}/{order.pool}/{cycle.number if cycle else 0}/{pauses}/"
        await store.first_time(where + order.host, now())
        pause = pause_for_inconclusive(await store.count_claims(where), pool)
        if pause is not None:
            await self._pause(acting, pause.reason)

    def _pauses(self, acting: Acting) -> str:
        return f"inconclusive-pause/{acting.order.cluster}/{acting.order.pool}/"

    async def _pause(self, acting: Acting, reason: str) -> None:
        autostop = await pause_train(self.deps, acting.order, reason)
        if autostop is not None:
            await self.deps.store.first_time(f"{self._pauses(acting)}{autostop.since}", now())


def _result(action: StepAction, reason: str, verification: Verification) -> StepResult:
    return StepResult(action=action, reason=reason, verification=verification)
