"""Fleet files put in force one after the other, a revision each."""

from sqlalchemy import Connection, insert

from fleet.models.audit import AuditEntry, FleetRecord
from fleet.models.base import Moment
from fleet.models.fleetfile import FleetFile
from store import documents
from store.audit import write_audit
from store.part import Part
from store.tables.fleet import FLEET_FILES

FLEET_LOCK = "fleet"


class FleetFiles(Part):
    """The fleet file in force."""

    async def load_fleet(self, fleet: FleetFile, text: str, actor: str, reason: str, now: Moment) -> FleetRecord:
        """Put a fleet file in force as a new revision; the same file again is no new revision. Audited."""

        def work(connection: Connection) -> FleetRecord:
            before = self._fleet.read(connection)
            if before is not None and before.text == text and before.fleet == fleet:
                return before
            revision = 1 if before is None else before.revision + 1
            record = FleetRecord(revision=revision, fleet=fleet, text=text, loaded_by=actor, loaded_at=now)
            row = {"revision": revision, "document": documents.dump(fleet), "text": text}
            connection.execute(insert(FLEET_FILES).values(**row, loaded_by=actor, loaded_at=now))
            clusters = ", ".join(cluster.name for cluster in fleet.clusters)
            entry = AuditEntry(
                at=now,
                actor=actor,
                action="fleet load",
                subject=f"revision {revision}",
                reason=reason,
                detail=f"clusters {clusters}",
            )
            write_audit(connection, entry)
            return record

        return await self._database.write(work, lock=FLEET_LOCK)

    async def fleet(self) -> FleetRecord | None:
        """The fleet file in force."""
        return await self._database.glance(self._fleet.read)
