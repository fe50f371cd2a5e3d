"""Members of a cluster's pools: kept in step with what the scheduler shows, never forgotten."""

from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from fleet.errors import InvalidInput
from fleet.models.audit import AuditEntry
from fleet.models.base import Moment
from fleet.models.host import Host
from store import upserts
from store.audit import MAINTRAIN, write_audit
from store.identity import Match, match
from store.part import Part, ledger_lock
from store.tables.fleet import CLUSTERS, HOSTS

NAMED_IN_AUDIT = 20
"""Names an audit row lists before it only counts."""
_RELEASED = (
    update(HOSTS)
    .where(
        HOSTS.c.cluster == bindparam("cluster_"),
        HOSTS.c.name.in_(bindparam("names_", expanding=True)),
        HOSTS.c.retired_at.is_(None),
    )
    .values(released_at=bindparam("now_"), version=bindparam("version_"))
)


def next_hosts_version(connection: Connection, cluster: str) -> int:
    """The version for rows that are about to change. Holds the cluster's row, so that versions commit in order."""
    statement = _next_version(connection.dialect.name)
    return int(connection.execute(statement, {"name": cluster, "hosts_version": 1}).scalar_one())


def mark_released(connection: Connection, cluster: str, hosts: list[str], now: Moment) -> None:
    """Our last lease on these hosts has ended."""
    version = next_hosts_version(connection, cluster)
    connection.execute(_RELEASED, {"cluster_": cluster, "names_": hosts, "now_": now, "version_": version})


def mark_given(connection: Connection, cluster: str, host: str, reason: str) -> None:
    """Keep the drain reason under which an outsider has the host; empty once it is ours again."""
    this = (HOSTS.c.cluster == cluster) & (HOSTS.c.name == host) & HOSTS.c.retired_at.is_(None)
    changed = this & (HOSTS.c.given != reason)
    if connection.execute(select(HOSTS.c.id).where(changed)).first() is not None:
        version = next_hosts_version(connection, cluster)
        connection.execute(update(HOSTS).where(changed).values(given=reason, version=version))


@cache
def _next_version(dialect: str) -> Any:  # noqa: ANN401  (its type names every column)
    more = {"hosts_version": CLUSTERS.c.hosts_version + 1}
    statement = upserts.insert(dialect, CLUSTERS).on_conflict_do_update(index_elements=["name"], set_=more)
    return statement.returning(CLUSTERS.c.hosts_version)


def pool_of(connection: Connection, cluster: str, host: str) -> str | None:
    """The pool of a member; None for a host that is none."""
    this = (HOSTS.c.cluster == cluster) & (HOSTS.c.name == host) & HOSTS.c.retired_at.is_(None)
    return connection.execute(select(HOSTS.c.pool).where(this)).scalar_one_or_none()


class Members(Part):
    """Hosts."""

    async def sync_hosts(self, cluster: str, hosts: tuple[Host, ...], now: Moment) -> None:
        """Make the members be exactly these; gone ones are kept as retired. Audited when something changed.

        Raises InvalidInput for a host of another cluster, or one named twice.
        """
        if any(host.cluster != cluster for host in hosts) or len({host.name for host in hosts}) != len(hosts):
            raise InvalidInput("hosts", cluster, "expected hosts of this cluster, each name once")
        if _as_they_are(await self._members(cluster), hosts):
            return
        await self._database.write(lambda c: _sync(c, cluster, hosts, now), lock=ledger_lock(cluster))

    async def hosts(self, cluster: str, pool: str | None = None) -> tuple[Host, ...]:
        """Members by name, decommissioned ones too, retired ones not."""
        members = await self._members(cluster)
        return tuple(host for host in members.values() if pool in (None, host.pool))

    async def set_decommissioned(self, cluster: str, host: str, actor: str, reason: str, now: Moment) -> None:
        """Take a host out of service for good: the member of that name, or the last one that was. Audited.

        Raises InvalidInput for a host that never was a member.
        """

        def work(connection: Connection) -> None:
            named = select(HOSTS).where((HOSTS.c.cluster == cluster) & (HOSTS.c.name == host))
            newest = named.order_by(HOSTS.c.retired_at.is_not(None), HOSTS.c.retired_at.desc(), HOSTS.c.id.desc())
            row = connection.execute(newest.limit(1)).one_or_none()
            if row is None:
                raise InvalidInput("host", host, f"expected one that is or was a member of a pool of {cluster}")
            if row.decommissioned:
                return
            version = next_hosts_version(connection, cluster)
            connection.execute(update(HOSTS).where(HOSTS.c.id == row.id).values(decommissioned=True, version=version))
            subject = f"host {cluster}/{host}"
            entry = AuditEntry(at=now, actor=actor, action="host decommission", subject=subject, reason=reason)
            write_audit(connection, entry)

        await self._database.write(work, lock=ledger_lock(cluster))

    async def _members(self, cluster: str) -> dict[str, Host]:
        return await self._database.read(lambda connection: self._hosts.read(connection, cluster))


