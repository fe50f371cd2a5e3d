"""Hardware models that hosts' BMCs tell, for schedulers that tell none: read once for each host that joins."""

import asyncio
from collections.abc import Mapping, Sequence

from fleet.errors import DriverError
from fleet.hostlist import compact
from fleet.models.fleetfile import Cluster
from fleet.models.host import Host
from fleet.models.hosts import HostsHardware
from fleet.ports.hardware import Hardware

AT_ONCE = 32


async def with_models(
    cluster: Cluster, members: Sequence[Host], known: Mapping[str, Host], hardware: Hardware
) -> tuple[tuple[Host, ...], list[str]]:
    """The members with the models that are known of them or that their BMCs tell; lines about those that don't."""
    driver = cluster.drivers.hardware
    if not isinstance(driver, HostsHardware) or driver.redfish is None:
        return tuple(members), []
    turn, silent = asyncio.Semaphore(AT_ONCE), dict[str, str]()

    async def one(host: Host) -> Host:
        before = known.get(host.name)
        if host.model is not None or host.decommissioned:
            return host
        if before is not None and before.since == host.since and before.model is not None:
            return host.model_copy(update={"model": before.model})
        async with turn:
            try:
                return host.model_copy(update={"model": await hardware.model(host.name)})
            except DriverError as error:
                silent[host.name] = str(error)
                return host

    found = await asyncio.gather(*(one(host) for host in members))
    if not silent:
        return tuple(found), []
    first = next(iter(silent.values()))
    told = f"{cluster.name}: hardware model not told by {compact(silent)} ({len(silent)}), such as: {first}"
    return tuple(found), [told]
