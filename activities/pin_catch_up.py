"""How a late host catches up with the pin in force: it carries it, a repair of ours has it drained, or it has left; one
that nobody else has in hands any more is given to its own repair, which brings it the pin.
"""

import asyncio
import time

from temporalio import activity

from activities.deps import Deps
from activities.holding import FENCE_LIFE, held_by
from activities.pin_guard import unsettled_pin, waits_for
from activities.pin_late import close_late, drained_by_us, open_late, reservation_of
from activities.repair_book import repair_of
from fleet import ids
from fleet.errors import DriverError, ForeignHold, LeaseLost, Refused, StaleAttempt
from fleet.models.ledger import Counted, LeaseHost
from fleet.models.pin import PinHost, PinHostState, PinSwitch
from fleet.models.scheduler import ClusterView, Node, NodeBase
from fleet.models.work import HostWork
from fleet.policy.compatibility import allowed
from fleet.ports.fence import Fence

AT_ONCE = 16
"""Late hosts that are looked at at once."""
_WORKING = (NodeBase.IDLE, NodeBase.ALLOCATED, NodeBase.MIXED)


async def catch_up(deps: Deps, switch: PinSwitch) -> None:
    """Open every late host that has caught up; the others stay closed. None waits for one that is silent for long, or
    can't be opened: of a rack that lost its power that would outlast any look.

    A later switch may be under way: until it is told which pin is in force, all stay closed.
    """
    late = await deps.store.pin_hosts(switch.id, states=(PinHostState.LATE,))
    if not late:
        return
    try:
        view = await deps.reach(switch.spec.cluster).scheduler.view(not_before=time.monotonic())
    except DriverError as error:
        activity.logger.info(f"{len(late)} hosts of {switch.id} stay closed: {error}")
        return
    several, unsettled = asyncio.Semaphore(AT_ONCE), await unsettled_pin(deps, switch.spec.cluster, switch.id)

    async def one(host: PinHost) -> None:
        async with several:
            why = "" if unsettled is not None else await _caught_up(deps, switch, host, view)
            if not why:
                await _stay_closed(deps, switch, host, view)
                return
            try:
                await open_late(deps, switch, host, why, _settled(deps, switch))
            except StaleAttempt as held:
                activity.logger.info(f"{host.host} stays closed: {held}")

    for wrong in await asyncio.gather(*(one(host) for host in late), return_exceptions=True):
        if isinstance(wrong, BaseException):
            raise wrong


async def _caught_up(deps: Deps, switch: PinSwitch, host: PinHost, view: ClusterView) -> str:
    """Why a host need not be kept closed any longer; empty while it must."""
    cluster, node = switch.spec.cluster, view.nodes.get(host.host)
    member = next((h for h in await deps.store.hosts(cluster) if h.name == host.host), None)
    if member is None or member.decommissioned:
        return "it has left for good"
    lease = await deps.store.lease(cluster, host.host)
    if lease is not None and lease.counted is Counted.FAILED and drained_by_us(node):
        return f"in repair: {lease.holder}"
    carries = await _carries(deps, switch, host)
    if carries:
        return "it carries the pin in force"
    if carries is False and lease is None and node is not None and _only_ours(switch, host, node, view):
        return await _give_to_repair(deps, switch, host)
    return ""


async def _carries(deps: Deps, switch: PinSwitch, host: PinHost) -> bool | None:
    """Whether the host has the pins in force, in a set that is allowed with them; None if it can't be told.

    What moved together with the pin may have moved on since, by a rollout, and a later switch may have moved any pin.
    """
    name = switch.spec.cluster
    try:
        versions = await deps.reach(name).hardware.versions(host.host)
    except DriverError as error:
        activity.logger.info(f"the versions of {host.host}, which is late for {switch.id}, can't be read: {error}")
        return None
    await deps.store.record_versions(name, host.host, versions, await deps.clock())
    cluster = await deps.cluster(name)
    if any(versions.get(pin) != pinned for pin, pinned in cluster.pins.items()):
        return False
    return allowed(versions, cluster, await deps.store.matrix(name)).allowed


def _only_ours(switch: PinSwitch, host: PinHost, node: Node, view: ClusterView) -> bool:
    """Whether nothing but our reservation keeps a host out of production."""
    well = node.base in _WORKING and node.powered and not (node.draining or node.rebooting or node.not_responding)
    return well and _closed(switch, host, node) and not view.jobs_on(host.host)


def _closed(switch: PinSwitch, host: PinHost, node: Node) -> bool:
    return node.maintenance and node.reservation == ids.reservation(reservation_of(switch, host))


async def _give_to_repair(deps: Deps, switch: PinSwitch, host: PinHost) -> str:
    """Lease a host to its own repair, drained: the dispatcher finds that repair without a workflow, and begins it."""
    cluster = switch.spec.cluster
    work = HostWork(cluster=cluster, pool=host.pool, host=host.host, operation="")
    operation = await repair_of(deps, work)
    lease = LeaseHost(
        cluster=cluster,
        host=host.host,
        request=operation,
        holder=ids.host(cluster, host.host),
        operation=operation,
        counted=Counted.FAILED,
        since=await deps.clock(),
        why=f"it did not follow {switch.id}",
    )
    reason = ids.drain_reason(ids.REPAIR, operation)
    try:
        await deps.store.lease_for_repair(lease)
        await deps.reach(cluster).scheduler.drain(host.host, reason, held_by(deps, work, operation))
    except (LeaseLost, ForeignHold, Refused) as error:
        activity.logger.warning(f"{host.host}, which is late for {switch.id}, can't be given to repair: {error}")
        return ""
    return f"in repair: {lease.holder}"


async def _stay_closed(deps: Deps, switch: PinSwitch, host: PinHost, view: ClusterView) -> None:
    """Close a host anew whose reservation the scheduler did not allow before, or somebody ended. One that a later
    switch holds comes back from that with the pin in force.
    """
    node, lease = view.nodes.get(host.host), await deps.store.lease(switch.spec.cluster, host.host)
    taken = lease is not None and ids.pin_switch_of(lease.operation) is not None
    if node is not None and not taken and not _closed(switch, host, node):
        await close_late(deps, switch, host, _still_late(deps, switch, host))


def _still_late(deps: Deps, switch: PinSwitch, host: PinHost) -> Fence:
    """A worker that wakes late must not close a host that has caught up."""

    async def check() -> None:
        late = await deps.store.pin_hosts(switch.id, states=(PinHostState.LATE,))
        if host.host not in {one.host for one in late}:
            raise StaleAttempt(f"{host.host} is not late for {switch.id} any more")

    return check


def _settled(deps: Deps, switch: PinSwitch) -> Fence:
    """A later switch that has begun to close the cluster counts on what is closed, which stays so until it is over."""

    async def check() -> None:
        started = time.monotonic()
        later = await unsettled_pin(deps, switch.spec.cluster, switch.id)
        if later is not None:
            raise StaleAttempt(waits_for(later))
        if time.monotonic() - started > FENCE_LIFE:
            raise StaleAttempt(f"{switch.id}: the check took too long")

    return check
