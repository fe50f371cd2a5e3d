"""The last look at whether an upgrade was offboarded since it boarded: before its step, and again at its fence."""

from activities.acting import Acting
from fleet.models.stack import Upgrade
from fleet.policy.offboarding import ended_by
from fleet.ports.fence import Fence


class OffboardedAtFence(Exception):
    """An upgrade was offboarded after its step began and before anything was sent. `str()` says why."""


async def offboarded_since(acting: Acting, upgrade: Upgrade) -> str:
    """Why the upgrade is not to be applied any more; empty when it may."""
    store, order = acting.deps.store, acting.order
    ended = await store.offboarded()
    if not ended:
        return ""
    cluster = await acting.deps.cluster(order.cluster)
    work = await store.work(order.operation)
    boarded = [s.upgrade for s in work.steps if s.upgrade is not None] if work is not None else []
    # On the way back only the version to go back to counts: what boarded is what is being undone.
    return ended_by(upgrade, () if order.step.back else boarded, ended, cluster)


def unless_offboarded(acting: Acting, upgrade: Upgrade, fence: Fence) -> Fence:
    """The fence, which also refuses an upgrade that was offboarded meanwhile."""

    async def check() -> None:
        gone = await offboarded_since(acting, upgrade)
        if gone:
            raise OffboardedAtFence(gone)
        await fence()

    return check
