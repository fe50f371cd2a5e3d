"""Rows of avoidances, as other nouns read them within their transactions."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, delete, select, true

from fleet import ids
from fleet.models.avoidance import Avoidance
from fleet.models.base import Moment
from store import documents
from store.prefixes import begins_with
from store.tables.avoidances import AVOIDANCES
from store.tables.hosts import PAGES

ROWS = select(AVOIDANCES.c.id, AVOIDANCES.c.document).order_by(AVOIDANCES.c.asked_at, AVOIDANCES.c.id)
_MOST = 1000
"""Rows that anybody is shown of one job."""
_OPEN = ROWS.where(
    AVOIDANCES.c.cluster == bindparam("cluster_"),
    AVOIDANCES.c.pool == bindparam("pool_"),
    AVOIDANCES.c.open == true(),
)


def open_avoidances(connection: Connection, cluster: str, pool: str) -> tuple[Avoidance, ...]:
    """Those of a pool that may mean something to its train, the oldest first."""
    return read_avoidances(connection.execute(_OPEN, {"cluster_": cluster, "pool_": pool}))


def charged_avoidances(connection: Connection, cluster: str, pool: str, since: Moment | None) -> tuple[Avoidance, ...]:
    """Those that count against budgets: open ones, and granted ones that ended after `since` (None: ever)."""
    c = AVOIDANCES.c
    this = ROWS.where(c.cluster == cluster, c.pool == pool)
    if since is None:
        return read_avoidances(connection.execute(this.where((c.open == true()) | c.until.is_not(None))))
    return open_or_changed(connection, this, since, c.until.is_not(None))


def open_or_changed(
    connection: Connection, these: Select[Any], since: Moment, *changed: ColumnElement[bool]
) -> tuple[Avoidance, ...]:
    """Open ones of these, and those that changed since (of which `changed` holds), the oldest first. By two statements,
    each of which has its index: rows are kept for good, and one with an `or` reads all of a cluster.
    """
    c = AVOIDANCES.c
    parts = (these.where(c.open == true()), these.where(c.changed_at > since, *changed))
    rows = {row.id: row for part in parts for row in connection.execute(part)}
    return tuple(sorted(read_avoidances(rows.values()), key=lambda row: (row.asked_at, row.id)))


def named_avoidances(connection: Connection, cluster: str, what: str, over: bool | None) -> tuple[Avoidance, ...]:
    """Those of an id or a job, the newest first, and so many as anybody is shown. By two statements, as above: a job
    asks how it stands as often as it likes.
    """
    c, rows = AVOIDANCES.c, dict[str, Row[Any]]()
    for this in (c.id == what, c.job == what):
        statement = select(c.id, c.document).where(c.cluster == cluster, this)
        if over is not None:
            statement = statement.where(c.open.is_(not over))
        newest = statement.order_by(c.asked_at.desc(), c.id.desc()).limit(_MOST)
        rows |= {row.id: row for row in connection.execute(newest)}
    found = read_avoidances(rows.values())
    return tuple(sorted(found, key=lambda row: (row.asked_at, row.id), reverse=True))


def kept_away(connection: Connection, cluster: str, pool: str, hosts: str, at: Moment) -> bool:
    """Whether the train keeps away from one of these hosts at a moment; `hosts` as a column holds them."""
    rows = [row for row in open_avoidances(connection, cluster, pool) if row.stands(at)]
    if not rows:
        return False
    names = set(documents.load_names(hosts, "domains", f"{cluster}/{pool}"))
    return any(not names.isdisjoint(row.ask.hosts) for row in rows)


def forget_notices(connection: Connection, cluster: str, pool: str, cycle: int, domain: str) -> None:
    """Jobs that were told of a visit that is put off are told of the next one, too."""
    prefix = f"{ids.notices(cluster, pool, cycle, domain)}/"
    connection.execute(delete(PAGES).where(begins_with(connection, PAGES.c.key, prefix)))


def read_avoidances(rows: "Iterable[Row[Any]]") -> tuple[Avoidance, ...]:
    """What rows hold."""
    return tuple(documents.load(Avoidance, row.document, "avoidances", row.id) for row in rows)
