"""The breakers on a pool's new repairs, as rows."""

from sqlalchemy import Connection, bindparam, select

from fleet.models.breaker import Breaker
from store import documents, upserts
from store.tables.handovers import BREAKERS

_BREAKERS = select(BREAKERS).where(BREAKERS.c.cluster == bindparam("cluster_"))


def breakers_in(connection: Connection, cluster: str) -> dict[str, Breaker]:
    """Breakers of a cluster that were ever tripped, by pool."""
    rows = connection.execute(_BREAKERS, {"cluster_": cluster})
    return {row.pool: documents.load(Breaker, row.document, "breakers", f"{cluster}/{row.pool}") for row in rows}


def write_breaker(connection: Connection, cluster: str, pool: str, state: Breaker) -> None:
    """Keep a breaker's state."""
    row = {"cluster": cluster, "pool": pool, "document": documents.dump(state)}
    upserts.put(connection, BREAKERS, row, key=("cluster", "pool"))
