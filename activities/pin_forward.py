"""The fence of what a pin switch does on its way there: a word that calls it back is heard, whoever was told."""

from activities.deps import Deps
from fleet import ids
from fleet.models.pin import PinState
from fleet.models.work import StepOrder
from fleet.policy.stopping import Deed, MayBegin, Proceed


async def called_back(deps: Deps, order: StepOrder, deed: Deed) -> MayBegin | None:
    """The refusal of a step of a switch that goes back; None for what may begin, and for every other step."""
    switch_id = ids.pin_switch_of(order.operation)
    if deed is Deed.RETURN or order.step.back or switch_id is None:
        return None
    switch = await deps.store.pin_switch(switch_id)
    if switch is None or (switch.state is PinState.MOVING and not switch.aborted):
        return None
    why = switch.aborted or f"it is {switch.state}: {switch.reason}"
    return MayBegin(answer=Proceed.END_HERE, reason=f"{switch.id} goes back: {why}")
