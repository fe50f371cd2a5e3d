"""`EmergencyTrain`: an urgent upgrade or roll back, outside every cycle and ahead of every other train; and a
large-scale maintenance, which is the same with a date and steps.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.emergency import EmergencyPlanning
    from fleet import ids
    from fleet.models.emergency_messages import EmergencyInput, EmergencyOrder, EmergencyPlanned, EmergencyStop, Go
    from fleet.models.messages import Command, VisitInput
    from workflows.attributes import OUTCOME, of_visit
    from workflows.continuing import time_to_continue
    from workflows.domain_visit import DomainVisit
    from workflows.options import AFTER_FAILURE, BOARD, TRAIN_LOOKS, at
    from workflows.telling import Note, command, tell


@workflow.defn(name="EmergencyTrain")
class EmergencyTrain:
    """Look, open the stops that the look says, have others give way, and look again when something changed."""

    @workflow.init
    def __init__(self, emergency: EmergencyInput) -> None:
        self.emergency = emergency
        self.woken = False
        self.kind = "maintenance" if emergency.emergency.startswith(ids.LARGE) else "emergency"
        self.last: EmergencyPlanned | None = None

    @workflow.run
    async def run(self, emergency: EmergencyInput) -> str:
        """Until every host was seen to, or a person ended it; how it ended."""
        told = False
        while True:
            self.woken = False
            try:
                seen: EmergencyPlanned = await workflow.execute_activity_method(
                    EmergencyPlanning.plan_emergency,
                    emergency.model_copy(update={"woken": told}),
                    **at(emergency.cluster, "plan", BOARD),
                )
            except ActivityError as error:
                # An emergency outlives whatever went wrong: it looks again after a while.
                workflow.logger.error(f"{emergency.emergency} can't be looked at: {error.cause or error}")
                told = await self._rest(AFTER_FAILURE, "look again after a failure")
                continue
            self.last = seen
            workflow.set_current_details(seen.picture)
            if seen.over:
                return await self._end(seen)
            await self._do(seen)
            pause = TRAIN_LOOKS if seen.wait_seconds is None else timedelta(seconds=seen.wait_seconds)
            told = await self._rest(pause, seen.reason)
            if time_to_continue():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(emergency)

    async def _do(self, seen: EmergencyPlanned) -> None:
        """Start the visits of new stops, and tell who is to yield or to halt."""
        for stop in seen.stops:
            await self._open(stop)
        for holder, why in seen.yields.items():
            await tell(holder, "yield", [Command(actor=self.emergency.emergency, reason=why)])
        for halted in seen.halts:
            # A visit that waits for its lease looks at its request and finds it withdrawn.
            await tell(halted, "granted")
            await tell(halted, "yield", [Command(actor=self.emergency.emergency, reason=seen.reason)])
        if seen.wait_seconds is not None:
            await tell(ids.dispatcher(self.emergency.cluster), "wake")

    async def _open(self, stop: EmergencyStop) -> None:
        cluster = self.emergency.cluster
        try:
            await workflow.start_child_workflow(
                DomainVisit.run,
                VisitInput(cluster=cluster, pool=stop.pool, visit=stop.stop, domain=stop.domain),
                id=stop.stop,
                task_queue=ids.WORKFLOW_QUEUE,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=f"{self.kind} stop at {stop.domain} of {cluster}/{stop.pool}",
                search_attributes=of_visit(cluster, stop.pool, stop.domain),
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info(f"{stop.stop} is under way already")

    async def _end(self, seen: EmergencyPlanned) -> str:
        workflow.upsert_search_attributes([OUTCOME.value_set(seen.state)])
        await tell(ids.dispatcher(self.emergency.cluster), "wake")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return seen.reason

    async def _rest(self, pause: timedelta, why: str) -> bool:
        """Until there is news, or the pause is over; True for news."""
        try:
            await workflow.wait_condition(lambda: self.woken, timeout=pause, timeout_summary=why[:200])
        except TimeoutError:
            return False
        return True

    async def _order(self, verb: str, note: Note) -> None:
        """Put a person's word in force, and look at once; one that can't be is told, and changes nothing."""
        said = command(note)
        go = note if isinstance(note, Go) else Go(round=0)
        order = EmergencyOrder(
            actor=said.actor,
            reason=said.reason,
            emergency=self.emergency.emergency,
            verb=verb,
            round=go.round,
            again=go.again,
        )
        try:
            await workflow.execute_activity_method(
                EmergencyPlanning.order_emergency, order, **at(self.emergency.cluster, f"{verb}: {said.reason}")
            )
        except ActivityError as error:
            workflow.logger.error(f"{verb} of {self.emergency.emergency}: {error.cause or error}")
        self.woken = True

    @workflow.signal(description="Something changed: look at the emergency anew")
    def wake(self) -> None:
        """Look anew."""
        self.woken = True

    @workflow.signal(description="A stop ended")
    def visit_ended(self, visit: str) -> None:
        """Look for the next stop."""
        workflow.logger.debug(f"{visit} ended")
        self.woken = True

    @workflow.signal(description="Stop: nothing more begins, hosts end at their next safe point, other trains go on")
    async def stop(self, note: Note = None) -> None:
        """Stop the emergency."""
        await self._order("stop", note)

    @workflow.signal(description="Go on after a stop")
    async def resume(self, note: Note = None) -> None:
        """Resume the emergency."""
        await self._order("resume", note)

    @workflow.signal(description="Go, at the gate of a round of a large-scale maintenance: actor, reason, round, again")
    async def approve(self, note: Go | Note = None) -> None:
        """Let the gate that it is at say go; nothing without the number of its round, which another may have passed."""
        await self._order("approve", note)

    @workflow.signal(description="End a large-scale maintenance: nothing more begins, all of its capacity comes back")
    async def abort(self, note: Note = None) -> None:
        """Abort it."""
        await self._order("abort", note)

    @workflow.query(description="Where its hosts are, and what it waits for")
    def picture(self) -> str:
        """The picture in markdown."""
        return self.last.picture if self.last else "not looked at yet"
