"""Fleet files put in force one after the other, a revision each."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from sqlalchemy import Connection, insert, select

from fleet.models.audit import AuditEntry, FleetRecord
from fleet.models.base import Moment
from fleet.models.fleetfile import FleetFile
from fleet.models.ledger import Counted, LeaseHost
from fleet.models.under_way import Place, UnderWay
from store import documents
from store.audit import write_audit
from store.emergency_places import emergencies_on
from store.leases import leases_in
from store.operations import open_on
from store.part import Part, ledger_lock
from store.pin_hosts import switches_of
from store.rollouts import open_rollouts
from store.tables.fleet import FLEET_FILES
from store.tables.trains import VISITS
from store.versions import versions_in

FLEET_LOCK = "fleet"

Permit = Callable[[FleetFile, UnderWay], None]
"""Called with the fleet file in force and what is under way; raises to keep it in force."""


class FleetFiles(Part):
    """The fleet file in force."""

    async def load_fleet(
        self, fleet: FleetFile, text: str, actor: str, reason: str, now: Moment, permit: Permit | None = None
    ) -> FleetRecord:
        """Put a fleet file in force as a new revision; the same file again is no new revision. Audited.

        `permit` is asked in the same transaction, in which no ledger changes; what it raises leaves all as it was.
        """

        def work(connection: Connection) -> FleetRecord:
            before = self._fleet.read(connection)
            if before is not None and before.text == text and before.fleet == fleet:
                return before
            if before is not None and permit is not None:
                permit(before.fleet, self._under_way(connection, before.fleet))
            revision = 1 if before is None else before.revision + 1
            record = write_revision(connection, revision, fleet, text, actor, now)
            write_audit(connection, _entry(record, reason))
            return record

        in_force = await self.fleet()
        return await self._database.write(work, lock=_locks(fleet, in_force.fleet if in_force else fleet))

    async def fleet(self) -> FleetRecord | None:
        """The fleet file in force."""
        return await self._database.glance(self._fleet.read)

    async def under_way(self, fleet: FleetFile) -> UnderWay:
        """Leases and open visits in the clusters of a fleet file."""
        return await self._database.read(lambda connection: self._under_way(connection, fleet))

    def _under_way(self, connection: Connection, fleet: FleetFile) -> UnderWay:
        leases: dict[Place, list[LeaseHost]] = defaultdict(list)
        for cluster in fleet.clusters:
            members = self._hosts.read(connection, cluster.name)
            for host, lease in leases_in(connection, cluster.name).items():
                leases[cluster.name, members[host].pool if host in members else ""].append(lease)
        visits: dict[Place, list[str]] = defaultdict(list)
        statement = select(VISITS.c.id, VISITS.c.cluster, VISITS.c.pool).where(VISITS.c.ended_at.is_(None))
        for row in connection.execute(statement.order_by(VISITS.c.id)):
            visits[row.cluster, row.pool].append(row.id)
        names = {cluster.name for cluster in fleet.clusters}
        switches = tuple(s for s in switches_of(connection) if s.spec.cluster in names)
        carried = {name: self._carried(connection, name) for name in names}
        held = {k: tuple(v) for k, v in leases.items()}
        return UnderWay(
            held,
            {k: tuple(v) for k, v in visits.items()},
            switches,
            open_on(connection, names),
            carried,
            emergencies_on(connection, names),
            open_rollouts(connection),
        )

    def _carried(self, connection: Connection, cluster: str) -> dict[str, dict[str, str]]:
        """The versions that members in service were last read with, but for those in repair."""
        known, leases = versions_in(connection, cluster), leases_in(connection, cluster)
        repaired = {host for host, lease in leases.items() if lease.counted is Counted.FAILED}
        members = self._hosts.read(connection, cluster).values()
        return {h.name: known.get(h.name, {}) for h in members if not h.decommissioned and h.name not in repaired}


def write_revision(
    connection: Connection, revision: int, fleet: FleetFile, text: str, actor: str, now: Moment
) -> FleetRecord:
    """Put a fleet file in force as this revision."""
    row = {"revision": revision, "document": documents.dump(fleet), "text": text}
    connection.execute(insert(FLEET_FILES).values(**row, loaded_by=actor, loaded_at=now))
    return FleetRecord(revision=revision, fleet=fleet, text=text, loaded_by=actor, loaded_at=now)


def _locks(*files: FleetFile) -> Iterable[str]:
    return {FLEET_LOCK, *(ledger_lock(cluster.name) for file in files for cluster in file.clusters)}


def _entry(record: FleetRecord, reason: str) -> AuditEntry:
    return AuditEntry(
        at=record.loaded_at,
        actor=record.loaded_by,
        action="fleet load",
        subject=f"revision {record.revision}",
        reason=reason,
        detail=f"clusters {', '.join(cluster.name for cluster in record.fleet.clusters)}",
    )
