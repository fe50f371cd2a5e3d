"""`PinBatch`: takes some hosts of a pin switch through one of its phases, all of them at once."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.hand_over import HandingOver
    from activities.pin_batch import PinBatching
    from activities.returning import Returning
    from fleet import ids
    from fleet.errors import HostState
    from fleet.models.messages import HandOver
    from fleet.models.pin_messages import (
        GOES_ON,
        PinBatchEnd,
        PinBatchInput,
        PinBatchSeen,
        PinBatchWork,
        PinHostWork,
        PinPhase,
    )
    from fleet.models.work import EndCause, HostWork, Outcome, Step, StepAction, StepKind, StepOrder, StepResult
    from fleet.policy.pin_steps import reached
    from workflows.domain_visit import start_repair
    from workflows.host_steps import lease_lost, unknown_state
    from workflows.options import BOARD, STEP, at
    from workflows.performing import ACTIVITIES
    from workflows.step_words import detail
    from workflows.telling import tell


@workflow.defn(name="PinBatch")
class PinBatch:
    """Plan, take each host's steps, hand over those that fail, and write down how all came out of it."""

    @workflow.init
    def __init__(self, batch: PinBatchInput) -> None:
        self.batch = batch
        self.meeting = ids.pin_meeting(batch.switch, batch.phase, batch.batch)
        """Where its hosts find each other to measure the fabric: not among all hosts of the cluster."""
        self.broken_off = False
        self.done: list[str] = []
        self.failed: dict[str, str] = {}
        self.under_way: dict[str, str] = {}
        """Host: the step it is at."""

    @workflow.run
    async def run(self, batch: PinBatchInput) -> str:
        """One phase of one batch; what came of it."""
        planned: PinBatchWork = await workflow.execute_activity_method(
            PinBatching.plan_pin_batch, batch, **at(batch.cluster, f"plan {batch.phase}", BOARD)
        )
        works = {host.work.host: host.work for host in planned.hosts}
        await asyncio.gather(*(self._host(host) for host in planned.hosts))
        seen = await self._end(self.done)
        if seen.off:
            await asyncio.gather(*(self._fail(works[h], _unfit(why)) for h, why in seen.off.items()))
            await self._end([])
        await tell(batch.switch, "wake")
        return f"{len(self.done) - len(seen.off)} done, {len(self.failed)} not"

    async def _end(self, done: list[str]) -> PinBatchSeen:
        end = PinBatchEnd(input=self.batch, done=tuple(done), failed=self.failed)
        seen: PinBatchSeen = await workflow.execute_activity_method(
            PinBatching.end_pin_batch, end, **at(self.batch.cluster, f"end {self.batch.phase}", BOARD)
        )
        return seen

    async def _host(self, host: PinHostWork) -> None:
        """One host's steps, to their end or to its repair."""
        if host.waits:
            self._show(host.work.host, f"waits: {host.waits}")
            told = await self._told(host)
            if told is None:  # written down otherwise meanwhile, by a batch that was left behind
                self._show(host.work.host, "")
                return
            host = told
        if host.lost:
            await self._fail(host.work, _unfit(host.lost))
            return
        try:
            ended = await self._walk(host)
        except ActivityError as error:
            ended = unknown_state(error)
            if lease_lost(error):
                self._show(host.work.host, "")
                self.failed[host.work.host] = f"no longer ours: {error.cause}"
                return
        self._show(host.work.host, "")
        if ended is None:
            self.done.append(host.work.host)
        elif ended.action is not StepAction.HOLD:
            await self._fail(host.work, ended)

    async def _told(self, host: PinHostWork) -> PinHostWork | None:
        """What to do with a host that waits, once that can be told: asked for alone, which is tried until then. None
        when it is no longer in this phase.
        """
        name = host.work.host
        alone = self.batch.model_copy(update={"host": name})
        planned: PinBatchWork = await workflow.execute_activity_method(
            PinBatching.plan_pin_batch, alone, **at(self.batch.cluster, f"{name} {host.waits}", BOARD)
        )
        return next((found for found in planned.hosts if found.work.host == name), None)

    async def _walk(self, host: PinHostWork) -> StepResult | None:
        """None when every step was taken; a HOLD when the phase was broken off before; else what ended them."""
        undrain, reason = True, ""
        for place, step in enumerate(host.steps):
            if self.broken_off and self.batch.phase not in GOES_ON:
                return _not_begun("the switch goes back")
            result = await self._perform(host, step, place)
            if result.cause is EndCause.STOP:
                return _not_begun(result.reason)
            if step.kind is StepKind.GATE and result.action is StepAction.LEAVE:
                undrain = False
            elif result.action is not StepAction.GO_ON:
                return result
            reason = result.reason
        if self.batch.phase is not PinPhase.RELEASE:
            return None
        back = await self._return(host, undrain=undrain, reason=reason)
        return back if back.action is StepAction.HAND_OVER else None

    async def _perform(self, host: PinHostWork, step: Step, place: int) -> StepResult:
        work, back = host.work, self.batch.phase is PinPhase.RELEASE
        order = self._order(work, step)
        order = order.model_copy(
            update={
                "visit": self.meeting if step.kind is StepKind.VERIFY else work.visit,
                "applied": reached(work.steps if back else host.steps[:place]),
                "required": tuple(s.task for s in work.steps if s.task is not None),
            }
        )
        self._show(work.host, step.key)
        summary = f"{work.host} {detail(step)}".strip()
        result: StepResult = await workflow.execute_activity_method(
            ACTIVITIES[step.kind], order, **at(work.cluster, summary, STEP)
        )
        return result

    async def _return(self, host: PinHostWork, *, undrain: bool, reason: str) -> StepResult:
        """The last step: back into production, where nobody else holds it, and the lease's end."""
        work, last = host.work, host.steps[-1]
        changed, goes_back = bool(work.steps), any(step.back for step in work.steps)
        outcome = Outcome.UPGRADED if changed and not goes_back else Outcome.ROLLED_BACK
        order = self._order(work, last.model_copy(update={"kind": StepKind.RETURN, "key": "return"}))
        order = order.model_copy(
            update={
                "applied": reached(work.steps),
                "outcome": outcome if changed else Outcome.GIVEN_BACK,
                "cause": None if changed else EndCause.STOP,
                "undrain": undrain,
                "reason": reason,
            }
        )
        self._show(work.host, "return")
        result: StepResult = await workflow.execute_activity_method(
            Returning.return_host, order, **at(work.cluster, work.host, STEP)
        )
        return result

    def _order(self, work: HostWork, step: Step) -> StepOrder:
        return StepOrder(
            cluster=work.cluster,
            pool=work.pool,
            host=work.host,
            operation=work.operation,
            visit=work.visit,
            step=step,
        )

    async def _fail(self, work: HostWork, ended: StepResult) -> None:
        """A host that can't follow goes to repair, drained with our reason; the switch is told at once."""
        order = HandOver(work=work, reason=f"pin switch: {ended.reason}", host_state=ended.host_state)
        try:
            repair: HostWork = await workflow.execute_activity_method(
                HandingOver.hand_over, order, **at(work.cluster, f"hand over {work.host}: {ended.reason}")
            )
            await start_repair(repair)
        except ActivityError as error:
            if not lease_lost(error):
                raise
        self.failed[work.host] = ended.reason

    def _show(self, host: str, step: str) -> None:
        """What the UI tells while it runs: the steps under way."""
        self.under_way.pop(host, None)
        if step:
            self.under_way[host] = step
        lines = [f"- {name}: {key}" for name, key in list(self.under_way.items())[:40]]
        head = f"{self.batch.phase} of batch {self.batch.batch}: {len(self.done)} done, {len(self.failed)} failed"
        workflow.set_current_details("\n".join((head, *lines)))

    @workflow.signal(description="End before each host's next step: the switch goes back")
    def break_off(self) -> None:
        """End before each host's next step."""
        self.broken_off = True


def _unfit(reason: str) -> StepResult:
    """A host that is not as it should be."""
    return StepResult(action=StepAction.HAND_OVER, reason=reason, host_state=HostState.PARTLY_APPLIED)


def _not_begun(reason: str) -> StepResult:
    return StepResult(action=StepAction.HOLD, reason=reason)
