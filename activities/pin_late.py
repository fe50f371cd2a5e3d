"""Hosts that neither a pin switch nor a drain of ours holds when their cluster is closed, or opened: each is closed to
jobs by a reservation of its own, under a row that says *late*, until it has caught up.
"""

from collections.abc import Mapping, Sequence

from temporalio import activity

from activities import pin_pages
from activities.deps import Deps
from fleet import ids
from fleet.errors import Refused
from fleet.models.host import Host, HostSet, Standing
from fleet.models.ledger import Counted, LeaseHost
from fleet.models.pin import PinHost, PinHostState, PinSwitch
from fleet.models.scheduler import ClusterView, Node
from fleet.policy.observing import observed_hosts
from fleet.policy.sets import standing
from fleet.ports.fence import Fence, open_fence

AT_PRESENT = 1.0
"""Seconds within which another's reservation is in the way of one host's: one that begins later ends nothing now."""
_NUMBERED = (PinHostState.LATE, PinHostState.CAUGHT_UP)


def reservation_of(switch: PinSwitch, host: PinHost) -> str:
    """Name of a late host's own reservation."""
    return f"{main_reservation(switch)}_{host.batch}"


def main_reservation(switch: PinSwitch) -> str:
    """Name of the reservation of all hosts that the switch holds."""
    return ids.pin_reservation(switch.id)


def drained_by_us(node: Node | None) -> bool:
    """Whether a drain of ours keeps jobs off a node, whatever becomes of it otherwise."""
    return node is not None and node.draining and ids.owned_reason(node.reason) is not None


async def note_late(
    deps: Deps, switch: PinSwitch, members: Sequence[Host], leases: Mapping[str, LeaseHost], view: ClusterView
) -> tuple[PinHost, ...]:
    """Write down who is late, and give each a number, which names its reservation; all that are late by now.

    One that was late before keeps its number: the reservation of an earlier try is found again by it. One that is late
    for an earlier switch stays that one's, which keeps it closed until it carries the pins in force, whoever set them.
    """
    elsewhere = await _late_for_earlier(deps, switch)
    cluster, now = await deps.cluster(switch.spec.cluster), await deps.clock()
    seen, known = observed_hosts(members, view), await deps.store.pin_hosts(switch.id)
    late = {host.host for host in known if host.state is PinHostState.LATE}
    number = max((host.batch for host in known if host.state in _NUMBERED), default=-1)
    new = []
    for host in sorted(members, key=lambda h: h.name):
        found = standing(host, seen.get(host.name), now, None, cluster.failed_reasons)
        why = _late(leases.get(host.name), view.nodes.get(host.name), found)
        if why and host.name not in late and host.name not in elsewhere:
            number += 1
            new.append(PinHost(host=host.name, pool=host.pool, state=PinHostState.LATE, batch=number, reason=why))
    await deps.store.put_pin_hosts(switch.id, new, now)
    return await deps.store.pin_hosts(switch.id, states=(PinHostState.LATE,))


async def _late_for_earlier(deps: Deps, switch: PinSwitch) -> frozenset[str]:
    """Hosts that are late for an earlier switch of the cluster, each in a reservation of that one's."""
    others = [s for s in await deps.store.open_pin_switches(switch.spec.cluster) if s.id != switch.id]
    late = [await deps.store.pin_hosts(other.id, states=(PinHostState.LATE,)) for other in others]
    return frozenset(host.host for hosts in late for host in hosts)


def _late(lease: LeaseHost | None, node: Node | None, found: Standing) -> str:
    """Why a host would come back with the pin that it carries, whichever is in force; empty when it would not."""
    if lease is None:
        return "" if found.set is HostSet.UP else f"{found.set}: {found.reason}"
    # A host that the scheduler does not list can't be closed, and no job starts on it.
    if lease.counted is not Counted.FAILED or node is None or drained_by_us(node):
        return ""
    return f"in repair, and not drained by us: {found.reason}"


async def broken(
    deps: Deps, cluster: str, members: Sequence[Host], leases: Mapping[str, LeaseHost], view: ClusterView
) -> frozenset[str]:
    """Members that are out as failed. Often a vendor has them in a reservation of its own, beside which ours can't be:
    that is no reason for a switch to go back, since they run no job until somebody mends them. Nor is a member that the
    scheduler does not list, which no reservation can hold: no job starts on it.
    """
    reasons, now = (await deps.cluster(cluster)).failed_reasons, await deps.clock()
    seen = observed_hosts(members, view)
    found = {h.name: standing(h, seen.get(h.name), now, leases.get(h.name), reasons) for h in members}
    unlisted = {name for name in found if view.nodes.get(name) is None}
    return frozenset(unlisted | {name for name, where in found.items() if where.set is HostSet.FAILED})


async def close_late(deps: Deps, switch: PinSwitch, host: PinHost, fence: Fence) -> None:
    """Close a late host to jobs; where the scheduler does not let it, that is tried again as it catches up."""
    scheduler = deps.reach(switch.spec.cluster).scheduler
    try:
        await scheduler.close_to_jobs((host.host,), reservation_of(switch, host), AT_PRESENT, fence)
    except Refused as no:
        activity.logger.error(f"{host.host} is late for {switch.id} and can't be closed now: {no}")
        await deps.page(pin_pages.not_closed(switch, host, no))


async def open_late(deps: Deps, switch: PinSwitch, host: PinHost, why: str, fence: Fence = open_fence) -> None:
    """End a late host's reservation, and its being late."""
    # The reservation is this host's alone, and lifting it twice is harmless: no fence is needed for the switch's sake.
    scheduler = deps.reach(switch.spec.cluster).scheduler
    await scheduler.open_to_jobs(reservation_of(switch, host), fence)
    await deps.store.note_pin_hosts(switch.id, {host.host: (PinHostState.CAUGHT_UP, why)}, await deps.clock())


async def open_unmoved(deps: Deps, switch: PinSwitch) -> frozenset[str]:
    """Where the old pin stayed, end the reservations of late hosts that were never on their way; those that were, and
    did not get back by themselves.
    """
    moved = set()
    for host in await deps.store.pin_hosts(switch.id, states=(PinHostState.FAILED, PinHostState.LATE)):
        if await deps.store.work(ids.operation(switch.id, host.host)) is not None:
            moved.add(host.host)
        elif host.state is PinHostState.LATE:
            await open_late(deps, switch, host, "the pin stayed as it was")
    return frozenset(moved)


async def open_all(deps: Deps, switch: PinSwitch, why: str, fence: Fence) -> None:
    """End every reservation of a switch."""
    await deps.reach(switch.spec.cluster).scheduler.open_to_jobs(main_reservation(switch), fence)
    for host in await deps.store.pin_hosts(switch.id, states=(PinHostState.LATE,)):
        await open_late(deps, switch, host, why)
