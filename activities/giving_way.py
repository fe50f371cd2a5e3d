"""What a drain asks while it waits for jobs: must its host be given back to more urgent work, and how are jobs treated.

The row of a yield is written before its signal is sent, so a host whose workflow was not there yet to hear it, or that
waits for jobs for hours, gives way too.
"""

from activities.deps import Deps
from fleet import ids
from fleet.models.pool import DrainPolicy
from fleet.models.work import StepOrder


async def yields(deps: Deps, order: StepOrder) -> bool:
    """True when the visit that drains the host was told to yield."""
    return order.visit is not None and not order.repair and await deps.store.claimed(f"yield/{order.visit}")


async def drain_policy(deps: Deps, order: StepOrder) -> DrainPolicy:
    """How jobs are treated: as the pool says, or the emergency whose stop this is."""
    _, pool = await deps.pool(order.cluster, order.pool)
    emergency = ids.emergency_of(order.visit) if order.visit is not None else None
    found = await deps.store.emergency(emergency) if emergency is not None else None
    return pool.drain if found is None or found.spec.drain is None else found.spec.drain
