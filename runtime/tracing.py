"""A trace a visit: the visit's span, below it a span a host, below that a span a step's attempt. Trains and
dispatchers, which never end, have none.

Visits and hosts get theirs when their workflow ends, once, not on replay; steps from the worker that did them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span, Status, StatusCode, Tracer
from pydantic import BaseModel
from temporalio import activity, workflow
from temporalio.exceptions import FailureError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    ExecuteWorkflowInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from fleet.models.messages import HostEnd, VisitInput
from fleet.models.work import HostWork
from runtime.spanids import Place, above, forced_ids

EXTERN = "maintrain_ended"
ATTRIBUTES = ("cluster", "pool", "domain", "host", "operation", "visit")


class TracingInterceptor(Interceptor):
    """Opens the spans of one worker."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("maintrain")

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """A span an attempt."""
        return _TracedActivity(next, self._tracer)

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        """Spans of visits and hosts."""
        input.unsafe_extern_functions[EXTERN] = self._ended
        return _TracedWorkflow

    def _ended(self, name: str, place: Place, times: tuple[datetime, datetime], attributes: dict[str, str]) -> None:
        began, ended = (int(moment.timestamp() * 1e9) for moment in times)
        with forced_ids(place):
            span = self._tracer.start_span(name, above(place), attributes=attributes, start_time=began)
        if failure := attributes.get("failure"):
            span.set_status(Status(StatusCode.ERROR, failure))
        span.end(end_time=ended)


class _TracedActivity(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, tracer: Tracer) -> None:
        super().__init__(next)
        self._tracer = tracer

    async def execute_activity(self, input: ExecuteActivityInput) -> object:
        info = activity.info()
        known = _known(input.args)
        attributes: dict[str, str | int] = {**known, "attempt": info.attempt, "workflow": info.workflow_id or ""}
        step = next((s for arg in input.args if (s := getattr(arg, "step", None)) is not None), None)
        if step is not None:
            attributes["step"] = str(getattr(step, "key", step))
        place = _place(known, info.workflow_id or info.activity_id)
        with self._tracer.start_as_current_span(info.activity_type, place.parent, attributes=attributes) as span:
            result = await self.next.execute_activity(input)
            _tell_result(span, result)
            return result


class _TracedWorkflow(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> object:
        try:
            result: object = await self.next.execute_workflow(input)
        except workflow.ContinueAsNewError:
            # A visit that waits, and a repair that tries again, go on. A host's work that becomes its repair ends.
            if workflow.info().workflow_type == "HostMaintenance":
                _tell_end(input, {"outcome": "handed_over"})
            raise
        except FailureError as error:
            # Any other exception fails a task, which is tried again, or is the cache letting go of the workflow.
            _tell_end(input, {"failure": f"{type(error).__name__}: {error}"})
            raise
        _tell_end(input, {"outcome": f"{result.outcome}: {result.reason}"} if isinstance(result, HostEnd) else {})
        return result


def _tell_end(input: ExecuteWorkflowInput, told: dict[str, str]) -> None:
    subject = input.args[0] if input.args else None
    if not isinstance(subject, VisitInput | HostWork) or workflow.unsafe.is_replaying_history_events():
        return
    info = workflow.info()
    known = _known(input.args)
    place = _place(known, info.workflow_id)
    attributes = {**known, **told, "workflow": info.workflow_id}
    with workflow.unsafe.sandbox_unrestricted():
        tell = workflow.extern_functions()[EXTERN]
        tell(info.workflow_type, place, (info.workflow_start_time, workflow.now()), attributes)


def _known(args: Sequence[Any]) -> dict[str, str]:
    """What the inputs say of cluster, pool, domain, host, operation and visit, themselves or one level down."""
    found: dict[str, str] = {}
    for arg in args:
        for model in (arg, getattr(arg, "work", None), getattr(arg, "input", None)):
            if not isinstance(model, BaseModel):
                continue
            for name in ATTRIBUTES:
                value = getattr(model, name, None)
                if isinstance(value, str) and value:
                    found.setdefault(name, value)
    return found


def _place(known: dict[str, str], otherwise: str) -> Place:
    visit, operation = known.get("visit"), known.get("operation")
    return Place(root=visit or operation or otherwise, visit=visit, operation=operation)


def _tell_result(span: Span, result: object) -> None:
    for name in ("action", "reason"):
        value = getattr(result, name, None)
        if isinstance(value, str) and value:
            span.set_attribute(name, str(value))
