"""`HostMaintenance`: one host's share in a visit."""

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.hand_over import HandingOver
    from fleet.models.messages import HandOver, HostEnd
    from fleet.models.work import HostWork, Outcome, StepResult
    from workflows.attributes import OUTCOME
    from workflows.host_steps import HostSteps, lease_lost, unknown_state
    from workflows.options import at
    from workflows.telling import Note, command, tell


@workflow.defn(name="HostMaintenance")
class HostMaintenance:
    """Drain, apply, verify, gate and return one host, or continue as its repair under the same id."""

    @workflow.init
    def __init__(self, work: HostWork) -> None:
        self.steps = HostSteps(work, work.steps)

    @workflow.run
    async def run(self, work: HostWork) -> HostEnd:
        """Walk the steps to an outcome."""
        try:
            outcome, result = await self.steps.walk()
        except ActivityError as error:
            outcome, result = Outcome.HANDED_OVER, unknown_state(error)
        workflow.upsert_search_attributes([OUTCOME.value_set(outcome)])
        if outcome is Outcome.HANDED_OVER:
            try:
                await self._hand_over(work, result)
            except ActivityError as error:
                if not lease_lost(error):
                    raise
                return HostEnd(host=work.host, outcome=Outcome.LEFT_OUT, reason=f"no longer ours: {error.cause}")
        return HostEnd(host=work.host, outcome=outcome, reason=result.reason)

    async def _hand_over(self, work: HostWork, result: StepResult) -> None:
        """The ledger first, then the visit, then this very id becomes the repair: no instant without an owner."""
        repair: HostWork = await workflow.execute_activity_method(
            HandingOver.hand_over,
            HandOver(work=work, reason=result.reason, host_state=result.host_state),
            **at(work.cluster, f"hand over: {result.reason}"),
        )
        if work.visit is not None:
            await tell(work.visit, "handed_over", [work.host])
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(workflow="HostRepair", args=[repair])

    @workflow.signal(description="The word of the operation that it is part of: look what it says")
    def word(self, note: Note = None, cancelled: bool = False) -> None:
        """End what waits for it; when it was called off, at the next safe point."""
        if cancelled:
            self.steps.yielded = command(note).reason
        self.steps.told = True

    @workflow.signal(description="The scheduler shows the held host without a drain: drain it again")
    def undrained(self) -> None:
        """Look at the host at once; without a hold under way the next step looks at its drain itself."""
        self.steps.told = True

    @workflow.signal(name="yield", description="End at the next safe point: more urgent work needs the host")
    def yield_(self, note: Note = None) -> None:
        """End at the next safe point."""
        self.steps.yielded = f"yielded: {command(note).reason}"
