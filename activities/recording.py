"""Evidence of every step: a row, a metric, and a span's worth of attributes; and what is seen to while one waits."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.acting import Acting
from activities.attempt import FROZEN
from activities.deps import now, short_key
from activities.word import gives_way_to_a_person
from fleet.errors import LeaseLost, StaleAttempt
from fleet.models.work import StepAction, StepKind, StepRecord, StepResult

ASK_AGAIN = timedelta(seconds=2)
"""Pause between looks while a freeze holds a step; a hold that is none says its own."""


async def recorded(acting: Acting, body: Callable[[], Awaitable[StepResult]]) -> StepResult:
    """Run a step's body and keep how it ended.

    A HOLD leaves no row: the step has not begun. It is raised, so that the engine asks again and the UI shows the
    reason on the pending activity, at no cost in history. Until it does, as after an error, the host keeps its drain,
    and in repair a person's word ends what has not begun.
    """
    result = await _ended(acting, body)
    ended, order = now(), acting.order
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
            blameless=result.blameless,
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


async def _ended(acting: Acting, body: Callable[[], Awaitable[StepResult]]) -> StepResult:
    """The result of the body, or of a person's word; raises what the engine is to try again."""
    try:
        result = await body()
    except (LeaseLost, StaleAttempt):
        raise  # the host, or the step, is another's to look after
    except Exception:
        gives_way = await _before_it_is_asked_again(acting)
        if gives_way is None:
            raise
        return gives_way
    if result.action is not StepAction.HOLD:
        return result
    pause = ASK_AGAIN if result.asks_again is None else timedelta(seconds=result.asks_again)
    if result.asks_again is None:
        frozen = f"{FROZEN}/{acting.order.record}/{acting.order.step.key}/{result.reason}"
        await acting.deps.store.first_time(short_key(frozen), now())
    gives_way = await _before_it_is_asked_again(acting)
    if gives_way is None:
        raise ApplicationError(
            result.reason, type="Frozen", next_retry_delay=pause, category=ApplicationErrorCategory.BENIGN
        )
    return gives_way


async def _before_it_is_asked_again(acting: Acting) -> StepResult | None:
    """A host that was changed, and is not verified, may not stand undrained for as long as its step waits."""
    if acting.order.step.kind is StepKind.RETURN:
        return None  # it lifts the drain itself
    footing = await acting.footing()
    if acting.order.repair or footing.touched():
        await acting.keep_drained()
    return await gives_way_to_a_person(acting, footing)
