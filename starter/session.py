"""What a command works with: the settings, the facts, the fleet file in force, a cluster's drivers. The only file of
the CLI that opens anything.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from drivers.registry import OpenDrivers, open_drivers
from fleet.errors import InvalidInput, Refused
from fleet.models.audit import FleetRecord
from fleet.models.fleetfile import Cluster, FleetFile
from fleet.models.pool import Pool
from fleet.ports.store import Store
from runtime.settings import load_settings
from starter.options import Scope, name
from starter.wording import near
from store import open_store

IN_FORCE = "fleet file in force"


def now() -> datetime:
    """The clock of the machine that the command runs on, in UTC."""
    return datetime.now(UTC)


@asynccontextmanager
async def facts() -> AsyncIterator[Store]:
    """The store, opened for one command."""
    store = await open_store(load_settings().store_url)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def hands(cluster: Cluster, store: Store) -> AsyncIterator[OpenDrivers]:
    """A cluster's drivers, opened for one command. Raises what the drivers raise."""
    drivers = await open_drivers(cluster, load_settings().data, store, store)
    try:
        yield drivers
    finally:
        await drivers.close()


async def in_force(store: Store) -> FleetRecord:
    """The fleet file in force. `Refused` when none was ever loaded."""
    record = await store.fleet()
    if record is None:
        raise Refused("no fleet file is in force yet; load one: maintrain fleet load FILE --reason …")
    return record


def find_cluster(fleet: FleetFile, wanted: str | None) -> Cluster:
    """A cluster by name, or the only one. `InvalidInput` names those there are."""
    names = [c.name for c in fleet.clusters]
    if wanted is None:
        if len(names) > 1:
            raise InvalidInput("CLUSTER", "", f"expected one of the clusters {', '.join(names)}")
        return fleet.clusters[0]
    found = fleet.cluster(name("CLUSTER", wanted))
    if found is None:
        raise InvalidInput(IN_FORCE, f"clusters.{wanted}", f"expected one of {', '.join(names)}{near(wanted, names)}")
    return found


def find_pool(fleet: FleetFile, cluster: str, pool: str) -> tuple[Cluster, Pool]:
    """A pool and its cluster by name. `InvalidInput` names those there are."""
    found = find_cluster(fleet, cluster)
    names = [p.name for p in found.pools]
    if (its := found.pool(pool)) is None:
        place = f"clusters.{cluster}.pools.{pool}"
        raise InvalidInput(IN_FORCE, place, f"expected one of {', '.join(names)}{near(pool, names)}")
    return found, its


def check_scope(fleet: FleetFile, scope: Scope) -> None:
    """Refuse a scope that the fleet file does not have: a stop of a misspelt pool would stop nothing."""
    if scope.cluster and scope.pool:
        find_pool(fleet, scope.cluster, scope.pool)
    elif scope.cluster:
        find_cluster(fleet, scope.cluster)


def pools_in(fleet: FleetFile, scope: Scope) -> list[tuple[str, str]]:
    """(cluster, pool) of everything in a scope."""
    return [
        (c.name, p.name)
        for c in fleet.clusters
        for p in c.pools
        if scope.cluster in (None, c.name) and scope.pool in (None, p.name)
    ]
