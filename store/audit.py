"""Who did what, why and when: rows written in the transaction of the deed itself."""

from sqlalchemy import Connection, insert, select

from fleet.models.audit import AuditEntry
from store.part import Part
from store.tables.fleet import AUDIT

MAINTRAIN = "maintrain"
"""The actor where no person is."""


def write_audit(connection: Connection, entry: AuditEntry) -> None:
    """Add an entry."""
    connection.execute(insert(AUDIT).values(**entry.model_dump()))


class Audit(Part):
    """The audit table."""

    async def audit(self, entry: AuditEntry) -> None:
        """Who did what, why and when."""
        await self._database.write(lambda connection: write_audit(connection, entry))

    async def audit_log(self, limit: int = 100, subject: str | None = None) -> tuple[AuditEntry, ...]:
        """Newest first; of one subject, or of all."""
        statement = select(AUDIT) if subject is None else select(AUDIT).where(AUDIT.c.subject == subject)

        def work(connection: Connection) -> tuple[AuditEntry, ...]:
            rows = connection.execute(statement.order_by(AUDIT.c.id.desc()).limit(limit))
            return tuple(
                AuditEntry(
                    at=row.at,
                    actor=row.actor,
                    action=row.action,
                    subject=row.subject,
                    reason=row.reason,
                    detail=row.detail,
                )
                for row in rows
            )

        return await self._database.read(work)
