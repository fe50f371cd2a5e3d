"""Cycles of a train and the state of their domains."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from fleet import ids
from fleet.models.audit import AuditEntry
from fleet.models.base import Moment
from fleet.models.event import EventKind, event, event_id
from fleet.models.train import Cycle, Domain, DomainProgress, DomainState
from store import documents, upserts
from store.audit import write_audit
from store.avoidance_rows import forget_notices, kept_away
from store.events import was_told, write_event
from store.part import Part, ledger_lock
from store.tables.trains import CYCLES, DOMAINS, TRAINS

STILL_DUE = (DomainState.DUE, DomainState.NOTICED)


def read_cycle(connection: Connection, cluster: str, pool: str, number: int | None = None) -> Cycle | None:
    """A cycle, or the latest."""
    statement = select(CYCLES).where(CYCLES.c.cluster == cluster, CYCLES.c.pool == pool)
    if number is not None:
        statement = statement.where(CYCLES.c.number == number)
    row = connection.execute(statement.order_by(CYCLES.c.number.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    domains = select(DOMAINS).where(_in_cycle(cluster, pool, row.number)).order_by(DOMAINS.c.position)
    return Cycle(
        cluster=cluster,
        pool=pool,
        number=row.number,
        opened_at=row.opened_at,
        due_at=row.due_at,
        closed_at=row.closed_at,
        domains=tuple(_progress(domain) for domain in connection.execute(domains)),
    )


class Cycles(Part):
    """Cycles."""

    async def open_cycle(
        self, cluster: str, pool: str, number: int, domains: tuple[Domain, ...], now: Moment, due: Moment
    ) -> None:
        """Open a cycle over these domains, in their order; idempotent by number."""

        def work(connection: Connection) -> None:
            row = {"cluster": cluster, "pool": pool, "number": number, "opened_at": now, "due_at": due}
            if upserts.add_missing(connection, CYCLES, row) and domains:
                rows = [_row(cluster, pool, number, place, domain) for place, domain in enumerate(domains)]
                connection.execute(insert(DOMAINS), rows)

        await self._database.write(work)

    async def close_cycle(self, cluster: str, pool: str, number: int, now: Moment) -> None:
        """Close a cycle, which uses up one asked cycle; closing it again uses up none."""

        def work(connection: Connection) -> None:
            this = (CYCLES.c.cluster == cluster) & (CYCLES.c.pool == pool) & (CYCLES.c.number == number)
            statement = update(CYCLES).where(this, CYCLES.c.closed_at.is_(None)).values(closed_at=now)
            if connection.execute(statement).rowcount == 0:
                return
            train = (TRAINS.c.cluster == cluster) & (TRAINS.c.pool == pool) & (TRAINS.c.cycles_left > 0)
            connection.execute(update(TRAINS).where(train).values(cycles_left=TRAINS.c.cycles_left - 1))

        await self._database.write(work, lock=f"train/{cluster}/{pool}")

    async def cycle(self, cluster: str, pool: str, number: int | None = None) -> Cycle | None:
        """A cycle, or the latest."""
        return await self._database.read(lambda connection: read_cycle(connection, cluster, pool, number))

    async def noticed(self, cluster: str, pool: str, cycle: int, domain: str, now: Moment) -> None:
        """The jobs of a due domain were told; the first time counts. Not, if they were granted meanwhile that the train
        keeps away beyond its notice: they are told anew then.
        """
        this = _in_cycle(cluster, pool, cycle) & (DOMAINS.c.name == domain) & (DOMAINS.c.state == DomainState.DUE)
        statement = update(DOMAINS).where(this).values(state=DomainState.NOTICED, noticed_at=now).returning(DOMAINS)

        names = select(DOMAINS.c.hosts).where(this)

        def work(connection: Connection) -> None:
            hosts = connection.execute(names).scalar_one_or_none()
            begins = now + self._notice(connection, cluster, pool)
            if hosts is None:
                return
            if kept_away(connection, cluster, pool, hosts, begins):
                forget_notices(connection, cluster, pool, cycle, domain)
                return
            row = connection.execute(statement).one_or_none()
            if row is not None:
                self._tell_planned(connection, row, now)

        await self._database.write(work, lock=ledger_lock(cluster))

    def _notice(self, connection: Connection, cluster: str, pool: str) -> timedelta:
        record = self._fleet.read(connection)
        promised = None if record is None else record.fleet.cluster(cluster)
        found = None if promised is None else promised.pool(pool)
        return timedelta(0) if found is None else found.notice

    def _tell_planned(self, connection: Connection, row: "Row[Any]", now: Moment) -> None:
        progress, visit = _progress(row), ids.visit(row.cluster, row.pool, row.cycle, row.name, row.attempts + 1)
        begins = now + self._notice(connection, row.cluster, row.pool)
        more = {
            "hosts": progress.domain.hosts,
            "reason": f"{row.name} is the next stop of its train",
            "data": {"domain": row.name, "not_before": begins.isoformat()},
        }
        # A visit that was put off after its jobs were told is planned anew, and that is another event.
        told = was_told(connection, event_id(EventKind.DRAIN_PLANNED, visit))
        occasion = f"{visit}@{now.isoformat()}" if told else visit
        told_of = event(EventKind.DRAIN_PLANNED, occasion, now, (row.cluster, row.pool), subject=visit, **more)
        write_event(connection, told_of)

    async def skip(self, cluster: str, pool: str, domain: str, actor: str, reason: str, now: Moment) -> bool:
        """Leave a due domain (its jobs told or not) out of the open cycle; False when it is not due. Audited."""

        def work(connection: Connection) -> bool:
            latest = read_cycle(connection, cluster, pool)
            if latest is None or latest.closed_at is not None:
                return False
            this = _in_cycle(cluster, pool, latest.number) & (DOMAINS.c.name == domain)
            statement = update(DOMAINS).where(this, DOMAINS.c.state.in_(STILL_DUE))
            statement = statement.values(state=DomainState.SKIPPED, ended_at=now, reason=reason)
            if connection.execute(statement).rowcount == 0:
                return False
            entry = AuditEntry(
                at=now,
                actor=actor,
                action="train skip",
                subject=f"train {cluster}/{pool}",
                reason=reason,
                detail=f"domain {domain} in cycle {latest.number}",
            )
            write_audit(connection, entry)
            return True

        return await self._database.write(work)


def _in_cycle(cluster: str, pool: str, number: int) -> ColumnElement[bool]:
    return (DOMAINS.c.cluster == cluster) & (DOMAINS.c.pool == pool) & (DOMAINS.c.cycle == number)


def _row(cluster: str, pool: str, cycle: int, position: int, domain: Domain) -> dict[str, Any]:
    return {
        "cluster": cluster,
        "pool": pool,
        "cycle": cycle,
        "name": domain.name,
        "position": position,
        "hosts": documents.dump_names(domain.hosts),
        "state": DomainState.DUE,
        "attempts": 0,
        "give_backs": 0,
        "reason": "",
    }


def _progress(row: "Row[Any]") -> DomainProgress:
    key = f"{row.cluster}/{row.pool}/{row.cycle}/{row.name}"
    return DomainProgress(
        domain=Domain(name=row.name, hosts=documents.load_names(row.hosts, "domains", key)),
        state=row.state,
        noticed_at=row.noticed_at,
        visit=row.visit,
        attempts=row.attempts,
        give_backs=row.give_backs,
        ended_at=row.ended_at,
        reason=row.reason,
    )
