"""The published part of the compatibility matrix. Nothing is deleted: what is withdrawn stays as history."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from fleet.errors import InvalidInput
from fleet.models.audit import AuditEntry
from fleet.models.base import Moment
from fleet.models.matrix import MatrixEntry, MatrixRecord
from store import documents
from store.audit import write_audit
from store.part import Part
from store.tables.fleet import MATRIX_ENTRIES


class Matrix(Part):
    """What is known to go together, or not to."""

    async def add_matrix(
        self,
        cluster: str,
        entries: tuple[MatrixEntry, ...],
        actor: str,
        reason: str,
        now: Moment,
        supersedes: tuple[int, ...] = (),
    ) -> int:
        """Publish entries that are not there yet, and withdraw those they supersede; how many were new. Audited.

        Two entries are the same when components, pins and verdict are; evidence and author of the first one stay.
        Raises InvalidInput, and writes nothing, when an id in `supersedes` was never published here.
        """

        def work(connection: Connection) -> int:
            old = [row for row in _of_ids(connection, cluster, supersedes) if row.withdrawn_at is None]
            # First out, then in: a new entry may say what the one that it supersedes says.
            _withdraw(connection, old, actor, reason, now)
            ids = [_add(connection, cluster, entry) for entry in entries]
            new = [number for number, is_new in ids if is_new]
            for row in old:
                values = {"superseded_by": ids[0][0] if ids else None}
                connection.execute(update(MATRIX_ENTRIES).where(MATRIX_ENTRIES.c.id == row.id).values(**values))
            ended = [row.id for row in old]
            if new or ended:
                more = f", superseding {', '.join(map(str, ended))}" if ended else ""
                detail = f"{len(new)} new entries{_numbers(new)}{more}"
                _write_audit(connection, "matrix publish", cluster, actor, reason, detail, now)
            return len(new)

        return await self._database.write(work, lock=f"matrix/{cluster}")

    async def withdraw_matrix(
        self, cluster: str, ids: tuple[int, ...], actor: str, reason: str, now: Moment
    ) -> tuple[MatrixRecord, ...]:
        """Let entries count no more; those that did until now. Audited. Raises InvalidInput for an unknown id."""

        def work(connection: Connection) -> tuple[MatrixRecord, ...]:
            rows = [row for row in _of_ids(connection, cluster, ids) if row.withdrawn_at is None]
            _withdraw(connection, rows, actor, reason, now)
            if rows:
                detail = f"{len(rows)} entries{_numbers([row.id for row in rows])}"
                _write_audit(connection, "matrix withdraw", cluster, actor, reason, detail, now)
            return tuple(_record(row) for row in _of_ids(connection, cluster, tuple(row.id for row in rows)))

        return await self._database.write(work, lock=f"matrix/{cluster}")

    async def matrix(self, cluster: str) -> tuple[MatrixEntry, ...]:
        """Published entries in force, oldest first."""
        return tuple(record.entry for record in await self.matrix_records(cluster))

    async def matrix_records(self, cluster: str, *, withdrawn: bool = False) -> tuple[MatrixRecord, ...]:
        """Published entries in force, with `withdrawn` those that ended as well, oldest first."""
        statement = select(MATRIX_ENTRIES).where(MATRIX_ENTRIES.c.cluster == cluster).order_by(MATRIX_ENTRIES.c.id)
        if not withdrawn:
            statement = statement.where(MATRIX_ENTRIES.c.withdrawn_at.is_(None))

        def work(connection: Connection) -> tuple[MatrixRecord, ...]:
            return tuple(_record(row) for row in connection.execute(statement))

        return await self._database.read(work)


def _key(entry: MatrixEntry) -> str:
    said = json.dumps([entry.components, entry.pins, entry.verdict], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _add(connection: Connection, cluster: str, entry: MatrixEntry) -> tuple[int, bool]:
    """Id of the entry that says this, and whether it is new."""
    key, table = _key(entry), MATRIX_ENTRIES
    there = select(table.c.id).where((table.c.cluster == cluster) & (table.c.key == key))
    known = connection.execute(there).scalar_one_or_none()
    if known is not None:
        return int(known), False
    row = {"cluster": cluster, "key": key, "document": documents.dump(entry)}
    return int(connection.execute(insert(table).values(**row).returning(table.c.id)).scalar_one()), True


def _of_ids(connection: Connection, cluster: str, ids: tuple[int, ...]) -> "Sequence[Row[Any]]":
    table = MATRIX_ENTRIES
    named = select(table).where((table.c.cluster == cluster) & table.c.id.in_(ids)).order_by(table.c.id)
    rows = connection.execute(named).all()
    unknown = sorted(set(ids) - {row.id for row in rows})
    if unknown:
        raise InvalidInput("entry", str(unknown[0]), f"expected the id of an entry published in {cluster}")
    return rows


def _withdraw(connection: Connection, rows: "Sequence[Row[Any]]", actor: str, reason: str, now: Moment) -> None:
    for row in rows:
        values = {"withdrawn_at": now, "withdrawn_by": actor, "withdraw_reason": reason, "key": f"{row.key}~{row.id}"}
        connection.execute(update(MATRIX_ENTRIES).where(MATRIX_ENTRIES.c.id == row.id).values(**values))


def _record(row: "Row[Any]") -> MatrixRecord:
    return MatrixRecord(
        id=row.id,
        entry=documents.load(MatrixEntry, row.document, "matrix_entries", row.id),
        withdrawn_at=row.withdrawn_at,
        withdrawn_by=row.withdrawn_by or "",
        withdraw_reason=row.withdraw_reason or "",
        superseded_by=row.superseded_by,
    )


def _numbers(ids: Sequence[int]) -> str:
    return f" ({', '.join(map(str, ids))})" if ids else ""


def _write_audit(
    connection: Connection, action: str, cluster: str, actor: str, reason: str, detail: str, now: Moment
) -> None:
    subject = f"cluster {cluster}"
    entry = AuditEntry(at=now, actor=actor, action=action, subject=subject, reason=reason, detail=detail)
    write_audit(connection, entry)
