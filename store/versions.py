"""Versions as last observed, and the published part of the compatibility matrix."""

import hashlib
import json

from sqlalchemy import Connection, select

from fleet.models.audit import AuditEntry
from fleet.models.base import Moment
from fleet.models.matrix import MatrixEntry
from store import documents, upserts
from store.audit import write_audit
from store.part import Part
from store.tables.fleet import HOST_VERSIONS, MATRIX_ENTRIES


class Versions(Part):
    """What runs where, and what is known to go together."""

    async def record_versions(self, cluster: str, host: str, versions: dict[str, str], now: Moment) -> None:
        """Versions as observed. Components that this reading does not name keep the version last seen."""

        def work(connection: Connection) -> None:
            place = (HOST_VERSIONS.c.cluster == cluster) & (HOST_VERSIONS.c.host == host)
            before = connection.execute(select(HOST_VERSIONS.c.versions).where(place)).scalar_one_or_none()
            known = {} if before is None else documents.load_notes(before, "host_versions", f"{cluster}/{host}")
            row = {"versions": documents.dump_notes({**known, **versions}), "at": now}
            upserts.put(connection, HOST_VERSIONS, {"cluster": cluster, "host": host, **row}, key=("cluster", "host"))

        await self._database.write(work, lock=f"versions/{cluster}/{host}")

    async def versions(self, cluster: str) -> dict[str, dict[str, str]]:
        """Last observed versions by host."""

        def work(connection: Connection) -> dict[str, dict[str, str]]:
            statement = select(HOST_VERSIONS.c.host, HOST_VERSIONS.c.versions)
            rows = connection.execute(statement.where(HOST_VERSIONS.c.cluster == cluster))
            table = "host_versions"
            return {row.host: documents.load_notes(row.versions, table, f"{cluster}/{row.host}") for row in rows}

        return await self._database.read(work)

    async def add_matrix(
        self, cluster: str, entries: tuple[MatrixEntry, ...], actor: str, reason: str, now: Moment
    ) -> int:
        """Publish entries that are not there yet; how many were new. Audited.

        Two entries are the same when components, pins and verdict are; evidence and author of the first one stay.
        """

        def work(connection: Connection) -> int:
            new = sum(_add(connection, cluster, entry) for entry in entries)
            if new:
                subject, detail = f"cluster {cluster}", f"{new} new entries"
                entry = AuditEntry(
                    at=now, actor=actor, action="matrix publish", subject=subject, reason=reason, detail=detail
                )
                write_audit(connection, entry)
            return new

        return await self._database.write(work)

    async def matrix(self, cluster: str) -> tuple[MatrixEntry, ...]:
        """Published entries, oldest first."""

        def work(connection: Connection) -> tuple[MatrixEntry, ...]:
            statement = select(MATRIX_ENTRIES).where(MATRIX_ENTRIES.c.cluster == cluster)
            rows = connection.execute(statement.order_by(MATRIX_ENTRIES.c.id))
            return tuple(documents.load(MatrixEntry, row.document, "matrix_entries", row.id) for row in rows)

        return await self._database.read(work)


def _add(connection: Connection, cluster: str, entry: MatrixEntry) -> bool:
    said = json.dumps([entry.components, entry.pins, entry.verdict], sort_keys=True)
    row = {"cluster": cluster, "key": hashlib.sha256(said.encode()).hexdigest(), "document": documents.dump(entry)}
    return upserts.add_missing(connection, MATRIX_ENTRIES, row)
