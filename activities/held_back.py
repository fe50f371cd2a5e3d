"""A verified host of a large-scale maintenance that ramps up in steps: it waits before its gate until it is let return.

That it waits is a row, which is all that the maintenance's next look needs to know; whatever ends or stops the
maintenance lets every such host go.
"""

from temporalio import activity

from activities.deps import Deps
from activities.giving_way import yield_of_visit
from fleet import ids
from fleet.errors import Unreachable
from fleet.models.emergency import Emergency, EmergencyChange, EmergencyHost, EmergencyHostState, EmergencyState
from fleet.models.work import StepAction, StepOrder, StepResult
from fleet.policy.large_held import asks_again

_HELD = (EmergencyHostState.UNDER_WAY, EmergencyHostState.HELD)


async def held_back(deps: Deps, order: StepOrder) -> StepResult | None:
    """Why a host waits before its gate; None to go on. More urgent work that needs its place ends the wait, too."""
    large = ids.emergency_of(order.visit) if order.visit is not None and not order.repair else None
    found = await deps.store.emergency(large) if large is not None else None
    if found is None or found.spec.plan is None or found.spec.plan.ramp_up is None:
        return None
    if found.state is not EmergencyState.RUNNING or await deps.store.claimed(yield_of_visit(order.visit or "")):
        return None
    row = next((h for h in await deps.store.emergency_hosts(found.id, order.visit) if h.host == order.host), None)
    if row is None or row.state not in _HELD:
        return None
    if row.state is EmergencyHostState.UNDER_WAY:
        await _note(deps, found, order)
    held = (await deps.store.count_emergency_hosts(found.id)).get(EmergencyHostState.HELD, 0)
    reason = f"verified, and held until {found.id} lets it return"
    return StepResult(action=StepAction.HOLD, reason=reason, asks_again=asks_again(held).total_seconds())


async def _note(deps: Deps, large: Emergency, order: StepOrder) -> None:
    """Write that it is held; the last one of its stop has the maintenance look."""
    left: list[str] = []
    # A host that ended otherwise holds no lease of the stop any more, whatever its row says until the next look.
    leased = {lease.host for lease in await deps.store.leases(order.visit or "")}

    def change(before: Emergency, hosts: tuple[EmergencyHost, ...]) -> EmergencyChange:
        rows = [h for h in hosts if h.host == order.host and h.state is EmergencyHostState.UNDER_WAY]
        others = [h for h in hosts if h.host in leased and h.host != order.host]
        left[:] = [h.host for h in others if h.state is EmergencyHostState.UNDER_WAY]
        held = {"state": EmergencyHostState.HELD, "reason": "verified, and held"}
        return EmergencyChange(emergency=before, hosts=tuple(h.model_copy(update=held) for h in rows))

    await deps.store.change_emergency(large.id, change, stop=order.visit)
    if left:
        return
    try:
        await deps.engine.wake(large.id)
    except Unreachable as error:
        activity.logger.warning(f"{large.id} was not told that the hosts of {order.visit} are verified: {error}")
