"""An operation's looks: read the facts, let the policy decide, commit, tell; and a word that came as a signal."""

import time
from collections.abc import Callable

from temporalio import activity

from activities.deps import Deps, beating
from activities.failing import mapped
from activities.operation_facts import operation_facts, requests_of
from activities.operation_word import known_operation
from activities.pages import operation_late
from activities.trying import record_trials
from fleet.errors import InvalidInput
from fleet.models.base import Moment
from fleet.models.ledger import RequestState
from fleet.models.operation import (
    BEFORE_GRANT,
    OVER,
    Operation,
    OperationChange,
    OperationState,
    OperationWork,
    Said,
    Word,
)
from fleet.models.operation_messages import OperationAction, OperationInput, OperationOrder, OperationReview
from fleet.operation_view import operation_view
from fleet.policy.operation_orders import entry, speak
from fleet.policy.operation_progress import MAINTRAIN, OperationFacts, OperationStep, overdue, progress

_PARKING_LOOKS, _LOOKS = 5.0, 300.0
"""Seconds between first looks at those who have yet to park, and at hosts of whose end a workflow tells."""
_OF_THE_WAIT = 20.0
"""Part of the time since the grant after which it looks again."""

_BEGINS_WITHIN = 30.0
"""Seconds from a look at the facts in which the outsider's work may begin by it."""

_LONGEST = 86_400.0
"""However far its time is, it looks at itself every day."""


class Operating:
    """Activities `review_operation` and `order_operation`."""

    def __init__(self, deps: Deps, begins_within: float = _BEGINS_WITHIN) -> None:
        self.deps, self._begins_within = deps, begins_within

    @activity.defn(name="review_operation")
    @mapped
    async def review_operation(self, order: OperationInput) -> OperationReview:
        """Look at the facts, decide what is next, and commit it; a second look finds it done."""
        async with beating():
            op = await known_operation(self.deps, order.operation)
            if op.over:
                return _review(op, _bare(op))
            failed = await self._ask(op) if op.state is OperationState.ASKING and op.word is None else None
            if failed is not None:
                return _review(failed, _bare(failed))
            op = await known_operation(self.deps, order.operation)
            began, facts = time.monotonic(), await operation_facts(self.deps, op)
            step = progress(facts)
            after = await self._commit(facts, step, began)
            if overdue(after, facts):
                await self.deps.page(operation_late(after))
            if after.state not in BEFORE_GRANT:  # also where an attempt died between the two
                for request in facts.requests:
                    if request.state is RequestState.GRANTED and request.acknowledged_at is None:
                        await self.deps.store.acknowledge(request.id, facts.now)
            return _review(after, facts, step)

    async def _ask(self, op: Operation) -> Operation | None:
        """File the requests for the scope's hosts as they stand now; the operation as it ended when it can't ask."""
        try:
            requests, left_out = await requests_of(self.deps, op)
        except InvalidInput as gone:
            return await self._fail(op, f"its scope is not there any more: {gone}")
        if not requests:
            why = "; ".join(f"{host}: {why}" for host, why in sorted(left_out.items())[:3])
            return await self._fail(op, f"no host of its scope can be worked on: {why}")
        await self.deps.store.ask_for_operation(op.id, requests)
        if left_out != op.left_out:
            await self.deps.store.change_operation(op.id, _leaving_out(left_out))
        return None

    async def _fail(self, op: Operation, reason: str) -> Operation:
        now = await self.deps.clock()
        step = OperationStep(state=OperationState.FAILED, reason=reason)
        return await self.deps.store.change_operation(op.id, _change(op, step, now))

    async def _commit(self, facts: OperationFacts, step: OperationStep, began: float) -> Operation:
        """`began`: the monotonic second in which the look began."""
        op, change = facts.op, _change(facts.op, step, facts.now)
        if step.state in OVER and op.spec.work is OperationWork.UPGRADE:
            for cluster in op.spec.clusters:  # what came of the versions, for blame
                await record_trials(self.deps, cluster, await self.deps.store.outcomes(cluster, visit=op.id))
        if (step.state, step.reason) == (op.state, op.reason):
            return op

        def unless_late(before: Operation) -> OperationChange:
            # Who stood still since the look may have missed that a host is drained no more: it looks again.
            late = step.state is OperationState.WORKING and time.monotonic() - began > self._begins_within
            return OperationChange(before) if late else change(before)

        return await self.deps.store.change_operation(op.id, unless_late)

    @activity.defn(name="order_operation")
    @mapped
    async def order_operation(self, order: OperationOrder) -> str:
        """Put a word in force as a row; what it did, in words. `Refused` with the reason."""
        async with beating():
            word = Word(said=Said(order.said), actor=order.actor, reason=order.reason, at=await self.deps.clock())
            after = await self.deps.store.change_operation(order.operation, speak(word))
        return f"{after.id}: {order.said} by {order.actor}"


