"""`HostRepair`: a host stays out, drained, counted as failed and named, until a rung of the repair ladder cures it or
a person says that it is repaired.
"""

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.climbing import Climbing
    from fleet.models.messages import Command, HostEnd
    from fleet.models.rungs import LADDER, NextRung
    from fleet.models.work import Climb, HostWork, Outcome
    from workflows.attributes import OUTCOME
    from workflows.continuing import time_to_continue
    from workflows.host_steps import unknown_state
    from workflows.options import at
    from workflows.repair_deeds import decommission, drain_again, give_away, report
    from workflows.repair_try import RepairTry


@workflow.defn(name="HostRepair")
class HostRepair(RepairTry):
    """Climb the ladder, where there is one, and wait for a person; then apply what is due, verify and gate, or take the
    host out for good.
    """

    @workflow.init
    def __init__(self, work: HostWork) -> None:
        super().__init__(work)
        self.busy = False
        self.persons_try = False
        """The try under way is a person's, not the ladder's."""
        self.undrained_by_another = self.came_back = self.is_given = False

    @workflow.run
    async def run(self, work: HostWork) -> HostEnd:
        """Repair until the host returns or is decommissioned."""
        while True:
            if self.work.climb is Climb.OFF or self._spoken:
                end = await self._wait()
            else:
                end = await self._climb()
            if end is not None:
                return end
            if time_to_continue() and not self._spoken:
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(self.work)

    async def _wait(self) -> HostEnd | None:
        """Wait for a person, whose word ends the ladder, and heed it."""
        self._show("waiting for `maintrain host repaired` or `maintrain host decommission`")
        await workflow.wait_condition(
            lambda: self._spoken or self.undrained_by_another or self.came_back or self.is_given
        )
        if not self._spoken:
            return await self._look_up()
        self.work = self.work.model_copy(update={"climb": Climb.OFF})
        if self.word.given is not None and self.word.asked is None and self.word.leaves is None:
            self.word.given = None
            return None
        if self.word.leaves is not None:
            return await self._decommission(self.word.leaves)
        assert self.word.asked is not None, "one of the two was said"
        return await self._try(self.word.asked)

    async def _look_up(self) -> HostEnd | None:
        """What the dispatcher saw of the host while nobody spoke: it is another's now, or back, or not drained."""
        if self.is_given:
            self.is_given = False
            return await self._end(Outcome.GIVEN_AWAY, "an outsider has it") if await give_away(self.work) else None
        if self.came_back:
            self.came_back = False
            self.work = self.work.model_copy(update={"climb": Climb.ON})
            return None
        self.undrained_by_another = False
        await drain_again(self.work)
        return None

    async def _climb(self) -> HostEnd | None:
        """One rung of the ladder. None when it did not cure the host, or when a person spoke before it began."""
        self._show("the next rung of the repair ladder is being decided")
        try:
            rung: NextRung = await workflow.execute_activity_method(
                Climbing.climb, self.work, **at(self.work.cluster, "what is tried next")
            )
        except ActivityError as error:
            trouble = f"{self.work.trouble}; the repair ladder broke off: {error.cause or error}"
            self.work = self.work.model_copy(update={"climb": Climb.OFF, "trouble": trouble})
            await report(self.work)
            return None
        if self._spoken:
            return None
        if rung.rung is None:
            self.work = self.work.model_copy(update={"climb": Climb.OFF})
            return None
        return await self._try(Command(actor=LADDER, reason=rung.reason), rung)

    async def _try(self, order: Command, rung: NextRung | None = None) -> HostEnd | None:
        """One try: a rung if one is given, what is due, every verification, the gate; None when it did not pass."""
        self.busy, self.persons_try, self.word.asked, self.word.given = True, rung is None, None, None
        self.work = self.work.model_copy(update={"tries": self.work.tries + 1})
        try:
            outcome, result = await self._walk(order, rung)
        except ActivityError as error:
            outcome, result = Outcome.HANDED_OVER, unknown_state(error)
        self.busy = False
        if outcome is not Outcome.HANDED_OVER:
            return await self._end(outcome, result.reason)
        self.work = self.work.model_copy(update={"trouble": result.reason, "host_state": result.host_state})
        if rung is None and self.word.leaves is None:
            await report(self.work)
        return None

    async def _decommission(self, order: Command) -> HostEnd | None:
        """Leave for good; None when that could not be, and the host stays in repair with the trouble."""
        self.busy = True
        trouble = await decommission(self.work, order)
        if trouble:
            self.work = self.work.model_copy(update={"trouble": trouble})
            self.busy, self.word.leaves = False, None
            return None
        return await self._end(Outcome.DECOMMISSIONED, order.reason)

    async def _end(self, outcome: Outcome, reason: str) -> HostEnd:
        workflow.upsert_search_attributes([OUTCOME.value_set(outcome)])
        await workflow.wait_condition(workflow.all_handlers_finished)
        return HostEnd(host=self.work.host, outcome=outcome, reason=reason)

    @workflow.signal(description="The scheduler shows the host without a drain: drain it again unless it is returning")
    def undrained(self) -> None:
        """Heeded while the host waits; a try that is under way looks after its drain itself."""
        self.undrained_by_another = not self.busy

    @workflow.signal(description="The host went down in production, and is back before anything was done to it")
    def back(self) -> None:
        """Verify it before anything else is tried, unless something was."""
        self.came_back = not self.busy and self.work.tries == 0

    @workflow.signal(description="An outsider has the host by now: end its repair if the book says so")
    def given(self) -> None:
        """Heeded as soon as nothing is under way."""
        self.is_given = True

    @workflow.update(description="The host is to be given to an outsider: nothing more is tried")
    def give(self, order: Command) -> str:
        """Stand still at the next safe point."""
        self.word.given = order
        return f"{self.work.host}: nothing more is tried{self._when()}"

    @workflow.update(description="The host is repaired: apply what is due, verify, and let it return through the gate")
    def repaired(self, order: Command) -> str:
        """Begin a try."""
        self.word.asked = order
        return f"{self.work.host}: apply, verify and gate begin{self._when()}"

    @workflow.update(description="Try again as it is: apply what is due, verify, and let it return through the gate")
    def retry(self, order: Command) -> str:
        """Begin a try without claiming a repair."""
        self.word.asked = order
        return f"{self.work.host}: apply, verify and gate begin again{self._when()}"

    @workflow.update(description="Take the host out of service for good")
    def decommission(self, order: Command) -> str:
        """Leave for good."""
        self.word.leaves, self.word.asked = order, None
        return f"{self.work.host} leaves for good{self._when()}"

    @repaired.validator
    def _may_try(self, order: Command) -> None:
        tried = self.persons_try if self.busy else False
        self._may_speak(order, taken=tried or self.word.asked is not None)

    @retry.validator
    def _may_retry(self, order: Command) -> None:
        self._may_try(order)

    @decommission.validator
    def _may_leave(self, order: Command) -> None:
        self._may_speak(order, taken=False)

    @give.validator
    def _may_give(self, order: Command) -> None:
        self._may_speak(order, taken=False)

    def _may_speak(self, order: Command, *, taken: bool) -> None:
        if not order.reason.strip():
            raise ValueError("expected a reason")
        if taken or self.word.leaves is not None:
            raise ValueError(f"{self.work.host} is already being tried or decommissioned; wait for its end")
        if self.busy and self.steps is not None and self.steps.returning:
            raise ValueError(f"{self.work.host} has passed and is returning to production; wait for its end")

    def _when(self) -> str:
        """For an answer: what a word waits for."""
        return " as soon as the step under way has ended" if self.busy else ""
