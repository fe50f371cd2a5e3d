"""Leases on hosts: held, handed over to repair, released, withdrawn."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select

from fleet.errors import LeaseLost, StaleAttempt
from fleet.models.base import Moment
from fleet.models.event import EventKind, event, event_id
from fleet.models.ledger import Counted, LeaseHost
from fleet.models.work import HostOutcome, Outcome
from store import upserts
from store.events import was_told, write_event
from store.history import write_outcome
from store.members import mark_released, pool_of
from store.part import Part, ledger_lock
from store.requests import end_request, end_without_leases
from store.tables.hosts import WORKS
from store.tables.ledger import LEASE_HOSTS, REQUESTS

_THIS_HOST = (LEASE_HOSTS.c.cluster == bindparam("cluster_")) & (LEASE_HOSTS.c.host == bindparam("host_"))
_ON_HOST = select(LEASE_HOSTS).where(_THIS_HOST)
_IN_CLUSTER = select(LEASE_HOSTS).where(LEASE_HOSTS.c.cluster == bindparam("cluster_"))
_RELEASE = (
    delete(LEASE_HOSTS)
    .where(_THIS_HOST, LEASE_HOSTS.c.operation == bindparam("operation_"))
    .returning(LEASE_HOSTS.c.request)
)
_GRANTED = select(REQUESTS.c.id).where(REQUESTS.c.id == bindparam("request_"), REQUESTS.c.granted_at.is_not(None))
_BOARDED = select(WORKS.c.operation).where(WORKS.c.operation == bindparam("operation_"))

_NOT_BACK = {Outcome.DECOMMISSIONED: EventKind.DECOMMISSIONED, Outcome.GIVEN_AWAY: EventKind.GIVEN_AWAY}


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


def lease_to_repair(connection: Connection, lease: LeaseHost) -> LeaseHost:
    """Lease a host that nobody holds to its repair, counted as failed; idempotent by operation. Raises `LeaseLost`."""
    lease = lease.model_copy(update={"counted": Counted.FAILED})
    before = lease_on(connection, lease.cluster, lease.host)
    if before is not None:
        return lease_of(connection, lease.cluster, lease.host, lease.operation)
    upserts.put(connection, LEASE_HOSTS, lease.model_dump(), key=("cluster", "host"))
    _tell_handed_over(connection, lease)
    return lease


def release_lease(
    connection: Connection,
    cluster: str,
    host: str,
    operation: str,
    outcome: HostOutcome,
    now: Moment,
    since: Moment | None = None,
) -> bool:
    """Write the outcome and end the lease if `operation` holds it; True when it did. `since` as in `Leases.release`."""
    lease = None if since is None else lease_on(connection, cluster, host)
    if lease is not None and lease.operation == operation and lease.since != since:
        raise StaleAttempt(f"{operation} was taken up anew after the attempt began that would end its lease")
    write_outcome(connection, outcome)
    held = {"cluster_": cluster, "host_": host, "operation_": operation}
    row = connection.execute(_RELEASE, held).one_or_none()
    if row is None:
        return False
    mark_released(connection, cluster, [host], now)
    end_without_leases(connection, row.request, "its last host was released", now)
    _tell_released(connection, outcome, now)
    return True


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

        Idempotent by operation. The row is altered in place, so no reader ever sees the host without a holder. A
        repair that goes on is `expected` itself: its lease is held anew from now, which a late `release` finds out.
        Raises `LeaseLost`, and changes nothing, when another operation or nobody holds the host.
        """
        lease = lease.model_copy(update={"counted": Counted.FAILED})

        def work(connection: Connection) -> LeaseHost:
            before = lease_on(connection, lease.cluster, lease.host)
            if before is not None and (before.operation, before.counted) == (lease.operation, lease.counted):
                return before if expected != lease.operation else _hold_anew(connection, before, lease.since)
            before = lease_of(connection, lease.cluster, lease.host, expected)
            upserts.put(connection, LEASE_HOSTS, lease.model_dump(), key=("cluster", "host"))
            if before.request != lease.request:
                end_without_leases(connection, before.request, "its last host was handed over", lease.since)
            _tell_handed_over(connection, lease)
            return lease

        return await self._database.write(work, lock=ledger_lock(lease.cluster))

    async def lease_for_repair(self, lease: LeaseHost) -> LeaseHost:
        """Lease a host that nobody holds to its repair, counted as failed. Idempotent by operation.

        Raises `LeaseLost`, and changes nothing, when somebody holds it.
        """
        return await self._database.write(lambda c: lease_to_repair(c, lease), lock=ledger_lock(lease.cluster))

    async def release(
        self,
        cluster: str,
        host: str,
        operation: str,
        outcome: HostOutcome,
        now: Moment,
        *,
        since: Moment | None = None,
        unless_boarded: bool = False,
    ) -> bool:
        """Write the outcome and end the lease if `operation` holds it; its request ends with its last host.

        True when a lease was ended; False when the operation holds none (any more). Raises `StaleAttempt`, and changes
        nothing, when the operation holds one that does not begin at `since`: it was taken up anew; and,
        `unless_boarded`, when something has boarded on the host: it is being worked on.
        """

        def work(connection: Connection) -> bool:
            if unless_boarded and connection.execute(_BOARDED, {"operation_": operation}).first() is not None:
                raise StaleAttempt(f"{operation} has boarded on {cluster}/{host}")
            return release_lease(connection, cluster, host, operation, outcome, now, since)

        return await self._database.write(work, lock=ledger_lock(cluster))

    async def withdraw(self, request_id: str, reason: str, now: Moment, *, unless_granted: bool = False) -> None:
        """End a request and every lease of it that is still counted as planned. Nothing for an unknown request, nor,
        `unless_granted`, for one that was granted.
        """
        cluster = await self._database.read(lambda connection: _cluster_of(connection, request_id))
        if cluster is None:
            return

        def work(connection: Connection) -> None:
            if unless_granted and connection.execute(_GRANTED, {"request_": request_id}).first() is not None:
                return
            end_request(connection, request_id, reason, now)
            planned = (LEASE_HOSTS.c.request == request_id) & (LEASE_HOSTS.c.counted == Counted.PLANNED)
            gone = connection.execute(delete(LEASE_HOSTS).where(planned).returning(LEASE_HOSTS.c.host)).scalars().all()
            if gone:
                mark_released(connection, cluster, list(gone), now)

        await self._database.write(work, lock=ledger_lock(cluster))