def _bare(op: Operation) -> OperationFacts:
    """Of an operation that is over nothing more is read."""
    return OperationFacts(op=op, now=op.changed_at, needed=op.spec.duration)


def _leaving_out(left_out: dict[str, str]) -> Callable[[Operation], OperationChange]:
    def change(before: Operation) -> OperationChange:
        return OperationChange(before.model_copy(update={"left_out": left_out}))

    return change


def _change(seen: Operation, step: OperationStep, now: Moment) -> Callable[[Operation], OperationChange]:
    """What a step makes of the operation it was decided for; nothing when somebody was faster."""

    def change(before: Operation) -> OperationChange:
        if (before.state, before.word) != (seen.state, seen.word):
            return OperationChange(before)
        changes: dict[str, object] = {"state": step.state, "reason": step.reason, "changed_at": now}
        if step.state is OperationState.PREPARING and before.granted_at is None:
            changes["granted_at"] = now
        if step.state is OperationState.WORKING and before.begun_at is None:
            changes["begun_at"] = now
        if step.word is not None:
            changes["word"] = step.word
        over = step.state in OVER
        if over:
            changes["ended_at"] = now
        after = before.model_copy(update=changes)
        unparks = over or step.state is OperationState.CLOSING
        moved = step.state not in (before.state, OperationState.ASKING)
        told = entry(after, str(step.state), MAINTRAIN, step.reason, after.changed_at) if moved else None
        return OperationChange(after, told, unparks=unparks)

    return change


def _parking_pause(op: Operation, facts: OperationFacts) -> float:
    """Seconds to the next look at those who have yet to park, or to be seen drained: the longer they take, the longer,
    for each look is kept in the workflow's history.
    """
    waited = facts.now - (op.granted_at or op.changed_at)
    return min(_LOOKS, max(_PARKING_LOOKS, waited.total_seconds() / _OF_THE_WAIT))


def _review(op: Operation, facts: OperationFacts, step: OperationStep | None = None) -> OperationReview:
    """What the workflow is told; `facts` are those that the step was decided on, before it was committed."""
    word, changed = op.word, op.state is not facts.op.state or (step is not None and op.state is not step.state)
    wait = None
    if op.over:
        action = OperationAction.END
    elif changed or step is None:
        action = OperationAction.AGAIN
    elif op.state in BEFORE_GRANT:
        action = OperationAction.WAIT
        wait = None if step.until is None else min(_LONGEST, max(0.0, (step.until - facts.now).total_seconds()) + 1.0)
    else:
        awaited = facts.not_parked or (op.state is OperationState.PREPARING and facts.held - facts.ready)
        action, wait = OperationAction.BOARD, _parking_pause(op, facts) if awaited else _LOOKS
    return OperationReview(
        action=action,
        reason=op.reason,
        state=op.state,
        clusters=op.spec.clusters if facts.held else (),
        asks=op.state is OperationState.ASKING,
        word="" if word is None else f"{op.id}: {word.told}",
        cancelled=word is not None and (word.said is Said.CANCEL or op.begun_at is None),
        wait_seconds=wait,
        picture=operation_view(op, facts),
    )
