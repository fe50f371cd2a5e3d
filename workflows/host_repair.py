"""`HostRepair`: a host stays out, drained, counted as failed and named, until a person says it is repaired."""

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.hand_over import HandingOver
    from fleet.models.messages import Command, HostEnd
    from fleet.models.work import BoardAction, Boarding, HostWork, Outcome, StepAction, StepResult
    from fleet.view import host_view
    from workflows.attributes import OUTCOME
    from workflows.continuing import time_to_continue
    from workflows.host_steps import HostSteps, unknown_state
    from workflows.options import BOARD, at


@workflow.defn(name="HostRepair")
class HostRepair:
    """Wait for a person; then apply what is due, verify and gate, or take the host out for good."""

    @workflow.init
    def __init__(self, work: HostWork) -> None:
        self.work = work
        self.done: list[tuple[str, str]] = []
        self.asked: Command | None = None
        self.leaves: Command | None = None
        self.busy = False
        self.undrained_by_another = False

    @workflow.run
    async def run(self, work: HostWork) -> HostEnd:
        """Repair until the host returns or is decommissioned."""
        while True:
            self._show("waiting for `maintrain host repaired` or `maintrain host decommission`")
            await workflow.wait_condition(
                lambda: self.asked is not None or self.leaves is not None or self.undrained_by_another
            )
            end = None
            if self.leaves is not None:
                end = await self._decommission(self.leaves)
            elif self.asked is not None:
                end = await self._try(self.asked)
            else:
                await self._drain_again()
            if end is not None:
                return end
            if time_to_continue() and self.asked is None and self.leaves is None:
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(self.work)

    async def _try(self, order: Command) -> HostEnd | None:
        """One try: what is due, every verification, the gate; None when the host did not pass."""
        self.busy, self.asked = True, None
        self.work = self.work.model_copy(update={"tries": self.work.tries + 1})
        try:
            outcome, result = await self._walk(order)
        except ActivityError as error:
            outcome, result = Outcome.HANDED_OVER, unknown_state(error)
        self.busy = False
        if outcome is not Outcome.HANDED_OVER:
            workflow.upsert_search_attributes([OUTCOME.value_set(outcome)])
            await workflow.wait_condition(workflow.all_handlers_finished)
            return HostEnd(host=self.work.host, outcome=outcome, reason=result.reason)
        self.work = self.work.model_copy(update={"trouble": result.reason, "host_state": result.host_state})
        try:
            await workflow.execute_activity_method(
                HandingOver.report_repair, self.work, **at(self.work.cluster, "report")
            )
        except ActivityError as error:
            workflow.logger.error(f"nobody was told that {self.work.host} did not pass: {error.cause or error}")
        return None

    async def _drain_again(self) -> None:
        """What waits in repair is not verified: a drain that somebody lifted is set again."""
        self.undrained_by_another = False
        try:
            await workflow.execute_activity_method(
                HandingOver.drain_again, self.work, **at(self.work.cluster, "drain again")
            )
        except ActivityError as error:
            workflow.logger.error(f"{self.work.host} could not be drained again: {error.cause or error}")

    async def _walk(self, order: Command) -> tuple[Outcome, StepResult]:
        boarding: Boarding = await workflow.execute_activity_method(
            HandingOver.plan_repair, args=[self.work, order], **at(self.work.cluster, "plan the repair", BOARD)
        )
        if boarding.action is not BoardAction.VISIT:
            state = self.work.host_state
            return Outcome.HANDED_OVER, StepResult(
                action=StepAction.HAND_OVER, reason=boarding.reason, host_state=state
            )
        steps = HostSteps(self.work, boarding.steps, repair=True)
        try:
            return await steps.walk()
        finally:
            self.done += steps.done

    async def _decommission(self, order: Command) -> HostEnd | None:
        """Leave for good; None when that could not be, and the host stays in repair with the trouble."""
        self.busy = True
        try:
            await workflow.execute_activity_method(
                HandingOver.decommission, args=[self.work, order], **at(self.work.cluster, "decommission")
            )
        except ActivityError as error:
            trouble = f"could not be decommissioned: {error.cause or error}"
            self.work = self.work.model_copy(update={"trouble": trouble})
            self.busy, self.leaves = False, None
            return None
        workflow.upsert_search_attributes([OUTCOME.value_set(Outcome.DECOMMISSIONED)])
        await workflow.wait_condition(workflow.all_handlers_finished)
        return HostEnd(host=self.work.host, outcome=Outcome.DECOMMISSIONED, reason=order.reason)

    @workflow.signal(description="The scheduler shows the host without a drain: drain it again unless it is returning")
    def undrained(self) -> None:
        """Heeded while the host waits; a try that is under way looks after its drain itself."""
        self.undrained_by_another = not self.busy

    @workflow.update(description="The host is repaired: apply what is due, verify, and let it return through the gate")
    def repaired(self, order: Command) -> str:
        """Begin a try."""
        self.asked = order
        return f"{self.work.host}: apply, verify and gate begin"

    @workflow.update(description="Try again as it is: apply what is due, verify, and let it return through the gate")
    def retry(self, order: Command) -> str:
        """Begin a try without claiming a repair."""
        self.asked = order
        return f"{self.work.host}: apply, verify and gate begin again"

    @workflow.update(description="Take the host out of service for good")
    def decommission(self, order: Command) -> str:
        """Leave for good."""
        self.leaves = order
        return f"{self.work.host} leaves for good"

    @repaired.validator
    def _may_try(self, order: Command) -> None:
        self._refuse_while_busy(order)

    @retry.validator
    def _may_retry(self, order: Command) -> None:
        self._refuse_while_busy(order)

    @decommission.validator
    def _may_leave(self, order: Command) -> None:
        self._refuse_while_busy(order)

    def _refuse_while_busy(self, order: Command) -> None:
        if not order.reason.strip():
            raise ValueError("expected a reason")
        if self.busy or self.asked is not None or self.leaves is not None:
            raise ValueError(f"{self.work.host} is already being tried or decommissioned; wait for its end")

    def _show(self, waiting: str) -> None:
        workflow.set_current_details(host_view(self.work, self.done, waiting))
