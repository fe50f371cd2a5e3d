"""What a report reads, in one transaction."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, exists, func, or_, select

from fleet.models.base import Moment
from fleet.models.report import Carried, CycleTimes, HostOut, Interruption, PoolSpan, ReportFacts
from fleet.models.train import DomainState
from store.part import Part
from store.pool_counts import read_span
from store.tables.fleet import VERSION_HISTORY
from store.tables.reports import HOST_OUTS, INTERRUPTIONS, POOL_COUNTS
from store.tables.trains import CYCLES, DOMAINS
from store.versions import versions_in


class ReportBook(Part):
    """Facts for reports."""

    async def report_facts(
        self, cluster: str, begin: Moment, end: Moment, desired: Mapping[str, frozenset[str]]
    ) -> ReportFacts:
        """All that a report on a cluster's time is made from. `desired`: component → versions that are wanted
        somewhere, which are told even where no host came to them.
        """

        def work(connection: Connection) -> ReportFacts:
            members = {name for name, host in self._hosts.read(connection, cluster).items() if not host.decommissioned}
            return ReportFacts(
                cluster=cluster,
                begin=begin,
                end=end,
                members=len(members),
                spans=_spans(connection, cluster, begin, end),
                outs=_outs(connection, cluster, begin, end),
                interruptions=_interruptions(connection, cluster, begin, end),
                cycles=_cycles(connection, cluster, begin, end),
                carried=_carried(connection, cluster, begin, members, desired),
            )

        return await self._database.read(work)


def _spans(connection: Connection, cluster: str, begin: Moment, end: Moment) -> dict[str, tuple[PoolSpan, ...]]:
    this = (POOL_COUNTS.c.cluster == cluster) & (POOL_COUNTS.c.until >= begin) & (POOL_COUNTS.c.since <= end)
    found: dict[str, list[PoolSpan]] = {}
    for row in connection.execute(select(POOL_COUNTS).where(this).order_by(POOL_COUNTS.c.pool, POOL_COUNTS.c.since)):
        found.setdefault(row.pool, []).append(read_span(row))
    return {pool: tuple(spans) for pool, spans in found.items()}


def _outs(connection: Connection, cluster: str, begin: Moment, end: Moment) -> tuple[HostOut, ...]:
    this = (HOST_OUTS.c.cluster == cluster) & (HOST_OUTS.c.since <= end)
    within = this & or_(HOST_OUTS.c.until.is_(None), HOST_OUTS.c.until >= begin)
    rows = connection.execute(select(HOST_OUTS).where(within).order_by(HOST_OUTS.c.since, HOST_OUTS.c.host))
    return tuple(HostOut(host=r.host, pool=r.pool, cause=r.cause, since=r.since, until=r.until) for r in rows)


def _interruptions(connection: Connection, cluster: str, begin: Moment, end: Moment) -> tuple[Interruption, ...]:
    table = INTERRUPTIONS
    this = (table.c.cluster == cluster) & (table.c.at >= begin) & (table.c.at <= end)
    rows = connection.execute(select(table).where(this).order_by(table.c.at, table.c.job)).mappings()
    return tuple(Interruption.model_validate(dict(row)) for row in rows)


def _cycles(connection: Connection, cluster: str, begin: Moment, end: Moment) -> tuple[CycleTimes, ...]:
    open_within = (CYCLES.c.opened_at <= end) & or_(CYCLES.c.closed_at.is_(None), CYCLES.c.closed_at >= begin)
    rows = connection.execute(
        select(CYCLES).where(CYCLES.c.cluster == cluster, open_within).order_by(CYCLES.c.pool, CYCLES.c.number)
    ).all()
    counted = (
        select(DOMAINS.c.pool, DOMAINS.c.cycle, DOMAINS.c.state, func.count().label("domains"))
        .where(DOMAINS.c.cluster == cluster, DOMAINS.c.cycle.in_({row.number for row in rows}))
        .group_by(DOMAINS.c.pool, DOMAINS.c.cycle, DOMAINS.c.state)
    )
    states: dict[tuple[str, int], dict[str, int]] = {}
    for each in connection.execute(counted) if rows else ():
        states.setdefault((each.pool, each.cycle), {})[each.state] = int(each.domains)
    return tuple(_cycle(row, states.get((row.pool, row.number), {})) for row in rows)


def _cycle(row: "Row[Any]", states: Mapping[str, int]) -> CycleTimes:
    return CycleTimes(
        pool=row.pool,
        number=row.number,
        opened_at=row.opened_at,
        due_at=row.due_at,
        closed_at=row.closed_at,
        domains=sum(states.values()),
        visited=states.get(DomainState.VISITED, 0),
        skipped=states.get(DomainState.SKIPPED, 0),
    )


def _carried(
    connection: Connection, cluster: str, begin: Moment, members: set[str], desired: Mapping[str, frozenset[str]]
) -> tuple[Carried, ...]:
    gained = _gained(connection, cluster, begin)
    hosts: dict[tuple[str, str], int] = {}
    for host, versions in versions_in(connection, cluster).items():
        for key in versions.items() if host in members else ():
            hosts[key] = hosts.get(key, 0) + 1
    wanted = {(component, version) for component, versions in desired.items() for version in versions}
    return tuple(
        Carried(
            component=component,
            version=version,
            hosts=hosts.get((component, version), 0),
            gained=gained.get((component, version), 0),
            desired=(component, version) in wanted,
        )
        for component, version in sorted({*gained, *wanted})
    )


def _gained(connection: Connection, cluster: str, begin: Moment) -> dict[tuple[str, str], int]:
    """Hosts that came to a version from another one; the first that is known of a host is no change."""
    now, before = VERSION_HISTORY.alias("now"), VERSION_HISTORY.alias("before")
    same = (before.c.cluster == now.c.cluster) & (before.c.host == now.c.host)
    earlier = exists().where(same, before.c.component == now.c.component, before.c.id < now.c.id)
    statement = (
        select(now.c.component, now.c.version, func.count(now.c.host.distinct()).label("hosts"))
        .where(now.c.cluster == cluster, now.c.at >= begin, earlier)
        .group_by(now.c.component, now.c.version)
    )
    return {(row.component, row.version): int(row.hosts) for row in connection.execute(statement)}
