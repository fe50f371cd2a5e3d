"""Which host a command means: a member by its name, or one that is gone and still in our hands."""

from typing import Annotated

import typer

from fleet.errors import InvalidInput
from fleet.models.fleetfile import FleetFile
from fleet.models.host import Host
from fleet.ports.store import Store
from starter.session import find_cluster
from starter.wording import near

HostArgument = Annotated[str, typer.Argument(metavar="HOST", help="A host, such as gpu019.")]
InCluster = Annotated[str | None, typer.Option("--cluster", help="Its cluster, where the name alone is ambiguous.")]


async def find_host(store: Store, fleet: FleetFile, wanted: str, cluster: str | None) -> Host:
    """The one member of that name. `InvalidInput` when there is none, or several clusters have one."""
    clusters = [find_cluster(fleet, cluster)] if cluster else list(fleet.clusters)
    members = [host for c in clusters for host in await store.hosts(c.name)]
    found = [host for host in members if host.name == wanted]
    if not found:
        hint = near(wanted, [host.name for host in members])
        raise InvalidInput("HOST", "", f"expected a member of the fleet, {wanted!r} is none{hint}; see fleet sync")
    if len(found) > 1:
        raise InvalidInput("--cluster", "", f"expected one of {', '.join(h.cluster for h in found)}: all have {wanted}")
    return found[0]


async def in_repair(store: Store, fleet: FleetFile, wanted: str, cluster: str | None) -> str:
    """Cluster of a host that a person has a word on: a member, or one that is gone and still holds a lease."""
    try:
        return (await find_host(store, fleet, wanted, cluster)).cluster
    except InvalidInput:
        clusters = [find_cluster(fleet, cluster)] if cluster else list(fleet.clusters)
        held = [c.name for c in clusters if await store.lease(c.name, wanted) is not None]
        if len(held) != 1:
            raise
        return held[0]
