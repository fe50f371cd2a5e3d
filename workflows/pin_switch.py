"""`PinSwitch`: moves a job-facing component of a cluster, everywhere at once, or back."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ChildWorkflowError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.pin import PinSwitching
    from activities.pin_batch import PinBatching
    from activities.pin_closing import PinClosing
    from fleet import ids
    from fleet.models.messages import Command, RolloutInput
    from fleet.models.pin_messages import PinAction, PinBatchInput, PinInput, PinOrder, PinPhase, PinReview
    from workflows.attributes import OUTCOME, of_cluster
    from workflows.looking import Looking
    from workflows.options import (
        AFTER_FAILURE,
        BATCHES_AT_ONCE,
        BOARD,
        PIN_HISTORY,
        ROLLOUT_LOOKS,
        STEP,
        at,
    )
    from workflows.pin_batch import PinBatch
    from workflows.rollout import Rollout
    from workflows.telling import Note, tell

_DEEDS: dict[PinAction, Any] = {
    PinAction.CLOSE: PinClosing.close_pin,
    PinAction.CLEAR: PinClosing.clear_pin,
    PinAction.COMMIT: PinClosing.commit_pin,
    PinAction.OPEN: PinClosing.open_pin,
}


@workflow.defn(name="PinSwitch")
class PinSwitch(Looking[PinReview]):
    """Look, do what the look says, and look again; where it stands is in the store, so every look finds its way."""

    @workflow.init
    def __init__(self, switch: PinInput) -> None:
        super().__init__(switch.cluster)
        self.switch = switch

    @workflow.run
    async def run(self, switch: PinInput) -> str:
        """Until every host carries the new pin, or the old one again; how it ended."""
        while True:
            self.woken = False
            review = await self._look()
            if review is not None and review.action is PinAction.END:
                return await self._end(review)
            try:
                await self._do(review)
            except (ActivityError, ChildWorkflowError) as error:
                # A switch outlives whatever went wrong: the next look finds out from the rows what is left to do.
                workflow.logger.error(f"{switch.switch} goes on after an error: {error.cause or error}")
                await self.rest(AFTER_FAILURE)
            if workflow.info().is_continue_as_new_suggested() or (
                workflow.info().get_current_history_length() >= PIN_HISTORY
            ):
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(self.switch)

    async def _look(self) -> PinReview | None:
        """One look; None when it failed."""
        try:
            seen: PinReview = await workflow.execute_activity_method(
                PinSwitching.review_pin, self.switch, **at(self.switch.cluster, "review", BOARD)
            )
        except ActivityError as error:
            workflow.logger.error(f"{self.switch.switch} can't be looked at: {error.cause or error}")
            return None
        self.last = seen
        workflow.set_current_details(seen.picture)
        for rollout in seen.rollouts:
            await self._start_rollout(rollout)
        return seen

    async def _do(self, review: PinReview | None) -> None:
        """What a look said is next."""
        if review is None:
            await self.rest(AFTER_FAILURE)
        elif review.action is PinAction.WAIT:
            if review.state == "requesting":
                await tell(ids.dispatcher(self.switch.cluster), "wake")
            pause = ROLLOUT_LOOKS if review.wait_seconds is None else timedelta(seconds=review.wait_seconds)
            await self.rest(pause)
        elif review.action is PinAction.RUN and review.phase is not None:
            await self._run(review.phase, review)
        elif review.action in _DEEDS:
            await workflow.execute_activity_method(
                _DEEDS[review.action], self.switch, **at(self.switch.cluster, review.reason, STEP)
            )
            await tell(ids.dispatcher(self.switch.cluster), "wake")

    async def _run(self, phase: PinPhase, review: PinReview) -> None:
        """Take every batch through a phase; break off what has not begun when a look says that it goes back."""
        turn, open_ = asyncio.Semaphore(BATCHES_AT_ONCE), set[int]()
        broken_off = False

        async def one(batch: int) -> None:
            async with turn:
                if not broken_off:
                    open_.add(batch)
                    await self._batch(phase, batch)
                    open_.discard(batch)

        tasks = [asyncio.create_task(one(batch)) for batch in review.batches]
        pause = _seconds(review.wait_seconds)
        while not all(task.done() for task in tasks):
            try:
                await workflow.wait_condition(lambda: self.woken or all(t.done() for t in tasks), timeout=pause)
            except TimeoutError:
                self.woken = True
            if self.woken and not broken_off and not all(task.done() for task in tasks):
                self.woken = False  # before the look: what wakes it meanwhile is looked at once more
                seen = await self._look()
                pause = AFTER_FAILURE if seen is None else _seconds(seen.wait_seconds)
                if seen is not None and seen.breaks_off:
                    broken_off, pause = True, None
                    for batch in sorted(open_):
                        await tell(ids.pin_batch(self.switch.switch, phase, batch), "break_off")
            if broken_off:
                self.woken = False
        for task in tasks:
            task.result()

    async def _batch(self, phase: PinPhase, batch: int) -> None:
        order = PinBatchInput(switch=self.switch.switch, cluster=self.switch.cluster, phase=phase, batch=batch)
        if phase is PinPhase.BACK:
            await self._undisturbed(order)
        if phase is PinPhase.PREPARE:
            await workflow.execute_activity_method(
                PinBatching.prepare_pin_batch, order, **at(self.switch.cluster, f"prepare batch {batch}", STEP)
            )
            return
        try:
            await workflow.execute_child_workflow(
                PinBatch.run,
                order,
                id=ids.pin_batch(self.switch.switch, phase, batch),
                task_queue=ids.WORKFLOW_QUEUE,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=f"{phase} of batch {batch} of {self.switch.switch}",
                search_attributes=of_cluster(self.switch.cluster),
            )
        except WorkflowAlreadyStartedError:
            # Left behind by a run that was terminated: it writes how its hosts came out, and the look after it tells.
            workflow.logger.info(f"{phase} of batch {batch} is under way already")
            await asyncio.sleep(AFTER_FAILURE.total_seconds())

    async def _undisturbed(self, order: PinBatchInput) -> None:
        """Hosts go back only when nothing takes them forth any more, such as what a terminated run left behind."""
        batch = order.batch
        for phase in (PinPhase.MOVE, PinPhase.VERIFY):
            if await tell(ids.pin_batch(self.switch.switch, phase, batch), "break_off"):
                await workflow.execute_activity_method(
                    PinBatching.await_pin_batch,
                    order.model_copy(update={"phase": phase}),
                    **at(order.cluster, f"{phase} of batch {batch} ends", STEP),
                )

    async def _start_rollout(self, rollout: RolloutInput) -> None:
        """A co-rollout's own workflow, which lives on without this one."""
        component, _, version = rollout.rollout.partition("/")
        try:
            await workflow.start_child_workflow(
                Rollout.run,
                rollout,
                id=ids.rollout(component, version),
                task_queue=ids.WORKFLOW_QUEUE,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=f"rollout of {component} {version}",
                search_attributes=of_cluster(rollout.cluster),
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info(f"{rollout.rollout} is under way already")

    async def _end(self, review: PinReview) -> str:
        workflow.upsert_search_attributes([OUTCOME.value_set(review.state)])
        await tell(ids.dispatcher(self.switch.cluster), "wake")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return review.reason

    async def _order(self, verb: str, command: Command) -> str:
        order = PinOrder(actor=command.actor, reason=command.reason, switch=self.switch.switch, verb=verb)
        return await self.put_in_force(verb, PinSwitching.order_pin, order)

    @workflow.signal(description="The dispatcher granted the cluster's hosts")
    def granted(self) -> None:
        """The lease is there."""
        self.woken = True

    @workflow.signal(name="yield", description="Heard, and not heeded: a switch ends in its window or goes back")
    def yield_(self, note: Note = None) -> None:
        """A switch can't give single hosts back."""
        workflow.logger.info(f"{self.switch.switch} does not yield: {note}")

    @workflow.update(description="Let the switch begin, at its time")
    async def approve(self, command: Command) -> str:
        """Approve."""
        return await self._order("approve", command)

    @workflow.update(description="Call the switch off, or take everything back to the old pin")
    async def abort(self, command: Command) -> str:
        """Abort."""
        return await self._order("abort", command)

    @approve.validator
    def _may_approve(self, command: Command) -> None:
        self.check("approve", command)

    @abort.validator
    def _may_abort(self, command: Command) -> None:
        self.check("abort", command)


def _seconds(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
