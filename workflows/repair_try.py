"""One try of a repair: a rung's own steps, if it is the ladder's, then what is due, every verification and the gate."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.hand_over import HandingOver
    from fleet.models.messages import Command
    from fleet.models.rungs import NextRung
    from fleet.models.work import BoardAction, Boarding, Climb, HostWork, Outcome, Step, StepAction, StepResult
    from fleet.view import host_view
    from workflows.host_steps import HostSteps
    from workflows.options import BOARD, at
    from workflows.persons_word import PersonsWord


class RepairTry:
    """What a repair does in one try, and what it remembers from one to the next."""

    def __init__(self, work: HostWork) -> None:
        self.work = work
        self.done: list[tuple[str, str]] = []
        self.word = PersonsWord()
        self.steps: HostSteps | None = None
        """Those under way."""

    @property
    def _spoken(self) -> bool:
        """True when a person's word is to be heeded."""
        return self.word.heard() is not None

    async def _walk(self, order: Command, rung: NextRung | None) -> tuple[Outcome, StepResult]:
        self._is_in(rung.pool if rung is not None else "")
        ended = await self._take(rung) if rung is not None and rung.steps else None
        if ended is None:
            ended = self._broken_off()
        if ended is not None:
            return Outcome.HANDED_OVER, ended
        boarding: Boarding = await workflow.execute_activity_method(
            HandingOver.plan_repair, args=[self.work, order], **at(self.work.cluster, "plan the repair", BOARD)
        )
        self._is_in(boarding.pool)
        if boarding.action is not BoardAction.VISIT:
            if boarding.action is BoardAction.NOT_ALLOWED:
                self._bar()
            state = self.work.host_state
            return Outcome.HANDED_OVER, StepResult(
                action=StepAction.HAND_OVER, reason=boarding.reason, host_state=state
            )
        steps = self._begin(boarding.steps, rung)
        try:
            return await steps.walk()
        finally:
            self.done += steps.done

    async def _take(self, rung: NextRung) -> StepResult | None:
        """The rung's own steps; None when the host is to be verified, else what ended them."""
        steps = self._begin(rung.steps, rung)
        try:
            ended = await steps.climb()
        finally:
            self.done += steps.done
        if ended is not None and ended.action is StepAction.LEAVE:
            self._bar()
        return ended

    def _begin(self, steps: tuple[Step, ...], rung: NextRung | None) -> HostSteps:
        why = rung.reason if rung is not None else ""
        self.steps = HostSteps(self.work, steps, repair=True, why=why, word=self.word)
        return self.steps

    def _is_in(self, pool: str) -> None:
        """Its pool, which a load may have changed since the repair began."""
        if pool:
            self.work = self.work.model_copy(update={"pool": pool})

    def _broken_off(self) -> StepResult | None:
        """How a try ends when a person spoke during its rung."""
        said = self.word.heard()
        if said is None:
            return None
        reason = f"not verified, since {said.actor} spoke: {said.reason}"
        return StepResult(action=StepAction.HAND_OVER, reason=reason, host_state=self.work.host_state)

    def _bar(self) -> None:
        """No rung could help: the next decision asks a person."""
        if self.work.climb is Climb.ON:
            self.work = self.work.model_copy(update={"climb": Climb.BARRED})

    def _show(self, waiting: str) -> None:
        workflow.set_current_details(host_view(self.work, self.done, waiting))
