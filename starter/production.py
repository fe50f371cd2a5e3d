"""What the hosts in production were last seen to carry."""

from fleet.models.fleetfile import Cluster, FleetFile
from fleet.models.host import HostSet
from fleet.ports.store import Store
from starter.picture import picture


async def in_production(store: Store, fleet: FleetFile, cluster: Cluster) -> dict[str, dict[str, str]]:
    """Component → version by host that is up; a host never read has no versions, and counts as not known."""
    standings = (await picture(store, fleet, cluster.name)).standings
    seen = await store.versions(cluster.name)
    return {name: seen.get(name, {}) for name, standing in standings.items() if standing.set is HostSet.UP}
