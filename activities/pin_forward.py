"""The fence of what a pin switch does on its way there: a word that calls it back is heard, whoever was told. And what
calls it back by itself: hosts that can't follow, told as they go to repair.
"""

from activities.deps import Deps
from fleet import ids
from fleet.models.pin import PinHostState, PinState
from fleet.models.work import HostWork, StepOrder
from fleet.policy.stopping import Deed, MayBegin, Proceed

_ON_ITS_WAY = (
    PinHostState.TO_MOVE,
    PinHostState.MOVED,
    PinHostState.CHECKED,
    PinHostState.BACK,
    PinHostState.RESTORED,
)
_SAYS_WHO = "pin switch: "


async def tell_switch(deps: Deps, work: HostWork, reason: str) -> None:
    """Note that a host can't follow its pin switch; nothing for any other work. The slowest host of a batch may be
    half a window away, and by then too many may long have failed.
    """
    switch_id = ids.pin_switch_of(work.operation)
    if switch_id is not None:
        failed = {work.host: (PinHostState.FAILED, reason.removeprefix(_SAYS_WHO))}
        await deps.store.note_pin_hosts(switch_id, failed, await deps.clock(), _ON_ITS_WAY)


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