def _hold_anew(connection: Connection, lease: LeaseHost, now: Moment) -> LeaseHost:
    """The same lease, held from now; by a clock that stood still, from the next instant."""
    anew = lease.model_copy(update={"since": max(now, lease.since + timedelta(microseconds=1))})
    upserts.put(connection, LEASE_HOSTS, anew.model_dump(), key=("cluster", "host"))
    return anew


def _tell_handed_over(connection: Connection, lease: LeaseHost) -> None:
    where = lease.cluster, pool_of(connection, lease.cluster, lease.host)
    more = {"hosts": (lease.host,), "reason": lease.why}
    write_event(connection, event(EventKind.HANDED_OVER, lease.operation, lease.since, where, **more))


def _tell_released(connection: Connection, outcome: HostOutcome, now: Moment) -> None:
    """A host that was out is back, or gone for good; one that nobody was told of never left."""
    begun = (EventKind.DRAIN_BEGUN, EventKind.HANDED_OVER)
    if not was_told(connection, *(event_id(kind, outcome.operation) for kind in begun)):
        return
    kind = _NOT_BACK.get(outcome.outcome, EventKind.HOST_BACK)
    more = {"hosts": (outcome.host,), "reason": outcome.reason, "data": {"outcome": outcome.outcome.value}}
    where = outcome.cluster, outcome.pool
    write_event(connection, event(kind, outcome.operation, now, where, **more))


def _cluster_of(connection: Connection, request_id: str) -> str | None:
    return connection.execute(select(REQUESTS.c.cluster).where(REQUESTS.c.id == request_id)).scalar_one_or_none()
