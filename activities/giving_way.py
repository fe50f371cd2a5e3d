"""What a drain asks while it waits for jobs: must its host be given back to more urgent work, and how are jobs treated.
And what each step of an emergency's stop asks before it begins.

The row of a yield is written before its signal is sent, so a host whose workflow was not there yet to hear it, or that
waits for jobs, or for its BMC, for hours, gives way too.
"""

from activities.deps import Deps
from fleet import ids
from fleet.models.emergency import EmergencyState
from fleet.models.ledger import LeaseHost
from fleet.models.pool import AtDeadline, DrainPolicy
from fleet.models.work import StepOrder
from fleet.policy.stopping import Deed, MayBegin, Proceed

_KINDS = ("requeueable", "not_requeueable", "interactive")


async def yields(deps: Deps, order: StepOrder) -> bool:
    """True when the visit or operation that drains the host was told to yield, or the visit is a stop of an emergency
    that no longer runs.
    """
    if order.visit is None or order.repair:
        return False
    emergency = ids.emergency_of(order.visit)
    if emergency is not None:
        found = await deps.store.emergency(emergency)
        if found is not None and found.state is not EmergencyState.RUNNING:
            return True
    if ids.op_of(order.operation) is None:
        return await deps.store.claimed(yield_of_visit(order.visit))
    lease = await deps.store.lease(order.cluster, order.host)
    return lease is not None and await deps.store.claimed(yield_of_grant(lease))


async def halted(deps: Deps, order: StepOrder, deed: Deed) -> MayBegin | None:
    """The refusal of what a stop of an emergency has yet to begin, once it is to yield or a person has ended or stopped
    its emergency; None for what may begin, or is no safe point any more, and for every other step. A flash may wait for
    its BMC for long, and its host's workflow hears nothing meanwhile.
    """
    emergency = ids.emergency_of(order.visit) if order.visit is not None else None
    if emergency is None or deed is not Deed.DISRUPT or order.step.back or not order.step.safe_before:
        return None
    if not await yields(deps, order):
        return None
    reason = f"{emergency} does not go on with it: it was stopped or is over, or gives way to more urgent work"
    return MayBegin(answer=Proceed.END_HERE, reason=reason)


def yield_of_visit(visit: str) -> str:
    """The row by which a visit is told to yield."""
    return f"yield/{visit}"


def yield_of_grant(lease: LeaseHost) -> str:
    """The row by which an operation is told to give back what it was granted then: it may be granted hosts anew."""
    return f"yield/{lease.request}@{lease.since.isoformat()}"


async def drain_policy(deps: Deps, order: StepOrder) -> DrainPolicy:
    """How jobs are treated: as the pool says, or the emergency whose stop this is. A pin switch waits for those that
    slipped in where somebody ended its reservation: it goes back sooner than it ends a job that it did not note.
    """
    _, pool = await deps.pool_of(order.cluster, order.host, order.pool)
    if ids.pin_switch_of(order.operation) is not None:
        return pool.drain.model_copy(update=dict.fromkeys(_KINDS, AtDeadline.WAIT))
    emergency = ids.emergency_of(order.visit) if order.visit is not None else None
    found = await deps.store.emergency(emergency) if emergency is not None else None
    return pool.drain if found is None or found.spec.drain is None else found.spec.drain
