"""Hosts that others had in their hands when a pin switch closed their cluster: each is closed to jobs by a reservation
of its own, which ends when the host carries the pin in force, or is in repair, whose gate asks for it.
"""

from temporalio import activity

from activities.deps import Deps
from fleet.errors import DriverError
from fleet.models.ledger import Counted
from fleet.models.pin import PinHost, PinHostState, PinSwitch
from fleet.ports.fence import open_fence


def reservation_of(switch: PinSwitch, host: PinHost) -> str:
    """Name of a late host's own reservation."""
    return f"{main_reservation(switch)}_{host.batch}"


def main_reservation(switch: PinSwitch) -> str:
    """Name of the reservation of all hosts that the switch holds."""
    return f"pin_{switch.spec.component}_{switch.number}"


async def catch_up(deps: Deps, switch: PinSwitch) -> None:
    """Open every late host that carries the pin by now, or is looked after by repair, or has left for good."""
    for host in await deps.store.pin_hosts(switch.id, states=(PinHostState.LATE,)):
        why = await _caught_up(deps, switch, host)
        if why:
            await open_late(deps, switch, host, why)


async def open_late(deps: Deps, switch: PinSwitch, host: PinHost, why: str) -> None:
    """End a late host's reservation, and its being late."""
    # The reservation is this host's alone, and lifting it twice is harmless: no fence is needed.
    scheduler = deps.reach(switch.spec.cluster).scheduler
    await scheduler.open_to_jobs(reservation_of(switch, host), open_fence)
    await deps.store.note_pin_hosts(switch.id, {host.host: (PinHostState.CAUGHT_UP, why)}, await deps.clock())


async def _caught_up(deps: Deps, switch: PinSwitch, host: PinHost) -> str:
    """Why a host need not be kept closed any longer; empty while it must."""
    cluster, store = switch.spec.cluster, deps.store
    member = next((h for h in await store.hosts(cluster) if h.name == host.host), None)
    if member is None or member.decommissioned:
        return "it has left for good"
    lease = await store.lease(cluster, host.host)
    if lease is not None and lease.counted is Counted.FAILED:
        return f"in repair: {lease.holder}"
    try:
        versions = await deps.reach(cluster).hardware.versions(host.host)
    except DriverError as error:
        activity.logger.info(f"{host.host} stays closed: {error}")
        return ""
    await store.record_versions(cluster, host.host, versions, await deps.clock())
    targets = switch.spec.targets
    return "it carries the pin in force" if targets.items() <= versions.items() else ""
