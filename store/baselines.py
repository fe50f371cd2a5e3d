"""What the hosts of a pool measured: the newest value of each, by metric."""

from sqlalchemy import Connection, bindparam, select

from store import upserts
from store.part import Part
from store.tables.fleet import HOSTS
from store.tables.hosts import BASELINES

# Of members alone: what was measured on a machine that has gone, or in another pool, is no measure of this one.
_SAMPLES = (
    select(BASELINES.c.host, BASELINES.c.value)
    .join(HOSTS, (HOSTS.c.cluster == BASELINES.c.cluster) & (HOSTS.c.name == BASELINES.c.host))
    .where(
        BASELINES.c.cluster == bindparam("cluster_"),
        BASELINES.c.pool == bindparam("pool_"),
        BASELINES.c.metric == bindparam("metric_"),
        HOSTS.c.pool == BASELINES.c.pool,
        HOSTS.c.retired_at.is_(None),
        HOSTS.c.since <= BASELINES.c.at,
    )
)


class Measurements(Part):
    """The `fleet.ports.baselines.Baselines` over SQL."""

    async def samples(self, cluster: str, pool: str, metric: str) -> dict[str, float]:
        """The newest value of each member that has one, by host; none from before a host's identity was new."""
        key = {"cluster_": cluster, "pool_": pool, "metric_": metric}

        def work(connection: Connection) -> dict[str, float]:
            return {row.host: row.value for row in connection.execute(_SAMPLES, key)}

        return await self._database.read(work)

    async def record(self, cluster: str, pool: str, metric: str, host: str, value: float) -> None:
        """Note a host's newest value; the one before is replaced."""
        key = {"cluster": cluster, "pool": pool, "metric": metric, "host": host}
        row = {**key, "value": value, "at": await self._database.clock()}
        await self._database.write(lambda connection: upserts.put(connection, BASELINES, row, key=tuple(key)))
