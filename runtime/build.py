"""The composition root: settings, store, drivers, pager and engine become what activities are given. Nothing else in
the project opens a driver for a worker.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from temporalio.client import Client

from activities.deps import Deps
from activities.registry import all_activities
from drivers.registry import OpenDrivers, open_drivers
from fleet.errors import InvalidInput
from fleet.models.audit import FleetRecord
from fleet.models.fleetfile import FleetFile
from fleet.ports.store import Store
from runtime.engine import TemporalEngine
from runtime.pager import ApprisePager
from runtime.settings import Settings
from store import open_store


@dataclass(frozen=True)
class Parts:
    """Everything a worker holds open."""

    settings: Settings
    store: Store
    record: FleetRecord
    """The fleet file that the drivers were opened for."""
    drivers: dict[str, OpenDrivers]
    """By cluster that is served here."""
    pager: ApprisePager
    engine: TemporalEngine

    @property
    def deps(self) -> Deps:
        """What every activity is given."""
        return Deps(store=self.store, hands=self.drivers, pager=self.pager, engine=self.engine)

    async def outdated(self) -> bool:
        """True when the fleet file in force asks for other drivers or addresses than those open here."""
        record = await self.store.fleet()
        return record is None or _asked_of(record.fleet) != _asked_of(self.record.fleet)

    async def close(self) -> None:
        """Let go of drivers and store, also when one of them fails to."""
        await _close_all(self.store, self.drivers)


async def open_parts(settings: Settings, client: Client, clusters: Collection[str] | None = None) -> Parts:
    """Open the parts for these clusters, or for all of the fleet file in force.

    Raises `InvalidInput` without a fleet file or for an unknown cluster, and what store and drivers raise.
    """
    store = await open_store(settings.store_url)
    drivers: dict[str, OpenDrivers] = {}
    try:
        record = await store.fleet()
        if record is None:
            raise InvalidInput("store", "fleet file", "expected one in force: load it with `maintrain fleet load FILE`")
        for name in served(record.fleet, clusters):
            cluster = record.fleet.cluster(name)
            assert cluster is not None, "served() names clusters of the fleet file"
            drivers[name] = await open_drivers(cluster, settings.data, store, store)
        pager = ApprisePager(record.fleet.notify)
    except BaseException:
        await _close_all(store, drivers)
        raise
    return Parts(settings, store, record, drivers, pager, TemporalEngine(client))


def served(fleet: FleetFile, clusters: Collection[str] | None) -> tuple[str, ...]:
    """Names of the clusters to serve: those asked for, or all. Raises `InvalidInput` for an unknown one."""
    names = tuple(cluster.name for cluster in fleet.clusters)
    unknown = sorted(set(clusters or ()) - set(names))
    if unknown:
        raise InvalidInput("fleet file in force", f"clusters.{unknown[0]}", f"expected one of {', '.join(names)}")
    return names if clusters is None else tuple(name for name in names if name in clusters)


def worker_activities(parts: Parts) -> list[Callable[..., Any]]:
    """The activities of one worker process, for every cluster it serves."""
    return all_activities(parts.deps)


def _asked_of(fleet: FleetFile) -> object:
    return [
        (c.name, c.drivers, c.stack, c.repair.reimage, bool(c.publish_versions), c.announce) for c in fleet.clusters
    ], (fleet.notify, fleet.events)


async def _close_all(store: Store, drivers: dict[str, OpenDrivers]) -> None:
    try:
        for opened in drivers.values():
            await opened.close()
    finally:
        await store.close()
