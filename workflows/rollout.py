"""`Rollout`: carries one upgrade through its phases, to its end or out of every train."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.rollout import RollingOut
    from fleet.models.messages import Command, Reviewed, RolloutInput, RolloutOrder
    from workflows.attributes import OUTCOME
    from workflows.continuing import time_to_continue
    from workflows.looking import Looking
    from workflows.options import AFTER_FAILURE, BOARD, ROLLOUT_APART, ROLLOUT_LOOKS, at


@workflow.defn(name="Rollout")
class Rollout(Looking[Reviewed]):
    """Look, wait until visits or a person change something or until the gate's time has come, and look again."""

    @workflow.init
    def __init__(self, rollout: RolloutInput) -> None:
        super().__init__(rollout.cluster)
        self.rollout = rollout
        self.ordered = False

    @workflow.run
    async def run(self, rollout: RolloutInput) -> str:
        """Until the rollout is complete, or offboarded and rolled back; how it ended."""
        while True:
            # However many visits end during a look: one more look sees to all of them.
            self.woken = self.ordered = False
            began = workflow.now()
            pause = await self._look()
            if pause is None:
                return await self._end()
            if pause and not self.woken:
                await self.rest(pause)
            if pause:
                await self._gather(began)
            if time_to_continue():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(self.rollout)

    async def _look(self) -> timedelta | None:
        """One look; the pause until the next, or None at the end."""
        try:
            seen: Reviewed = await workflow.execute_activity_method(
                RollingOut.review_rollout, self.rollout, **at(self.rollout.cluster, "review", BOARD)
            )
        except ActivityError as error:
            # A rollout outlives whatever went wrong: it looks again after a while.
            workflow.logger.error(f"{self.rollout.rollout} can't be looked at: {error.cause or error}")
            return AFTER_FAILURE
        self.last = seen
        workflow.set_current_details(seen.picture)
        if seen.over:
            return None
        return ROLLOUT_LOOKS if seen.wait_seconds is None else timedelta(seconds=seen.wait_seconds)

    async def _end(self) -> str:
        assert self.last is not None, "a look came before"
        workflow.upsert_search_attributes([OUTCOME.value_set(self.last.state)])
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.last.reason

    async def _gather(self, began: datetime) -> None:
        """Let more visits end before the next look, unless a person waits for it or this run has grown too long."""
        left = ROLLOUT_APART - (workflow.now() - began)
        if left <= timedelta(0):
            return
        try:
            await workflow.wait_condition(
                lambda: self.ordered or time_to_continue(), timeout=left, timeout_summary="more visits may end"
            )
        except TimeoutError:
            return

    async def _order(self, verb: str, command: Command) -> str:
        """Put a person's word in force, and look at once."""
        order = RolloutOrder(actor=command.actor, reason=command.reason, rollout=self.rollout.rollout, verb=verb)
        told = await self.put_in_force(verb, RollingOut.order_rollout, order)
        self.ordered = True
        return told

    @workflow.update(description="Let the next phase that waits for an approval open when its gate does")
    async def approve(self, command: Command) -> str:
        """Approve."""
        return await self._order("approve", command)

    @workflow.update(description="Board nowhere until resumed; hosts that carry it keep it")
    async def pause(self, command: Command) -> str:
        """Pause."""
        return await self._order("pause", command)

    @workflow.update(description="Go on after a pause; failures until now are forgiven")
    async def resume(self, command: Command) -> str:
        """Resume."""
        return await self._order("resume", command)

    @workflow.update(description="Take the version out of every train at once, and do what its spec says")
    async def offboard(self, command: Command) -> str:
        """Offboard."""
        return await self._order("offboard", command)

    @workflow.update(description="Offboard, and bring the prior version back wherever this one is")
    async def roll_back(self, command: Command) -> str:
        """Roll back."""
        return await self._order("roll_back", command)

    @approve.validator
    def _may_approve(self, command: Command) -> None:
        self.check("approve", command)

    @pause.validator
    def _may_pause(self, command: Command) -> None:
        self.check("pause", command)

    @resume.validator
    def _may_resume(self, command: Command) -> None:
        self.check("resume", command)

    @offboard.validator
    def _may_offboard(self, command: Command) -> None:
        self.check("offboard", command)

    @roll_back.validator
    def _may_roll_back(self, command: Command) -> None:
        self.check("roll_back", command)
