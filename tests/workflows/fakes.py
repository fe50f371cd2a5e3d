"""Another implementation of every activity, under the same names: it answers what the test chose and notes what it
was asked.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast, get_type_hints

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.registry import all_activities
from fleet.models.emergency_messages import EmergencyPlanned
from fleet.models.messages import (
    HandOver,
    Observed,
    Reviewed,
    Settled,
    TrainStop,
    VisitAsk,
    VisitAsked,
    VisitBoarded,
)
from fleet.models.operation_messages import (
    OperationAction,
    OperationBoarded,
    OperationReview,
)
from fleet.models.phases import GateAction
from fleet.models.pin_messages import (
    PinAction,
    PinBatchSeen,
    PinBatchWork,
    PinReview,
)
from fleet.models.rungs import NextRung
from fleet.models.train import StopAction
from fleet.models.work import BoardAction, Boarding, HostWork, StepAction, StepOrder, StepResult
from tests.workflows.make import repair_steps


class _NoDeps:
    """For the real activities, of which nothing but names and types is used."""

    def __getattr__(self, name: str) -> Any:
        return self


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
        """What `Worker(activities=…)` takes: for each of the real ones another of its name, arguments and answer."""
        return [self._another(real) for real in all_activities(cast("Any", _NoDeps()))]

    def _another(self, real: Callable[..., Any]) -> Callable[..., Any]:
        name = activity._Definition.must_from_callable(real).name
        assert name is not None, "all of ours have one"

        async def answer(*arguments: Any) -> Any:
            of_step = isinstance(arguments[0], StepOrder) and name != "note_word"
            return await self._answer(name, arguments[0].step.key if of_step else name, *arguments)

        answer.__signature__ = inspect.signature(real)  # type: ignore[attr-defined]
        answer.__annotations__ = get_type_hints(real)
        return activity.defn(name=name)(answer)


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
