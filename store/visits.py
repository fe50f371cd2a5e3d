"""Visits: one stop of a train at one domain, and what it does to the domain's state."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from fleet.errors import InvalidInput
from fleet.models.base import Moment
from fleet.models.sizing import VisitLength
from fleet.models.train import DomainState, Visit, VisitState
from store import documents
from store.avoidance_rows import kept_away
from store.cycles import STILL_DUE
from store.part import Part, ledger_lock
from store.tables.trains import DOMAINS, VISITS


class Visits(Part):
    """Visits."""

    async def open_visit(self, visit: Visit) -> bool:
        """Write a visit and mark its due domain as visiting. The same visit again renews what it takes while it is
        open. False, and nothing is written, when the domain is no longer due: skipped meanwhile, say, or its jobs were
        granted that the train keeps away.

        Raises InvalidInput when its cycle has no such domain.
        """

        def work(connection: Connection) -> bool:
            domain = _domain(visit.cluster, visit.pool, visit.cycle, visit.domain)
            names = select(DOMAINS.c.hosts).where(domain)
            if connection.execute(names).first() is None:
                raise InvalidInput("visit", visit.id, f"expected a domain of cycle {visit.cycle}")
            told = {"taken": documents.dump_names(visit.taken), "left_out": documents.dump_notes(visit.left_out)}
            row = {**visit.model_dump(), **told, "end_reason": "", "gave_back": False}
            if connection.execute(select(VISITS.c.id).where(VISITS.c.id == visit.id)).first() is not None:
                return _renew(connection, visit, told)
            hosts = connection.execute(names).scalar_one()
            if kept_away(connection, visit.cluster, visit.pool, hosts, visit.opened_at):
                return False
            now_visiting = {"state": DomainState.VISITING, "visit": visit.id, "attempts": DOMAINS.c.attempts + 1}
            due = domain & DOMAINS.c.state.in_(STILL_DUE)
            if connection.execute(update(DOMAINS).where(due).values(**now_visiting)).rowcount == 0:
                return False
            connection.execute(insert(VISITS).values(**row))
            return True

        return await self._database.write(work, lock=ledger_lock(visit.cluster))

    async def close_visit(
        self, visit_id: str, now: Moment, reason: str, *, gave_back: bool, due_again: bool = False
    ) -> None:
        """End a visit; its first end counts. `gave_back`: jobs kept the domain; it is due again, and one give-back is
        counted. `due_again`: due again for another reason (a stop), which is not counted.
        """

        def work(connection: Connection) -> None:
            this = (VISITS.c.id == visit_id) & VISITS.c.ended_at.is_(None)
            ended = {"state": VisitState.ENDED, "ended_at": now, "end_reason": reason, "gave_back": gave_back}
            row = connection.execute(update(VISITS).where(this).values(**ended).returning(VISITS)).one_or_none()
            if row is None:
                return
            values: dict[str, Any] = {"state": DomainState.VISITED, "ended_at": now, "reason": reason}
            if gave_back or due_again:
                # Its jobs were told of the visit that has ended; they are told of the next one too.
                values |= {"state": DomainState.DUE, "noticed_at": None}
            if gave_back:
                values["give_backs"] = DOMAINS.c.give_backs + 1
            # A domain that has gone on to another visit is that one's to close.
            domain = _domain(row.cluster, row.pool, row.cycle, row.domain) & (DOMAINS.c.visit == visit_id)
            connection.execute(update(DOMAINS).where(domain).values(**values))

        where = select(VISITS.c.cluster).where(VISITS.c.id == visit_id)
        cluster = await self._database.glance(lambda connection: connection.execute(where).scalar_one_or_none())
        if cluster is not None:
            # Who asks for its hosts sees it end before or after that: nobody looks after a grant to one that is over.
            await self._database.write(work, lock=ledger_lock(cluster))

    async def visit(self, visit_id: str) -> Visit | None:
        """A visit."""

        def work(connection: Connection) -> Visit | None:
            row = connection.execute(select(VISITS).where(VISITS.c.id == visit_id)).one_or_none()
            return None if row is None else _read(row)

        return await self._database.read(work)

    async def visit_lengths(self, cluster: str, pool: str, most: int = 200) -> tuple[VisitLength, ...]:
        """The pool's last visits that took hosts and did not give them back: hosts, and time from grant to end."""
        this = (VISITS.c.cluster == cluster) & (VISITS.c.pool == pool) & (VISITS.c.state == VisitState.ENDED)
        whole = VISITS.c.granted_at.is_not(None) & VISITS.c.ended_at.is_not(None) & VISITS.c.gave_back.is_(False)
        statement = select(VISITS).where(this, whole).order_by(VISITS.c.ended_at.desc()).limit(most)

        def work(connection: Connection) -> tuple[VisitLength, ...]:
            rows = [(_read(row), row) for row in connection.execute(statement)]
            return tuple(
                VisitLength(hosts=len(visit.taken), seconds=(row.ended_at - row.granted_at).total_seconds())
                for visit, row in rows
                if visit.taken
            )

        return await self._database.read(work)

    async def add_left_out(self, visit_id: str, left_out: dict[str, str]) -> None:
        """Name more hosts that a visit does not take, with why; a host named before keeps its reason.

        Raises InvalidInput for an unknown visit.
        """

        def work(connection: Connection) -> None:
            this = VISITS.c.id == visit_id
            before = connection.execute(select(VISITS.c.left_out).where(this)).scalar_one_or_none()
            if before is None:
                raise InvalidInput("visit", visit_id, "expected a visit that was opened")
            both = {**left_out, **documents.load_notes(before, "visits", visit_id)}
            connection.execute(update(VISITS).where(this).values(left_out=documents.dump_notes(both)))

        await self._database.write(work, lock=f"visit/{visit_id}")


def _domain(cluster: str, pool: str, cycle: int, name: str) -> ColumnElement[bool]:
    in_pool = (DOMAINS.c.cluster == cluster) & (DOMAINS.c.pool == pool)
    return in_pool & (DOMAINS.c.cycle == cycle) & (DOMAINS.c.name == name)


def _renew(connection: Connection, visit: Visit, told: dict[str, str]) -> bool:
    this = (VISITS.c.id == visit.id) & VISITS.c.ended_at.is_(None)
    values: dict[str, Any] = dict(told)
    if visit.state is VisitState.RUNNING:
        values["state"] = VisitState.RUNNING
    if visit.granted_at is not None:
        values["granted_at"] = visit.granted_at
    return connection.execute(update(VISITS).where(this).values(**values)).rowcount > 0


def _read(row: "Row[Any]") -> Visit:
    return Visit(
        id=row.id,
        cluster=row.cluster,
        pool=row.pool,
        cycle=row.cycle,
        domain=row.domain,
        attempt=row.attempt,
        state=row.state,
        opened_at=row.opened_at,
        granted_at=row.granted_at,
        ended_at=row.ended_at,
        taken=documents.load_names(row.taken, "visits", row.id),
        left_out=documents.load_notes(row.left_out, "visits", row.id),
    )
