"""Versions as last observed, and which version each component of a host was in before.

The history grows with changes, not with looks, and keeps the last `KEPT` versions of each component of each host.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select

from fleet.models.base import Moment
from fleet.models.versions import HostVersions, VersionChange
from store import documents, upserts
from store.part import Part
from store.tables.fleet import HOST_VERSIONS, VERSION_HISTORY

KEPT = 50
"""Versions of one component of one host that its history keeps: with a change a week, a year of them."""

_HOSTS_AT_ONCE = 500

_OF_HOST = select(HOST_VERSIONS.c.versions).where(
    HOST_VERSIONS.c.cluster == bindparam("cluster_"), HOST_VERSIONS.c.host == bindparam("host_")
)


def versions_in(connection: Connection, cluster: str) -> dict[str, dict[str, str]]:
    """Last observed versions by host."""
    statement = select(HOST_VERSIONS.c.host, HOST_VERSIONS.c.versions).where(HOST_VERSIONS.c.cluster == cluster)
    return {
        row.host: documents.load_notes(row.versions, "host_versions", f"{cluster}/{row.host}")
        for row in connection.execute(statement)
    }


class Versions(Part):
    """What runs where, and what ran there."""

    async def record_versions(self, cluster: str, host: str, versions: dict[str, str], now: Moment) -> None:
        """Versions as observed. Components that this reading does not name keep the version last seen; one in another
        version than before adds to the history.
        """

        def work(connection: Connection) -> None:
            place = {"cluster_": cluster, "host_": host}
            before = connection.execute(_OF_HOST, place).scalar_one_or_none()
            known = {} if before is None else documents.load_notes(before, "host_versions", f"{cluster}/{host}")
            row = {"versions": documents.dump_notes({**known, **versions}), "at": now}
            upserts.put(connection, HOST_VERSIONS, {"cluster": cluster, "host": host, **row}, key=("cluster", "host"))
            changed = {name: version for name, version in versions.items() if known.get(name) != version}
            if changed:
                _add_history(connection, cluster, host, changed, now)

        await self._database.write(work, lock=f"versions/{cluster}/{host}")

    async def versions(self, cluster: str) -> dict[str, dict[str, str]]:
        """Last observed versions by host."""
        return {host: seen.versions for host, seen in (await self.observed_versions(cluster)).items()}

    async def observed_versions(self, cluster: str, host: str | None = None) -> dict[str, HostVersions]:
        """Last observed versions by host, or of one host, with when they were read."""
        statement = select(HOST_VERSIONS).where(HOST_VERSIONS.c.cluster == cluster)
        if host is not None:
            statement = statement.where(HOST_VERSIONS.c.host == host)

        def work(connection: Connection) -> dict[str, HostVersions]:
            return {
                row.host: HostVersions(
                    host=row.host,
                    versions=documents.load_notes(row.versions, "host_versions", f"{cluster}/{row.host}"),
                    at=row.at,
                )
                for row in connection.execute(statement)
            }

        return await self._database.read(work)

    async def version_history(self, cluster: str, hosts: tuple[str, ...]) -> tuple[VersionChange, ...]:
        """Changes on these hosts, oldest first, as far as they are kept."""

        def work(connection: Connection) -> tuple[VersionChange, ...]:
            found: list[Row[Any]] = []
            for start in range(0, len(hosts), _HOSTS_AT_ONCE):
                some = hosts[start : start + _HOSTS_AT_ONCE]
                table = VERSION_HISTORY
                statement = select(table).where((table.c.cluster == cluster) & table.c.host.in_(some))
                found += connection.execute(statement.order_by(table.c.id)).all()
            return tuple(
                VersionChange(host=row.host, component=row.component, version=row.version, at=row.at) for row in found
            )

        return await self._database.read(work)


def _add_history(connection: Connection, cluster: str, host: str, changed: Mapping[str, str], now: Moment) -> None:
    table = VERSION_HISTORY
    rows = [{"cluster": cluster, "host": host, "component": c, "version": v, "at": now} for c, v in changed.items()]
    connection.execute(insert(table), rows)
    of_host = (table.c.cluster == cluster) & (table.c.host == host)
    places = connection.execute(
        select(table.c.id, table.c.component)
        .where(of_host & table.c.component.in_(list(changed)))
        .order_by(table.c.id.desc())
    )
    seen: dict[str, int] = {}
    old = []
    for place in places:
        seen[place.component] = seen.get(place.component, 0) + 1
        if seen[place.component] > KEPT:
            old.append(place.id)
    if old:
        connection.execute(delete(table).where(table.c.id.in_(old)))
