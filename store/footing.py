"""What a step stands on, in one glance: read at its start and again just before its effect."""

from sqlalchemy import Connection

from fleet.models.footing import Footing
from store.intents import intents_of
from store.leases import lease_on
from store.operation_parts import parkings_of
from store.part import Part
from store.stops import covering


class Footings(Part):
    """Footings."""

    async def footing(self, cluster: str, pool: str, host: str, operation: str) -> Footing:
        """Lease on the host, stops that cover its pool, and the operation's intents, of one instant."""

        def work(connection: Connection) -> Footing:
            return Footing(
                lease=lease_on(connection, cluster, host),
                stops=covering(connection, cluster, pool),
                intents=intents_of(connection, operation),
                parkings=parkings_of(connection, cluster, host),
            )

        return await self._database.glance(work)
