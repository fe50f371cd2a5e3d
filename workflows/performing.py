"""One step of a host's work: its activity, what it is told, and in repair a person who may speak meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.apply import Applying
    from activities.drain import Draining
    from activities.gate import Gating
    from activities.gpu_reset import GpuResetting
    from activities.hold import Holding
    from activities.power_cycle import PowerCycling
    from activities.reboot import Rebooting
    from activities.reimage import Reimaging
    from activities.returning import Returning
    from activities.verify import Verifying
    from activities.word import Words
    from fleet.models.stack import Upgrade
    from fleet.models.work import EndCause, HostWork, Outcome, Step, StepKind, StepOrder, StepResult
    from fleet.view import host_view
    from workflows.options import STEP, at
    from workflows.persons_word import PersonsWord
    from workflows.step_words import describe, detail

ACTIVITIES: dict[StepKind, Callable[[Any, StepOrder], Awaitable[StepResult]]] = {
    StepKind.DRAIN: Draining.drain,
    StepKind.APPLY: Applying.apply,
    StepKind.REBOOT: Rebooting.reboot,
    StepKind.VERIFY: Verifying.verify,
    StepKind.GATE: Gating.gate,
    StepKind.RETURN: Returning.return_host,
    StepKind.GPU_RESET: GpuResetting.gpu_reset,
    StepKind.POWER_CYCLE: PowerCycling.power_cycle,
    StepKind.REFLASH: Applying.apply,
    StepKind.REIMAGE: Reimaging.reimage,
    StepKind.HOLD: Holding.hold,
}


@dataclass
class Performing:
    """The steps of a host, and how far they have come."""

    work: HostWork
    steps: tuple[Step, ...]
    repair: bool = False
    applied: list[Upgrade] = field(default_factory=list)
    done: list[tuple[str, str]] = field(default_factory=list)
    stopped_early: bool = False
    cause: EndCause | None = None
    """Whose doing it is that the walk ends early."""
    undrain: bool = True
    why: str = ""
    """Why these steps are taken, for the UI."""
    word: PersonsWord = field(default_factory=PersonsWord)
    """In repair: what a person says meanwhile; heeded before the next step."""

    def _safe_before(self, step: Step) -> bool:
        """Whether what is done by then may stay as it is; what a rung has written is not active before its reboot."""
        return step.safe_before and not (step.rung and bool(self.applied))

    async def _perform(self, step: Step, *, outcome: Outcome | None = None, reason: str = "") -> StepResult:
        work = self.work
        order = StepOrder(
            cluster=work.cluster,
            pool=work.pool,
            host=work.host,
            operation=work.operation,
            attempt=work.tries,
            visit=work.visit,
            step=step,
            applied=tuple(self.applied),
            repair=self.repair,
            stopped_early=self.stopped_early,
            required=tuple(s.task for s in self.steps if s.task is not None),
            outcome=outcome,
            cause=self.cause if outcome is not None else None,
            undrain=self.undrain,
            reason=reason,
        )
        self._show(f"{describe(step)} under way" + (f" ({self.why})" if self.why else ""))
        running = workflow.start_activity_method(ACTIVITIES[step.kind], order, **at(work.cluster, detail(step), STEP))
        if self.repair and step.kind is not StepKind.RETURN:
            try:
                await self._pass_on(running, order)
            except asyncio.CancelledError:
                # Cancelled from outside, here as in every other wait for a step: its effect is waited for.
                running.cancel()
        result = await running
        self.done.append((step.key, f"{result.action}: {result.reason}"))
        return result

    async def _pass_on(self, running: workflow.ActivityHandle[StepResult], order: StepOrder) -> None:
        """Wait for a step's end, or a person's word: a step that waits itself, and has not begun, gives way to that."""
        safe = self._safe_before(order.step)
        await workflow.wait_condition(lambda: running.done() or self.word.heard(safe=safe) is not None)
        said = self.word.heard(safe=safe)
        if running.done() or said is None:
            return
        try:
            await workflow.execute_activity_method(
                Words.note_word, args=[order, said], **at(order.cluster, f"{said.actor} spoke")
            )
        except ActivityError as error:
            workflow.logger.error(f"{order.step.key} was not told that {said.actor} spoke: {error.cause or error}")

    def _show(self, waiting: str) -> None:
        workflow.set_current_details(host_view(self.work, self.done, waiting))