def _as_they_are(members: dict[str, Host], hosts: tuple[Host, ...]) -> bool:
    if len(members) != len(hosts):
        return False
    return all(host.name in members and not _changes(members[host.name], host) for host in hosts)


def _changes(before: "Host | Row[Any]", host: Host) -> dict[str, Any]:
    """Columns that differ. A serial that is not reported just now is no news."""
    wanted: dict[str, Any] = {"name": host.name, "pool": host.pool, "rack": host.rack, "nvlink": host.nvlink}
    wanted["model"] = host.model
    wanted["features"] = host.features if isinstance(before, Host) else _features(host)
    if host.serial is not None:
        wanted["serial"] = host.serial
    return {column: value for column, value in wanted.items() if getattr(before, column) != value}


def _features(host: Host) -> str:
    """As the column keeps them: no feature of a scheduler has a comma."""
    return ",".join(host.features)


def _sync(connection: Connection, cluster: str, hosts: tuple[Host, ...], now: Moment) -> None:
    known = connection.execute(select(HOSTS).where(HOSTS.c.cluster == cluster).order_by(HOSTS.c.id)).all()
    matches = match(known, hosts)
    kept = {m.row.id for m in matches if m.row is not None}
    gone = [row for row in known if row.retired_at is None and row.id not in kept]
    moved = [m for m in matches if m.row is not None and (_changes(m.row, m.host) or m.row.retired_at is not None)]
    new = [m.host for m in matches if m.row is None]
    if not (gone or moved or new):
        return
    version = next_hosts_version(connection, cluster)
    # First out, then in: two hosts that swap their names must not meet under one.
    renamed = [m.row for m in moved if m.row is not None and m.row.name != m.host.name]
    for row in [*gone, *renamed]:
        connection.execute(update(HOSTS).where(HOSTS.c.id == row.id).values(retired_at=now, version=version))
    for m in moved:
        changes = {**_changes(m.row, m.host), "retired_at": None, "version": version}  # type: ignore[arg-type]
        connection.execute(update(HOSTS).where(HOSTS.c.id == m.row.id).values(**changes))  # type: ignore[union-attr]
    if new:
        rows = [
            {**host.model_dump(), "features": _features(host), "retired_at": None, "version": version} for host in new
        ]
        connection.execute(insert(HOSTS), rows)
    write_audit(connection, _entry(cluster, new, gone, moved, now))


def _entry(cluster: str, new: list[Host], gone: "list[Row[Any]]", moved: list[Match], now: Moment) -> AuditEntry:
    back = [m.host.name for m in moved if m.row is not None and m.row.retired_at is not None]
    changed = [
        m.host.name if m.row.name == m.host.name else f"{m.row.name} now {m.host.name}"
        for m in moved
        if m.row is not None and m.row.retired_at is None
    ]
    added = [host.name for host in new] + back
    parts = [_names("+", added), _names("−", [row.name for row in gone]), _names("changed ", changed)]
    return AuditEntry(
        at=now,
        actor=MAINTRAIN,
        action="fleet sync",
        subject=f"cluster {cluster}",
        reason=f"+{len(added)} −{len(gone)} hosts, {len(changed)} changed",
        detail="; ".join(part for part in parts if part),
    )


def _names(sign: str, names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - NAMED_IN_AUDIT} more" if len(names) > NAMED_IN_AUDIT else ""
    return f"{sign}{len(names)}: {', '.join(sorted(names)[:NAMED_IN_AUDIT])}{more}"
