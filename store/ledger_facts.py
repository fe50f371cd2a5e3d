"""Everything the grants policy looks at, read in one transaction."""

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import Connection, bindparam, select

from fleet.errors import InvalidInput
from fleet.models.base import Moment
from fleet.models.facts import LedgerFacts
from fleet.models.fleetfile import Cluster
from fleet.models.ledger import Autostop, LeaseHost, Request, RequestClass
from store import documents
from store.breakers import breakers_in
from store.emergencies import urgent_in, works_of
from store.leases import leases_in
from store.operation_parts import active_in
from store.part import Part
from store.requests import overrides_in_force
from store.stops import stops_touching
from store.tables.ledger import AUTOSTOPS

_AUTOSTOPS = select(AUTOSTOPS).where(AUTOSTOPS.c.cluster == bindparam("cluster_"))


class Facts(Part):
    """Facts of a cluster's ledger."""

    async def facts(self, cluster: str, now: Moment, *, queue: bool = True) -> LedgerFacts:
        """What `settle` would decide on now. Raises InvalidInput when the fleet file in force has no such cluster.

        Without the `queue` no request is read, of which ten thousand may wait.
        """
        return await self._database.read(lambda connection: self._ledger_facts(connection, cluster, now, queue=queue))

    def _ledger_facts(self, connection: Connection, cluster: str, now: Moment, *, queue: bool = True) -> LedgerFacts:
        promised = self._promised(connection, cluster)
        leases = leases_in(connection, cluster)
        requests = self._requests.read(connection, cluster) if queue else ()
        # Every part is a model already: checking a fleet of hosts once more would cost more than reading it.
        return LedgerFacts.model_construct(
            cluster=cluster,
            now=now,
            pools=promised.pools,
            failed_reasons=promised.failed_reasons,
            hosts=self._hosts.read(connection, cluster),
            leases=leases,
            requests=requests,
            observation=self._observations.read(connection, cluster),
            autostops=_autostops(connection, cluster),
            stops=stops_touching(connection, cluster),
            overrides=overrides_in_force(connection, cluster),
            operations=active_in(connection, cluster),
            urgent=urgent_in(connection, cluster),
            works=works_of(connection, _holders(leases, requests)),
            breakers=breakers_in(connection, cluster),
        )

    def _promised(self, connection: Connection, cluster: str) -> Cluster:
        record = self._fleet.read(connection)
        found = None if record is None else record.fleet.cluster(cluster)
        if found is None:
            raise InvalidInput(
                "fleet file in force", "clusters", f"expected cluster {cluster}; load a file that has it"
            )
        return found


def _holders(leases: Mapping[str, LeaseHost], requests: Sequence[Request]) -> Iterator[str]:
    yield from (lease.holder for lease in leases.values())
    yield from (request.holder for request in requests if request.kind is RequestClass.LARGE)


def _autostops(connection: Connection, cluster: str) -> dict[str, Autostop]:
    rows = connection.execute(_AUTOSTOPS, {"cluster_": cluster})
    return {row.pool: documents.load(Autostop, row.document, "autostops", f"{cluster}/{row.pool}") for row in rows}
