"""The rows of handovers: one is filed, read, and ended with its entry in the audit log."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, literal_column, select

from fleet import ids
from fleet.errors import Refused
from fleet.models.audit import AuditEntry
from fleet.models.base import Moment
from fleet.models.handover import Handover, HandoverState
from fleet.policy.handover import in_words
from store import documents, upserts
from store.audit import MAINTRAIN, write_audit
from store.tables.handovers import HANDOVERS

# In the words of its index, which keeps those alone.
UNDER_WAY = HANDOVERS.c.state.in_(
    [literal_column(f"'{state}'") for state in (HandoverState.ASKED.value, HandoverState.ACKNOWLEDGED.value)]
)


def file(connection: Connection, asked: Handover) -> Handover:
    """File a handover under the host's next number. `Refused` while another is under way. Audited."""
    these = (HANDOVERS.c.cluster == asked.cluster) & (HANDOVERS.c.host == asked.host)
    under_way = connection.execute(select(HANDOVERS).where(these & UNDER_WAY)).one_or_none()
    if under_way is not None:
        known = read(under_way)
        raise Refused(f"{known.cluster}/{known.host} is under way already: {in_words(known)}")
    number = connection.execute(select(func.count()).select_from(HANDOVERS).where(these)).scalar_one() + 1
    filed = asked.model_copy(update={"id": ids.handover(asked.cluster, asked.host, number)})
    write(connection, filed)
    audit(connection, filed, filed.asked_at, filed.actor, f"handover {filed.way}", filed.reason)
    return filed


def end(
    connection: Connection, known: Handover, state: HandoverState, why: str, now: Moment, actor: str = MAINTRAIN
) -> None:
    """End it, and say why. Audited."""
    ended = known.model_copy(update={"state": state, "ended_at": now, "ended_because": why})
    write(connection, ended)
    audit(connection, ended, now, actor, f"handover {state}", why)


def audit(connection: Connection, known: Handover, now: datetime, actor: str, action: str, reason: str) -> None:
    """Write who did what to it."""
    subject = f"host {known.cluster}/{known.host}"
    entry = AuditEntry(at=now, actor=actor, action=action, subject=subject, reason=reason, detail=in_words(known))
    write_audit(connection, entry)


def write(connection: Connection, known: Handover) -> None:
    """Write it as it is."""
    row = {"id": known.id, "cluster": known.cluster, "host": known.host, "state": known.state.value}
    row |= {"asked_at": known.asked_at, "document": documents.dump(known)}  # type: ignore[dict-item]
    upserts.put(connection, HANDOVERS, row, key=("id",))


def one(connection: Connection, id_: str) -> Handover:
    """One of them. `Refused` for an unknown one."""
    row = connection.execute(select(HANDOVERS).where(HANDOVERS.c.id == id_)).one_or_none()
    if row is None:
        raise Refused(f"there is no handover {id_}")
    return read(row)


def read(row: Any) -> Handover:  # noqa: ANN401  (a row's type names its columns)
    """A row as the handover it is."""
    return documents.load(Handover, row.document, "handovers", row.id)
