"""`MaintenanceTrain`: the endless visitor of one pool's domains."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.avoiding import Avoiding
    from activities.train import Planning
    from fleet import ids
    from fleet.models.avoidance_messages import AvoidOrder, WithdrawOrder
    from fleet.models.messages import SkipCommand, TrainInput, TrainStop, VisitInput
    from fleet.models.train import StopAction
    from workflows.attributes import of_visit
    from workflows.continuing import time_to_continue
    from workflows.domain_visit import DomainVisit
    from workflows.options import AFTER_FAILURE, TRAIN_LOOKS, at
    from workflows.ordering import Orders
    from workflows.telling import Note, tell


@workflow.defn(name="MaintenanceTrain")
class MaintenanceTrain:
    """Ask the planner for the next stop, start its visit, wait for its end or for what the planner said."""

    @workflow.init
    def __init__(self, train: TrainInput) -> None:
        self.train = train
        self.under_way = list(train.under_way)
        self.orders = Orders(train.cluster, train.pool)
        self.woken = False
        self.last: TrainStop | None = None
        self.watching: asyncio.Task[None] | None = None

    @workflow.run
    async def run(self, train: TrainInput) -> None:
        """Without end; continues as new when the server suggests it, mid-cycle too."""
        while not time_to_continue():
            self.woken = False
            try:
                await self._stop()
            except ActivityError as error:
                # The pool's only train outlives whatever went wrong: it asks again after a while.
                workflow.logger.error(f"the train of {train.cluster}/{train.pool} can't go on: {error.cause or error}")
                await self._rest(AFTER_FAILURE, "ask again after a failure")
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(self._state())

    async def _stop(self) -> None:
        """Ask for the next stop, and visit or wait as the planner says."""
        stop: TrainStop = await workflow.execute_activity_method(
            Planning.plan_stop, self._state(), **at(self.train.cluster, "plan the next stop")
        )
        self.last = stop
        workflow.set_current_details(stop.timetable)
        self.under_way = [v for v in self.under_way if v not in stop.ended]
        if stop.action is StopAction.VISIT and stop.visit is not None and stop.domain is not None:
            await self._visit(stop.visit, stop.domain)
        elif stop.action is StopAction.WAIT:
            pause = TRAIN_LOOKS if stop.wait_seconds is None else timedelta(seconds=stop.wait_seconds)
            await self._rest(min(TRAIN_LOOKS, pause), stop.reason)

    async def _visit(self, visit: str, domain: str) -> None:
        self.under_way.append(visit)
        train = self.train
        try:
            handle = await workflow.start_child_workflow(
                DomainVisit.run,
                VisitInput(cluster=train.cluster, pool=train.pool, visit=visit, domain=domain),
                id=visit,
                task_queue=ids.WORKFLOW_QUEUE,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=f"visit {domain} of {train.cluster}/{train.pool}",
                search_attributes=of_visit(train.cluster, train.pool, domain),
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info(f"{visit} is under way already")
            return
        self.watching = asyncio.create_task(self._watch(visit, handle))

    async def _watch(self, visit: str, handle: workflow.ChildWorkflowHandle[DomainVisit, str]) -> None:
        """A visit that is ended from outside can't tell of it: look at once instead of at the next long pause."""
        try:
            await handle
        except ChildWorkflowError as error:
            workflow.logger.warning(f"{visit} was broken off: {error.cause or error}")
        if visit in self.under_way:
            self.woken = True

    async def _rest(self, pause: timedelta, why: str) -> None:
        try:
            await workflow.wait_condition(lambda: self.woken, timeout=pause, timeout_summary=why[:200])
        except TimeoutError:
            self.woken = True

    async def _order(self, verb: str, note: Note) -> None:
        await self.orders.write(verb, note)
        self.woken = True
        await tell(ids.dispatcher(self.train.cluster), "wake")

    @workflow.signal(description="Something changed: ask the planner anew")
    def wake(self) -> None:
        """Ask the planner anew."""
        self.woken = True

    @workflow.signal(description="A visit ended")
    def visit_ended(self, visit: str) -> None:
        """Forget the visit and ask for the next stop."""
        self.under_way = [v for v in self.under_way if v != visit]
        self.woken = True

    @workflow.signal(description="Stop this pool: no grant and no drain begins, hosts end at their next safe point")
    async def stop(self, note: Note = None) -> None:
        """Stop the pool."""
        await self._order("stop", note)

    @workflow.signal(description="Lift the stops and freezes of this pool")
    async def resume(self, note: Note = None) -> None:
        """Resume the pool."""
        await self._order("resume", note)

    @workflow.update(description="Leave a due domain out of the open cycle")
    async def skip(self, order: SkipCommand) -> str:
        """Skip a domain."""
        done: bool = await workflow.execute_activity_method(
            Planning.skip_domain, args=[self._state(), order], **at(self.train.cluster, f"skip {order.domain}")
        )
        self.woken = True
        if not done:
            raise ApplicationError(f"{order.domain} is no longer due in this cycle", non_retryable=True)
        return f"{order.domain} is left out of this cycle"

    @skip.validator
    def _may_skip(self, order: SkipCommand) -> None:
        if not order.reason.strip():
            raise ValueError("expected a reason")
        if self.last is not None and order.domain not in self.last.due:
            raise ValueError(f"{order.domain} is not due; due are: {', '.join(self.last.due) or 'none'}")

    @workflow.update(description="Keep away from a job or hosts until a date: granted, or refused with the reason")
    async def avoid(self, order: AvoidOrder) -> str:
        """Keep away until a date."""
        info = workflow.current_update_info()
        if not order.request and info is not None:
            order = order.model_copy(update={"request": info.id})
        return await self._avoidance(Avoiding.avoid, order, "a request to keep away")

    @avoid.validator
    def _may_avoid(self, order: AvoidOrder) -> None:
        order.check(workflow.now())

    @workflow.update(description="Take back a request to keep away, by its id or its job")
    async def withdraw(self, order: WithdrawOrder) -> str:
        """Withdraw an avoidance."""
        return await self._avoidance(Avoiding.withdraw_avoidance, order, f"withdraw {order.avoidance}")

    @withdraw.validator
    def _may_withdraw(self, order: WithdrawOrder) -> None:
        order.check()

    async def _avoidance(self, deed: Callable[..., Any], order: AvoidOrder | WithdrawOrder, what: str) -> str:
        answer: str = await workflow.execute_activity_method(
            deed, args=[self._state(), order], **at(self.train.cluster, what)
        )
        self.woken = True
        return answer

    @workflow.query(description="Domains of the cycle, the next stop and why the train waits")
    def timetable(self) -> str:
        """The timetable in markdown."""
        return self.last.timetable if self.last else "not planned yet"

    def _state(self) -> TrainInput:
        return self.train.model_copy(update={"under_way": tuple(self.under_way)})
