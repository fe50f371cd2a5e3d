"""The fleet file in force, parsed once a revision."""

from sqlalchemy import Connection, func, select

from fleet.models.audit import FleetRecord
from fleet.models.fleetfile import FleetFile
from store import documents
from store.tables.fleet import FLEET_FILES

_REVISION = select(func.max(FLEET_FILES.c.revision))


class KeptFleet:
    """Reads the record in force; only a revision not seen before is parsed."""

    def __init__(self) -> None:
        self._record: FleetRecord | None = None

    def read(self, connection: Connection) -> FleetRecord | None:
        """The fleet file in force, or None before the first one is loaded."""
        revision = connection.execute(_REVISION).scalar_one()
        if revision is None:
            return None
        kept = self._record
        if kept is not None and kept.revision == revision:
            return kept
        row = connection.execute(select(FLEET_FILES).where(FLEET_FILES.c.revision == revision)).one()
        record = FleetRecord(
            revision=row.revision,
            fleet=documents.load(FleetFile, row.document, "fleet_files", revision),
            text=row.text,
            loaded_by=row.loaded_by,
            loaded_at=row.loaded_at,
        )
        self._record = record
        return record
