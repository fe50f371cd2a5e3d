"""The last look at whether an upgrade was offboarded since it boarded: before its step, again at its fence, and at that
of the return of a host that has passed the gate with it.
"""

from collections.abc import Sequence

from activities.acting import Acting
from fleet.errors import StepFailed
from fleet.models.fleetfile import Cluster
from fleet.models.rollouts import Offboarded
from fleet.models.stack import Upgrade
from fleet.policy.offboarding import ended_by, left_over, offboarded_by, still_carried
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
    if order.step.back:
        return ended_by(upgrade, (), ended, cluster)  # what boarded is what is being undone
    gone = ended_by(upgrade, boarded, ended, cluster)
    return gone or await _left_over(acting, upgrade, boarded, ended, cluster)


async def nothing_left(acting: Acting) -> str:
    """Why a visit has nothing to do on its host any more, all that boarded being offboarded; empty while it has."""
    store, order = acting.deps.store, acting.order
    ended = await store.offboarded()
    work = await store.work(order.operation) if ended else None
    boarded = [s.upgrade for s in work.steps if s.upgrade is not None] if work is not None else []
    why = ""
    for upgrade in boarded:
        why = await offboarded_since(acting, upgrade)
        if not why:
            return ""
    return why


async def _left_over(
    acting: Acting, upgrade: Upgrade, boarded: Sequence[Upgrade], ended: Sequence[Offboarded], cluster: Cluster
) -> str:
    """Why the upgrade is left out though nobody offboarded it; empty for one that may stand without the others."""
    if not any(offboarded_by(u, ended) for u in boarded):
        return ""
    store, order = acting.deps.store, acting.order
    seen = (await store.observed_versions(order.cluster, order.host)).get(order.host)
    if seen is None:
        return ""  # a visit reads before it boards; without that the gate must tell
    why = left_over(boarded, ended, cluster, seen.versions, await store.matrix(order.cluster))
    return f"{upgrade.component} {upgrade.version} is left out: {why}" if why else ""


def unless_offboarded(acting: Acting, upgrade: Upgrade, fence: Fence) -> Fence:
    """The fence, which also refuses an upgrade that was offboarded meanwhile."""

    async def check() -> None:
        gone = await offboarded_since(acting, upgrade)
        if gone:
            raise OffboardedAtFence(gone)
        await fence()

    return check


def unless_offboarded_since_gate(acting: Acting, fence: Fence) -> Fence:
    """The fence of a return, which also refuses a host with an upgrade of this work that was offboarded after the gate:
    it goes to repair, which leads it back. Out of repair none returns with any such version that is to be rolled back.
    """

    async def check() -> None:
        order, store = acting.order, acting.deps.store
        ended = await store.offboarded() if order.applied or order.repair else ()
        gone = next((u for u in order.applied if offboarded_by(u, ended)), None)
        if gone is not None:
            what = f"{gone.component} {gone.version}"
            raise StepFailed(f"{order.host} carries {what}, which was offboarded after its gate")
        seen = (await store.observed_versions(order.cluster, order.host)).get(order.host) if order.repair else None
        carried = still_carried(seen.versions, ended) if seen is not None else ""
        if carried:
            raise StepFailed(f"{order.host} does not return from repair: {carried}")
        await fence()

    return check
