"""Leases on hosts: held, handed over to repair, released, withdrawn."""

from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select

from fleet.errors import LeaseLost
from fleet.models.base import Moment
from fleet.models.ledger import Counted, LeaseHost
from fleet.models.work import HostOutcome
from store import upserts
from store.history import write_outcome
from store.members import mark_released
from store.part import Part, ledger_lock
from store.requests import end_request, end_without_leases
from store.tables.ledger import LEASE_HOSTS, REQUESTS

_THIS_HOST = (LEASE_HOSTS.c.cluster == bindparam("cluster_")) & (LEASE_HOSTS.c.host == bindparam("host_"))
_ON_HOST = select(LEASE_HOSTS).where(_THIS_HOST)
_IN_CLUSTER = select(LEASE_HOSTS).where(LEASE_HOSTS.c.cluster == bindparam("cluster_"))
_RELEASE = (
    delete(LEASE_HOSTS)
    .where(_THIS_HOST, LEASE_HOSTS.c.operation == bindparam("operation_"))
    .returning(LEASE_HOSTS.c.request)
)


def read_lease(row: "Row[Any]") -> LeaseHost:
    """A row as the lease it is."""
    return LeaseHost(
        cluster=row.cluster,
        host=row.host,
        request=row.request,
        holder=row.holder,
        operation=row.operation,
        counted=row.counted,
        since=row.since,
        expected_end=row.expected_end,
        why=row.why,
    )


def lease_on(connection: Connection, cluster: str, host: str) -> LeaseHost | None:
    """The live lease on a host."""
    row = connection.execute(_ON_HOST, {"cluster_": cluster, "host_": host}).one_or_none()
    return None if row is None else read_lease(row)


def leases_in(connection: Connection, cluster: str) -> dict[str, LeaseHost]:
    """Live leases of a cluster, by host."""
    return {row.host: read_lease(row) for row in connection.execute(_IN_CLUSTER, {"cluster_": cluster})}


def lease_of(connection: Connection, cluster: str, host: str, operation: str) -> LeaseHost:
    """The operation's lease on the host. Raises `LeaseLost` when another or nobody holds it."""
    lease = lease_on(connection, cluster, host)
    if lease is None or lease.operation != operation:
        raise LeaseLost(f"{cluster}/{host} is held by {lease.operation if lease else 'nobody'}, not by {operation}")
    return lease


class Leases(Part):
    """Leases after their grant."""

    async def lease(self, cluster: str, host: str) -> LeaseHost | None:
        """The live lease on a host."""
        return await self._database.glance(lambda connection: lease_on(connection, cluster, host))

    async def leases(self, holder: str) -> tuple[LeaseHost, ...]:
        """Live leases that a workflow holds, by host."""

        def work(connection: Connection) -> tuple[LeaseHost, ...]:
            statement = select(LEASE_HOSTS).where(LEASE_HOSTS.c.holder == holder)
            rows = connection.execute(statement.order_by(LEASE_HOSTS.c.cluster, LEASE_HOSTS.c.host))
            return tuple(read_lease(row) for row in rows)

        return await self._database.read(work)

    async def take_for_repair(self, lease: LeaseHost, expected: str) -> LeaseHost:
        """Hand over: make the host's lease, held by the operation `expected`, this one, counted as failed.

        Idempotent by operation. The row is altered in place, so no reader ever sees the host without a holder.
        Raises `LeaseLost`, and changes nothing, when another operation or nobody holds the host.
        """
        lease = lease.model_copy(update={"counted": Counted.FAILED})

        def work(connection: Connection) -> LeaseHost:
            before = lease_on(connection, lease.cluster, lease.host)
            if before is not None and (before.operation, before.counted) == (lease.operation, lease.counted):
                return before
            before = lease_of(connection, lease.cluster, lease.host, expected)
            upserts.put(connection, LEASE_HOSTS, lease.model_dump(), key=("cluster", "host"))
            if before.request != lease.request:
                end_without_leases(connection, before.request, "its last host was handed over", lease.since)
            return lease

        return await self._database.write(work, lock=ledger_lock(lease.cluster))

    async def lease_for_repair(self, lease: LeaseHost) -> LeaseHost:
        """Lease a host that nobody holds to its repair, counted as failed. Idempotent by operation.

        Raises `LeaseLost`, and changes nothing, when somebody holds it.
        """
        lease = lease.model_copy(update={"counted": Counted.FAILED})

        def work(connection: Connection) -> LeaseHost:
            before = lease_on(connection, lease.cluster, lease.host)
            if before is None:
                upserts.put(connection, LEASE_HOSTS, lease.model_dump(), key=("cluster", "host"))
                return lease
            return lease_of(connection, lease.cluster, lease.host, lease.operation)

        return await self._database.write(work, lock=ledger_lock(lease.cluster))

    async def release(self, cluster: str, host: str, operation: str, outcome: HostOutcome, now: Moment) -> bool:
        """Write the outcome and end the lease if `operation` holds it; its request ends with its last host.

        True when a lease was ended; False when the operation holds none (any more).
        """

        def work(connection: Connection) -> bool:
            write_outcome(connection, outcome)
            held = {"cluster_": cluster, "host_": host, "operation_": operation}
            row = connection.execute(_RELEASE, held).one_or_none()
            if row is None:
                return False
            mark_released(connection, cluster, [host], now)
            end_without_leases(connection, row.request, "its last host was released", now)
            return True

        return await self._database.write(work, lock=ledger_lock(cluster))

    async def withdraw(self, request_id: str, reason: str, now: Moment) -> None:
        """End a request and every lease of it that is still counted as planned. Nothing for an unknown request."""
        cluster = await self._database.read(lambda connection: _cluster_of(connection, request_id))
        if cluster is None:
            return

        def work(connection: Connection) -> None:
            end_request(connection, request_id, reason, now)
            planned = (LEASE_HOSTS.c.request == request_id) & (LEASE_HOSTS.c.counted == Counted.PLANNED)
            gone = connection.execute(delete(LEASE_HOSTS).where(planned).returning(LEASE_HOSTS.c.host)).scalars().all()
            if gone:
                mark_released(connection, cluster, list(gone), now)

        await self._database.write(work, lock=ledger_lock(cluster))


def _cluster_of(connection: Connection, request_id: str) -> str | None:
    return connection.execute(select(REQUESTS.c.cluster).where(REQUESTS.c.id == request_id)).scalar_one_or_none()
