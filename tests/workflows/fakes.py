"""Another implementation of every activity, under the same names: it answers what the test chose and notes what it
was asked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from fleet.models.avoidance_messages import AvoidOrder, WithdrawOrder
from fleet.models.emergency_messages import EmergencyInput, EmergencyOrder, EmergencyPlanned
from fleet.models.messages import (
    ClusterInput,
    Command,
    HandOver,
    Observed,
    Reviewed,
    RolloutInput,
    RolloutOrder,
    Settled,
    SkipCommand,
    StopCommand,
    TrainInput,
    TrainStop,
    VisitAsk,
    VisitAsked,
    VisitBoarded,
    VisitEnd,
    VisitInput,
)
from fleet.models.operation_messages import (
    OperationAction,
    OperationBoard,
    OperationBoarded,
    OperationInput,
    OperationOrder,
    OperationReview,
)
from fleet.models.phases import GateAction
from fleet.models.pin_messages import (
    PinAction,
    PinBatchEnd,
    PinBatchInput,
    PinBatchSeen,
    PinBatchWork,
    PinInput,
    PinOrder,
    PinReview,
)
from fleet.models.rungs import NextRung
from fleet.models.train import StopAction
from fleet.models.work import BoardAction, Boarding, HostWork, StepAction, StepOrder, StepResult
from tests.workflows.make import repair_steps

GO_ON = StepResult(action=StepAction.GO_ON, reason="done")
NOTHING_FORESAW_IT = ApplicationError("the disk is full", type="OSError", non_retryable=True)


class Gate:
    """An answer that is held back until the test opens the gate."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.reached, self.opened = asyncio.Event(), asyncio.Event()

    async def waits(self) -> None:
        """Until the activity stands at the gate."""
        await asyncio.wait_for(self.reached.wait(), 30)

    async def __call__(self, *_: Any) -> Any:
        self.reached.set()
        await self.opened.wait()
        return self.answer


