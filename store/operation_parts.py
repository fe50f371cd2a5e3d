"""Parts of submitted operations while they are active: for grants, and for the steps of whoever else works there."""

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from fleet.models.base import Moment
from fleet.models.footing import PARKED
from fleet.models.intent import Before, IntentState
from fleet.models.operation import OperationHost
from fleet.models.operation_part import ActiveOperation, OperationPart, Parking
from store import documents, upserts
from store.tables.hosts import INTENTS
from store.tables.ledger import LEASE_HOSTS
from store.tables.operations import OPERATION_HOSTS, OPERATION_PARTS

_SOME = 500
"""Names in one statement; databases bound them."""
_IN_CLUSTER = select(OPERATION_PARTS).where(OPERATION_PARTS.c.cluster == bindparam("cluster_"))
_ON_HOST = (
    select(OPERATION_HOSTS.c.operation, OPERATION_HOSTS.c.since)
    .where(OPERATION_HOSTS.c.cluster == bindparam("cluster_"), OPERATION_HOSTS.c.host == bindparam("host_"))
    .where(OPERATION_HOSTS.c.parks.is_(True))
    .order_by(OPERATION_HOSTS.c.since, OPERATION_HOSTS.c.operation)
)


def begin_part(connection: Connection, cluster: str, part: OperationPart, now: Moment) -> None:
    """Make a part active, with the grant of its request: from now on others keep off or park."""
    row = {"cluster": cluster, "operation": part.operation, "document": documents.dump(part)}
    if not upserts.add_missing(connection, OPERATION_PARTS, row):
        return
    hosts = [
        {"cluster": cluster, "host": host, "operation": part.operation, "parks": part.parks, "since": now}
        for host in part.scope
    ]
    connection.execute(insert(OPERATION_HOSTS), hosts)
    if part.parks:
        _mark(connection, cluster, part, now)


def _mark(connection: Connection, cluster: str, part: OperationPart, now: Moment) -> None:
    """Write into the book of the work that others do on the scope that an outsider may have touched its host: it stays
    there once the part is over, so that nothing that was verified before counts.
    """
    for start in range(0, len(part.scope), _SOME):
        these = (LEASE_HOSTS.c.cluster == cluster) & LEASE_HOSTS.c.host.in_(part.scope[start : start + _SOME])
        others = select(LEASE_HOSTS.c.operation).where(these, LEASE_HOSTS.c.holder != part.operation)
        for work in connection.execute(others).scalars().all():
            told = f"an outsider works on its scope: {part.operation}"
            step, before = f"{PARKED}:{part.operation}", documents.dump(Before())
            row = {"operation": work, "step": step, "token": part.operation, "before": before, "sent": False}
            ended = {"state": IntentState.DONE.value, "opened_at": now, "token_at": now, "result": told}
            upserts.add_missing(connection, INTENTS, {**row, **ended})


def unpark(connection: Connection, operation: str) -> None:
    """Let whoever parked for an operation go on."""
    these = OPERATION_HOSTS.c.operation == operation
    connection.execute(update(OPERATION_HOSTS).where(these).values(parks=False))


def end_parts(connection: Connection, operation: str) -> None:
    """An operation is active no more, nowhere."""
    for table in (OPERATION_PARTS, OPERATION_HOSTS):
        connection.execute(delete(table).where(table.c.operation == operation))


def active_in(connection: Connection, cluster: str) -> tuple[ActiveOperation, ...]:
    """Active parts of a cluster, in the order of their ids."""
    found = []
    for row in sorted(connection.execute(_IN_CLUSTER, {"cluster_": cluster}), key=lambda r: str(r.operation)):
        part = documents.load(OperationPart, row.document, "operation_parts", row.operation)
        hosts = frozenset(part.scope)
        active = {"operation": part.operation, "kind": part.kind, "not_with": part.not_with, "parks": part.parks}
        found.append(ActiveOperation.model_validate({**active, "hosts": hosts}))
    return tuple(found)


def parkings_of(connection: Connection, cluster: str, host: str) -> tuple[Parking, ...]:
    """Because of whom whoever works on a host has to wait, the oldest first."""
    rows = connection.execute(_ON_HOST, {"cluster_": cluster, "host_": host})
    return tuple(Parking(operation=row.operation, since=row.since) for row in rows)


def hosts_of_operation(connection: Connection, operation: str) -> tuple[OperationHost, ...]:
    """Hosts of an active operation's scope."""
    statement = select(OPERATION_HOSTS).where(OPERATION_HOSTS.c.operation == operation)
    rows = connection.execute(statement.order_by(OPERATION_HOSTS.c.cluster, OPERATION_HOSTS.c.host))
    return tuple(
        OperationHost(cluster=r.cluster, host=r.host, operation=r.operation, parks=r.parks, since=r.since) for r in rows
    )
