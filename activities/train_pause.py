"""Pause a pool's train from within a step: what is wrong there is wrong with more than one host."""

from activities import pages
from activities.deps import Deps
from fleet import ids
from fleet.models.ledger import Autostop
from fleet.models.work import StepOrder
from fleet.policy.autostop import PAUSED
from fleet.policy.verifying import holds_emergency, is_paused


async def paused(deps: Deps, order: StepOrder) -> bool:
    """True while such a pause is in force; for an emergency's stop, one that holds the emergency."""
    facts = await deps.store.facts(order.cluster, await deps.clock(), queue=False)
    autostop = facts.autostops.get(order.pool)
    emergency = ids.emergency_of(order.visit) if order.visit is not None else None
    found = await deps.store.emergency(emergency) if emergency is not None else None
    return is_paused(autostop) if found is None else holds_emergency(autostop, found.started_at)


async def pause_train(deps: Deps, order: StepOrder, reason: str) -> Autostop | None:
    """Pause and tell people, unless a pause is in force (None): one occasion, one row, one page."""
    if await paused(deps, order):
        return None
    text, now = f"{PAUSED} {order.host}: {reason}", await deps.clock()
    autostop = Autostop(stopped=True, since=now, reason=text)
    await deps.store.set_autostop(order.cluster, order.pool, autostop, "maintrain", text, now)
    await deps.page(pages.train_paused(order.cluster, order.pool, autostop))
    return autostop
