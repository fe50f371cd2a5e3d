"""Stops and freezes: plain rows, so that they are written and read while everything else is down."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, select, update

from fleet.errors import InvalidInput
from fleet.models.audit import AuditEntry
from fleet.models.base import Moment
from fleet.models.stop import Stop, StopKind
from store import upserts
from store.audit import write_audit
from store.part import Part
from store.tables.fleet import AUDIT
from store.tables.hosts import PAGES
from store.tables.ledger import STOPS

EVERY = ""
"""How a scope's open end (every cluster, every pool) stands in its columns."""

# Read just before every side effect: built once, answered from the index of stops in force.
_IN_FORCE = select(STOPS).where(STOPS.c.lifted_at.is_(None)).order_by(STOPS.c.id)
_TOUCHING = _IN_FORCE.where(STOPS.c.cluster.in_((EVERY, bindparam("cluster_"))))
_COVERING = _TOUCHING.where(STOPS.c.pool.in_((EVERY, bindparam("pool_"))))


def covering(connection: Connection, cluster: str, pool: str | None) -> tuple[Stop, ...]:
    """Stops that hold for a pool, or for the whole of a cluster, oldest first."""
    rows = connection.execute(_COVERING, {"cluster_": cluster, "pool_": pool or EVERY})
    return tuple(_read(row) for row in rows)


def stops_touching(connection: Connection, cluster: str) -> tuple[Stop, ...]:
    """Stops that hold for any part of a cluster, oldest first."""
    return tuple(_read(row) for row in connection.execute(_TOUCHING, {"cluster_": cluster}))


def _all_in_force(connection: Connection) -> tuple[Stop, ...]:
    return tuple(_read(row) for row in connection.execute(_IN_FORCE))


class Stops(Part):
    """Stops."""

    async def stops(self, cluster: str | None = None, pool: str | None = None) -> tuple[Stop, ...]:
        """Stops in force, oldest first: those that cover the pool; those that cover the whole cluster; or all of them.

        Raises InvalidInput for a pool without its cluster.
        """
        _check_scope(cluster, pool)
        if cluster is None:
            return await self._database.glance(_all_in_force)
        return await self._database.glance(lambda connection: covering(connection, cluster, pool))

    async def set_stop(self, stop: Stop, *, once: str = "") -> Stop | None:
        """Put a stop in force; the same scope and kind again keeps the first, which is the answer then. Nothing for an
        order that was put in force before, which `once` names: it may have been lifted since. Audited, either way:
        who says it second wants it too.
        """
        _check_scope(stop.cluster, stop.pool)

        def work(connection: Connection) -> Stop | None:
            row = {**stop.model_dump(), "cluster": stop.cluster or EVERY, "pool": stop.pool or EVERY}
            if not _is_first(connection, once, stop.at):
                return None
            first = None if upserts.add_missing(connection, STOPS, row) else _first(connection, stop)
            write_audit(
                connection,
                AuditEntry(
                    at=stop.at,
                    actor=stop.actor,
                    action=stop.kind.value,
                    subject=stop.scope,
                    reason=stop.reason,
                    detail=f"in force already, by {first.actor}: {first.reason}" if first is not None else "",
                ),
            )
            return first

        return await self._database.write(work, durable=True)

    async def lift_stop(
        self,
        cluster: str | None,
        pool: str | None,
        actor: str,
        reason: str,
        now: Moment,
        *,
        once: str = "",
        said_at: Moment | None = None,
    ) -> tuple[Stop, ...]:
        """Lift stops and freezes of exactly this scope; those that were, oldest first. None for an order that was put
        in force before, which `once` names, nor what was ordered after `said_at`, when this was: by default now.
        Audited when there was one.
        """
        _check_scope(cluster, pool)

        def work(connection: Connection) -> tuple[Stop, ...]:
            if not _is_first(connection, once, now):
                return ()
            named = Stop(kind=StopKind.STOP, cluster=cluster, pool=pool, actor=actor, reason=reason, at=now)
            statement = update(STOPS).where(_of_scope(cluster, pool), STOPS.c.lifted_at.is_(None))
            if said_at is not None:
                # Who says it second has no row of their own, and stands in the log.
                since = select(AUDIT.c.action).where(AUDIT.c.subject == named.scope, AUDIT.c.at > said_at)
                statement = statement.where(STOPS.c.at <= said_at, STOPS.c.kind.not_in(since))
            statement = statement.values(lifted_at=now, lifted_by=actor, lift_reason=reason)
            rows = connection.execute(statement.returning(STOPS)).all()
            if rows:
                kinds = [row.kind for row in rows]
                detail = f"lifted: {', '.join(sorted(kinds))}"
                entry = AuditEntry(
                    at=now, actor=actor, action="lift", subject=named.scope, reason=reason, detail=detail
                )
                write_audit(connection, entry)
            return tuple(_read(row) for row in sorted(rows, key=lambda row: row.id))

        return await self._database.write(work, durable=True)


def _of_scope(cluster: str | None, pool: str | None) -> ColumnElement[bool]:
    return (STOPS.c.cluster == (cluster or EVERY)) & (STOPS.c.pool == (pool or EVERY))


def _first(connection: Connection, stop: Stop) -> Stop | None:
    """The stop of that scope and kind that is in force."""
    this = _IN_FORCE.where(_of_scope(stop.cluster, stop.pool), STOPS.c.kind == stop.kind)
    row = connection.execute(this).first()
    return None if row is None else _read(row)


def _is_first(connection: Connection, once: str, now: Moment) -> bool:
    return not once or upserts.add_missing(connection, PAGES, {"key": once, "at": now})


def _check_scope(cluster: str | None, pool: str | None) -> None:
    if pool is not None and cluster is None:
        raise InvalidInput("scope", "pool", f"expected the cluster of pool {pool} beside it")


def _read(row: "Row[Any]") -> Stop:
    return Stop(
        kind=row.kind,
        cluster=row.cluster or None,
        pool=row.pool or None,
        actor=row.actor,
        reason=row.reason,
        at=row.at,
    )
