"""Evidence of every step: a row, a metric, and a span's worth of attributes."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.acting import Acting
from activities.deps import now
from fleet.models.work import StepAction, StepRecord, StepResult

ASK_AGAIN = timedelta(seconds=2)
"""Pause between looks while a freeze holds a step."""


async def recorded(acting: Acting, body: Callable[[], Awaitable[StepResult]]) -> StepResult:
    """Run a step's body and keep how it ended.

    A HOLD leaves no row: the step has not begun. It is raised, so that the engine asks again and the UI shows the
    reason on the pending activity, at no cost in history.
    """
    result = await body()
    ended, order = now(), acting.order
    if result.action is StepAction.HOLD:
        raise ApplicationError(
            result.reason, type="Frozen", next_retry_delay=ASK_AGAIN, category=ApplicationErrorCategory.BENIGN
        )
    await acting.deps.store.record_step(
        StepRecord(
            cluster=order.cluster,
            host=order.host,
            operation=order.record,
            step=order.step.key,
            action=result.action,
            reason=result.reason,
            started=acting.began,
            ended=ended,
            verification=result.verification,
        ),
        acting.end,
    )
    meter = activity.metric_meter().with_additional_attributes(
        {"cluster": order.cluster, "pool": order.pool, "step": order.step.kind, "action": result.action}
    )
    meter.create_counter("maintrain_steps", "Steps by how they ended").add(1)
    meter.create_histogram_float("maintrain_step_seconds", "Time of a step", "s").record(
        (ended - acting.began).total_seconds()
    )
    return result
