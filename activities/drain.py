"""Drain a host: set our drain, wait until no job holds the host, treat jobs at the deadline as the pool says."""

import time

from temporalio import activity

from activities.acting import Acting
from activities.deps import Deps, beating
from activities.events import drain_begun
from activities.failing import mapped
from activities.giving_way import drain_policy, yields
from activities.interrupting import ended_all_the_same, note_interrupted
from activities.offboarded import nothing_left
from activities.operation_word import called_off
from activities.pausing import Pauses
from activities.pin_forward import called_back
from activities.recording import recorded
from activities.refusals import refused, stoppable
from fleet.errors import ForeignHold, HostState, Refused
from fleet.models.intent import Before, Intent
from fleet.models.pool import DrainPolicy
from fleet.models.scheduler import ClusterView, Job
from fleet.models.work import EndCause, StepAction, StepOrder, StepResult
from fleet.policy.draining import Drained, DrainState, at_deadline, drained, lost_sight_of
from fleet.policy.stopping import Deed

TREAT_AGAIN = 20
"""Seconds after which a job that was requeued or cancelled and still runs is treated again."""


class Draining:
    """Activity `drain`."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps

    @activity.defn(name="drain")
    @mapped
    async def drain(self, order: StepOrder) -> StepResult:
        """Take the host out of production. Repeating it goes on where the last attempt was."""
        acting = Acting(self.deps, order)
        async with beating():
            return await recorded(acting, lambda: stoppable(lambda: self._drain(acting), touched=False))

    async def _drain(self, acting: Acting) -> StepResult:
        refusal = await self._refusal(acting)
        if refusal is not None:
            return refusal
        intent = await self._since(acting)
        try:
            await acting.hands.scheduler.drain(acting.order.host, acting.owned, acting.fence(Deed.DRAIN))
        except ForeignHold as hold:
            return StepResult(action=StepAction.LEAVE, reason=f"drained by another: {hold.holder}")
        return await self._until_drained(acting, intent, time.monotonic())

    async def _refusal(self, acting: Acting) -> StepResult | None:
        """Why the drain ends now: a stop, a pin switch that goes back, or that no job has to go for what was
        offboarded. None to go on.
        """
        may = acting.may_begin(Deed.DRAIN, await acting.footing())
        stopped = refused(await called_back(self.deps, acting.order, Deed.DRAIN) or may, touched=False)
        if stopped is None and await yields(self.deps, acting.order):
            return StepResult(
                action=StepAction.GIVE_BACK,
                reason="yielded to more urgent work",
                cause=EndCause.YIELD,
                host_state=HostState.DRAINED,
            )
        off = "" if stopped is not None else await called_off(self.deps, acting.order)
        if off:
            return StepResult(
                action=StepAction.GIVE_BACK, reason=off, cause=EndCause.YIELD, host_state=HostState.DRAINED
            )
        gone = "" if stopped is not None else await nothing_left(acting)
        if gone:
            return StepResult(
                action=StepAction.GIVE_BACK, reason=gone, cause=EndCause.UPGRADE, host_state=HostState.DRAINED
            )
        return stopped

    async def _since(self, acting: Acting) -> Intent:
        """The drain's own row: its time of opening is where the deadline counts from, whoever drains. It is ours from
        here on: an earlier attempt that wakes late must treat no job, which may run elsewhere by then, nor take the row
        back.
        """
        order, began = acting.order, await self.deps.clock()
        told = drain_begun(order, began)
        opening = self.deps.store.open_intent
        intent = await opening(order.record, order.step.key, acting.token, Before(), began, told=told)
        acting.check_newest(intent)
        await acting.take_over(intent)
        return intent

    async def _until_drained(self, acting: Acting, intent: Intent, acknowledged: float) -> StepResult:
        within = (await self.deps.cluster(acting.order.cluster)).host_back_within
        pauses, placed = Pauses(at_most=1.0), time.monotonic()
        while True:
            view = await acting.hands.scheduler.view(not_before=acknowledged)
            answer = drained(acting.order.host, acting.owned, view, acknowledged)
            if answer.state is not DrainState.DOUBTFUL:
                placed = time.monotonic()
            elif time.monotonic() - placed > within.total_seconds():
                answer = lost_sight_of(answer, within)
            result = _ended(answer)
            if result is None:
                result = await self._refusal(acting)
            if result is not None:
                return result
            if answer.jobs:
                # As of now: a wait may take hours, and people who see to a job meanwhile say so in the fleet file.
                policy = await drain_policy(self.deps, acting.order)
                decision = at_deadline(_jobs(answer, view), policy, await self.deps.clock() - intent.opened_at)
                if decision.give_back:
                    return StepResult(action=StepAction.GIVE_BACK, reason=decision.reason, host_state=HostState.DRAINED)
                if decision.requeue or decision.cancel:
                    result = await self._free(acting, policy, intent)
                    if result is not None:
                        return result
            await pauses.wait()

    async def _free(self, acting: Acting, policy: DrainPolicy, intent: Intent) -> StepResult | None:
        """Free the host of its jobs; None to wait for that, else how the drain ends."""
        try:
            return await self._treat(acting, policy, intent)
        except Refused as error:
            reason = f"the scheduler refuses to free the host of its jobs: {error}"
            return StepResult(action=StepAction.GIVE_BACK, reason=reason, host_state=HostState.DRAINED)

    async def _treat(self, acting: Acting, policy: DrainPolicy, intent: Intent) -> StepResult | None:
        """Requeue or cancel what still runs by a look of just now: a job that has moved on meanwhile is let be. And so
        is each of them once the host is to be given back after all, which is the result then: looks take their time.
        """
        scheduler, asked = acting.hands.scheduler, time.monotonic()
        view = await scheduler.view(not_before=asked)
        answer = drained(acting.order.host, acting.owned, view, asked)
        decision = at_deadline(_jobs(answer, view), policy, await self.deps.clock() - intent.opened_at)
        for verb, act, chosen in (
            ("requeued", scheduler.requeue, decision.requeue),
            ("cancelled", scheduler.cancel, decision.cancel),
        ):
            refusal = await self._refusal(acting) if chosen else None
            if refusal is not None:
                return refusal
            jobs = [j for j in chosen if await self._ours_to_treat(acting, verb, view.jobs[j])]
            if not jobs:
                continue
            try:
                await act(tuple(jobs), acting.fence(Deed.DRAIN))
            except Refused:
                gone = await ended_all_the_same(scheduler, [view.jobs[j] for j in jobs])
                await note_interrupted(acting, verb, gone)
                raise
            await note_interrupted(acting, verb, [view.jobs[j] for j in jobs])
            hosts = sum(len(view.jobs[j].hosts) for j in jobs)
            activity.logger.info(f"{verb} {', '.join(jobs)} on {hosts} hosts at the drain deadline: {decision.reason}")
        return None

    async def _ours_to_treat(self, acting: Acting, verb: str, job: Job) -> bool:
        """A gang has several hosts of the domain, and one of them treats it; again only when that came to nothing."""
        turn = int((await self.deps.clock()).timestamp() // TREAT_AGAIN)
        key = f"{verb}/{acting.order.cluster}/{job.id}/{job.restarts}/{turn}"
        return await self.deps.store.first_time(key, await self.deps.clock())


def _jobs(answer: Drained, view: ClusterView) -> tuple[Job, ...]:
    return tuple(view.jobs[j] for j in answer.jobs if j in view.jobs)


def _ended(answer: Drained) -> StepResult | None:
    """What ends the wait, or None to go on waiting."""
    match answer.state:
        case DrainState.DRAINED:
            return StepResult(action=StepAction.GO_ON, reason=answer.reason, host_state=HostState.DRAINED)
        case DrainState.FOREIGN | DrainState.UNDRAINED:
            return StepResult(action=StepAction.LEAVE, reason=answer.reason)
        case DrainState.DOWN:
            return StepResult(action=StepAction.HAND_OVER, reason=answer.reason, host_state=HostState.UNKNOWN)
        case _:
            return None
