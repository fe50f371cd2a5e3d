"""Whose drain is on a host in repair: ours over what our work left, over what went down, and over what an outsider
hands us; everybody else's stays.
"""

import time

from temporalio import activity

from activities.deps import Deps
from activities.holding import held_by
from fleet import ids
from fleet.errors import ForeignHold, Refused
from fleet.models.noticing import OpenedRepair, OpeningCause
from fleet.models.scheduler import NodeBase
from fleet.models.work import HostWork
from fleet.policy.noticing import lost
from fleet.ports.fence import Fence


async def own_drain(deps: Deps, work: HostWork, operation: str, opened: OpenedRepair | None) -> None:
    """Write our repair reason over our planned one; another's stays, and the repair waits under it. A host that
    went down undrained, or that an outsider handed us, is drained under what it was found with.
    """
    owned, reason = ids.drain_reason(ids.PLANNED, work.operation), ids.drain_reason(ids.REPAIR, operation)
    fence = held_by(deps, work, operation)
    try:
        await _ours(deps, work, owned, reason, fence, opened)
    except ForeignHold as hold:
        activity.logger.warning(f"{work.host} goes to repair under another's drain: {hold.holder}")
    except Refused as no:
        # The lease is the repair's already; a drain that can't be written (a node that is gone) holds nothing up.
        activity.logger.warning(f"{work.host} goes to repair without its reason in the scheduler: {no}")


async def _ours(
    deps: Deps, work: HostWork, owned: str, reason: str, fence: Fence, opened: OpenedRepair | None = None
) -> None:
    """Write the reason over our drain, or over what the host is under where that is ours to drain. Raises ForeignHold
    for what is another's.
    """
    scheduler = deps.reach(work.cluster).scheduler
    try:
        await scheduler.rewrite_reason(work.host, owned, reason, fence)
    except ForeignHold:
        found = await _found(deps, work, opened)
        if found is None:
            raise
        await scheduler.replace_hold(work.host, found, reason, fence)


async def _found(deps: Deps, work: HostWork, opened: OpenedRepair | None) -> str | None:
    """Under what a host is that we are to drain all the same; None where that is another's to say."""
    if opened is not None:
        return None if opened.cause is OpeningCause.NOTICED and opened.hold else opened.found
    node = (await deps.reach(work.cluster).scheduler.view(not_before=time.monotonic())).nodes.get(work.host)
    # Lost in our own hands, and without a drain: as it is, it would return unverified the moment it answers.
    down = node is not None and node.base is NodeBase.DOWN and not node.draining and lost(node, ()) is not None
    return (node.reason or "") if node is not None and down else None


async def own_drain_again(deps: Deps, work: HostWork) -> None:
    """A person may have undrained it by hand, or a reboot cleared the reason: it must be ours before we act. So must
    one that went down since somebody undrained it: as it is, it would take jobs the moment it answers.
    """
    owned = ids.drain_reason(ids.REPAIR, work.operation)
    await _ours(deps, work, owned, owned, held_by(deps, work, work.operation))


async def hold_for_good(deps: Deps, work: HostWork) -> None:
    """Write our hold over our repair reason, where there is a node to write it on."""
    scheduler = deps.reach(work.cluster).scheduler
    owned, hold = (ids.drain_reason(kind, work.operation) for kind in (ids.REPAIR, ids.HOLD))
    try:
        await scheduler.rewrite_reason(work.host, owned, hold, held_by(deps, work, work.operation))
    except ForeignHold as foreign:
        activity.logger.warning(f"{work.host} is decommissioned under another's drain: {foreign.holder}")
    except Refused as no:
        view = await scheduler.view(not_before=time.monotonic())
        if work.host in view.nodes:
            raise
        activity.logger.warning(f"{work.host} is decommissioned, and no drain is left on it: {no}")