class Fakes:
    """`on` sets the answers of an activity: values, errors to raise, or callables of its arguments; in their turn,
    the last one for ever. `calls` holds (name, arguments) in order.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self._answers: dict[str, list[Any]] = {
            "hand_over": [_as_repair],
            "plan_repair": [Boarding(action=BoardAction.VISIT, steps=repair_steps(), reason="verify")],
            "report_repair": [None],
            "review_operation": [OperationReview(action=OperationAction.END, reason="it is over", state="done")],
            "board_operation": [OperationBoarded()],
            "order_operation": ["it is so"],
            "drain_again": [True],
            "climb": [NextRung(rung=None, reason="the ladder has no rung left")],
            "decommission": [None],
            "note_word": [None],
            "give_away": [True],
            "ask_for_hosts": [granted],
            "board_hosts": [VisitBoarded()],
            "leave_out": [None],
            "end_visit": ["it ended"],
            "plan_stop": [TrainStop(action=StopAction.WAIT, reason="no cycle asked")],
            "skip_domain": [True],
            "avoid": ["kept away until the evening"],
            "withdraw_avoidance": ["withdrawn"],
            "observe": [Observed(next_look_seconds=3600, ledger="the ledger")],
            "settle": [Settled()],
            "write_stop": [("gpu",)],
            "plan_emergency": [EmergencyPlanned(reason="2 of 2 hosts done", state="done", over=True)],
            "order_emergency": ["stopped by ann: it hangs"],
            "review_rollout": [Reviewed(action=GateAction.END, reason="complete", state="complete", over=True)],
            "order_rollout": ["it is so"],
            "review_pin": [PinReview(action=PinAction.END, reason="every host carries it", state="done")],
            "order_pin": ["it is so"],
            "close_pin": [None],
            "clear_pin": [None],
            "commit_pin": [None],
            "open_pin": [None],
            "prepare_pin_batch": [None],
            "await_pin_batch": [None],
            "plan_pin_batch": [PinBatchWork()],
            "end_pin_batch": [PinBatchSeen()],
        }

    def on(self, name: str, *answers: Any) -> None:
        """Set what an activity answers; a step's by its key, such as `apply:nic`."""
        self._answers[name] = list(answers)

    def asked(self, name: str) -> list[Any]:
        """First argument of every call of an activity."""
        return [arguments[0] for called, arguments in self.calls if called == name]

    @property
    def steps(self) -> list[str]:
        """Keys of the steps in the order in which they began, and other activities by name."""
        return [
            a[0].step.key if isinstance(a[0], StepOrder) and name != "note_word" else name for name, a in self.calls
        ]

    async def _answer(self, name: str, key: str, *arguments: Any) -> Any:
        self.calls.append((name, arguments))
        answers = self._answers.get(key, [GO_ON])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, BaseException):
            raise answer
        if not callable(answer):
            return answer
        found = answer(*arguments)
        return await found if isinstance(found, Awaitable) else found

    def activities(self) -> Sequence[Callable[..., Any]]:
        """What `Worker(activities=…)` takes."""
        kinds = ("drain", "apply", "reboot", "verify", "gate", "return", "gpu_reset", "power_cycle", "reimage", "hold")
        steps = [self._step(n) for n in kinds]
        return [
            *steps,
            self.hand_over,
            self.plan_repair,
            self.drain_again,
            self.report_repair,
            self.review_operation,
            self.board_operation,
            self.order_operation,
            self.climb,
            self.decommission,
            self.note_word,
            self.give_away,
            self.ask_for_hosts,
            self.board_hosts,
            self.leave_out,
            self.end_visit,
            self.plan_stop,
            self.skip_domain,
            self.avoid,
            self.withdraw_avoidance,
            self.observe,
            self.settle,
            self.write_stop,
            self.plan_emergency,
            self.order_emergency,
            self.review_rollout,
            self.order_rollout,
            *(self._of_pin(n) for n in ("close_pin", "clear_pin", "commit_pin", "open_pin")),
            *(self._of_batch(n) for n in ("prepare_pin_batch", "plan_pin_batch", "await_pin_batch")),
            self.review_pin,
            self.order_pin,
            self.end_pin_batch,
        ]

    def _step(self, name: str) -> Callable[..., Any]:
        @activity.defn(name=name)
        async def step(order: StepOrder) -> StepResult:
            return await self._answer(name, order.step.key, order)

        return step

    def _of_pin(self, name: str) -> Callable[..., Any]:
        @activity.defn(name=name)
        async def deed(order: PinInput) -> None:
            await self._answer(name, name, order)

        return deed

    def _of_batch(self, name: str) -> Callable[..., Any]:
        @activity.defn(name=name)
        async def deed(order: PinBatchInput) -> PinBatchWork | None:
            return await self._answer(name, name, order)

        return deed

    @activity.defn
    async def review_pin(self, order: PinInput) -> PinReview:
        return await self._answer("review_pin", "review_pin", order)

    @activity.defn
    async def order_pin(self, order: PinOrder) -> str:
        return await self._answer("order_pin", "order_pin", order)

    @activity.defn
    async def end_pin_batch(self, end: PinBatchEnd) -> PinBatchSeen:
        return await self._answer("end_pin_batch", "end_pin_batch", end)

    @activity.defn
    async def hand_over(self, order: HandOver) -> HostWork:
        return await self._answer("hand_over", "hand_over", order)

    @activity.defn
    async def plan_repair(self, work: HostWork, command: Command) -> Boarding:
        return await self._answer("plan_repair", "plan_repair", work, command)

    @activity.defn
    async def drain_again(self, work: HostWork) -> bool:
        return await self._answer("drain_again", "drain_again", work)

    @activity.defn
    async def review_operation(self, order: OperationInput) -> OperationReview:
        return await self._answer("review_operation", "review_operation", order)

    @activity.defn
    async def board_operation(self, order: OperationBoard) -> OperationBoarded:
        return await self._answer("board_operation", "board_operation", order)

    @activity.defn
    async def order_operation(self, order: OperationOrder) -> str:
        return await self._answer("order_operation", "order_operation", order)

    @activity.defn
    async def report_repair(self, work: HostWork) -> None:
        await self._answer("report_repair", "report_repair", work)

    @activity.defn
    async def climb(self, work: HostWork) -> NextRung:
        return await self._answer("climb", "climb", work)

    @activity.defn
    async def decommission(self, work: HostWork, command: Command) -> None:
        await self._answer("decommission", "decommission", work, command)

    @activity.defn
    async def note_word(self, order: StepOrder, said: Command) -> None:
        await self._answer("note_word", "note_word", order, said)

    @activity.defn
    async def give_away(self, work: HostWork) -> bool:
        return await self._answer("give_away", "give_away", work)

    @activity.defn
    async def ask_for_hosts(self, ask: VisitAsk) -> VisitAsked:
        return await self._answer("ask_for_hosts", "ask_for_hosts", ask)

    @activity.defn
    async def board_hosts(self, asked: VisitAsked, visit: VisitInput) -> VisitBoarded:
        return await self._answer("board_hosts", "board_hosts", asked, visit)

    @activity.defn
    async def leave_out(self, work: HostWork, reason: str) -> None:
        await self._answer("leave_out", "leave_out", work, reason)

    @activity.defn
    async def end_visit(self, end: VisitEnd) -> str:
        return await self._answer("end_visit", "end_visit", end)

    @activity.defn
    async def plan_stop(self, train: TrainInput) -> TrainStop:
        return await self._answer("plan_stop", "plan_stop", train)

    @activity.defn
    async def skip_domain(self, train: TrainInput, command: SkipCommand) -> bool:
        return await self._answer("skip_domain", "skip_domain", train, command)

    @activity.defn
    async def avoid(self, train: TrainInput, order: AvoidOrder) -> str:
        return await self._answer("avoid", "avoid", train, order)

    @activity.defn
    async def withdraw_avoidance(self, train: TrainInput, order: WithdrawOrder) -> str:
        return await self._answer("withdraw_avoidance", "withdraw_avoidance", train, order)

    @activity.defn
    async def observe(self, order: ClusterInput) -> Observed:
        return await self._answer("observe", "observe", order)

    @activity.defn
    async def settle(self, order: ClusterInput) -> Settled:
        return await self._answer("settle", "settle", order)

    @activity.defn
    async def plan_emergency(self, order: EmergencyInput) -> EmergencyPlanned:
        return await self._answer("plan_emergency", "plan_emergency", order)

    @activity.defn
    async def order_emergency(self, order: EmergencyOrder) -> str:
        return await self._answer("order_emergency", "order_emergency", order)

    @activity.defn
    async def review_rollout(self, order: RolloutInput) -> Reviewed:
        return await self._answer("review_rollout", "review_rollout", order)

    @activity.defn
    async def order_rollout(self, order: RolloutOrder) -> str:
        return await self._answer("order_rollout", "order_rollout", order)

    @activity.defn
    async def write_stop(self, command: StopCommand) -> tuple[str, ...]:
        return await self._answer("write_stop", "write_stop", command)


def _as_repair(order: HandOver) -> HostWork:
    return order.work.model_copy(
        update={
            "operation": f"repair/{order.work.host}/1",
            "visit": None,
            "steps": (),
            "trouble": order.reason,
            "host_state": order.host_state,
        }
    )


def granted(ask: VisitAsk) -> VisitAsked:
    return VisitAsked(ask=ask.ask, request=ask.input.visit, granted=True)
