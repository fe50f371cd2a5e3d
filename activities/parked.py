"""Whoever works on a host of an operation's scope parks at a safe point while an outsider works there."""

from activities.acting import Acting
from activities.attempt import StoppedAtFence
from activities.deps import Deps
from fleet.models.footing import Footing
from fleet.models.work import StepAction, StepOrder, StepResult
from fleet.policy.parking import parked
from fleet.policy.stopping import MayBegin, Proceed
from fleet.ports.fence import Fence


def parked_by(footing: Footing, order: StepOrder) -> StepResult | None:
    """Why a step waits, by what was read of its host just now; None to go on."""
    because = footing.parked_for(order.operation)
    return None if because is None else StepResult(action=StepAction.HOLD, reason=parked(because).reason)


async def parked_now(deps: Deps, order: StepOrder) -> StepResult | None:
    """The same for a step that reads nothing else of its footing."""
    parkings = await deps.store.parkings(order.cluster, order.host)
    return parked_by(Footing(lease=None, stops=(), intents=(), parkings=parkings), order) if parkings else None


def unless_parked(acting: Acting, fence: Fence) -> Fence:
    """The fence of a return, which also refuses while an outsider works on the host's scope."""

    async def check() -> None:
        waits = await parked_now(acting.deps, acting.order)
        if waits is not None:
            raise StoppedAtFence(MayBegin(answer=Proceed.HOLD, reason=waits.reason))
        await fence()

    return check
