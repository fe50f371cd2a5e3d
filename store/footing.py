"""What a step stands on, in one glance: read at its start and again just before its effect."""

from sqlalchemy import Connection

from fleet.models.footing import Footing
from store.intents import intents_of
from store.leases import lease_on
from store.members import pool_of
from store.operation_parts import parkings_of
from store.part import Part
from store.stops import covering


class Footings(Part):
    """Footings."""

    async def footing(self, cluster: str, pool: str, host: str, operation: str) -> Footing:
        """Lease on the host, stops that cover its pool, and the operation's intents, of one instant. Its pool is that
        in which the work began, and the one that a load has put it into since: who stops either means this host.
        """

        def work(connection: Connection) -> Footing:
            stops, moved_to = covering(connection, cluster, pool), pool_of(connection, cluster, host)
            if moved_to not in (None, pool):
                stops += tuple(stop for stop in covering(connection, cluster, moved_to) if stop not in stops)
            return Footing(
                lease=lease_on(connection, cluster, host),
                stops=stops,
                moved_to=moved_to if moved_to != pool else None,
                intents=intents_of(connection, operation),
                parkings=parkings_of(connection, cluster, host),
            )

        return await self._database.glance(work)
