"""Rungs of the repair ladder: decided, counted against their limits and written in one transaction, so that two hosts
can't both take the day's last one.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select, update

from fleet.models.audit import AuditEntry
from fleet.models.base import Moment
from fleet.models.rungs import LADDER, LadderFacts, NextRung, RungEnd, RungRecord
from fleet.models.work import HostWork
from store import upserts
from store.audit import write_audit
from store.leases import lease_of
from store.part import Part, ledger_lock
from store.tables.hosts import RUNGS
from store.tables.ledger import LEASE_HOSTS

DAY = timedelta(hours=24)
_UNCOUNTED = (RungEnd.REFUSED.value, RungEnd.WITHDRAWN.value)


class Ladders(Part):
    """Rungs."""

    async def climb(self, work: HostWork, now: Moment, decide: Callable[[LadderFacts], NextRung]) -> RungRecord:
        """The rung of a repair's next try: decided on the facts of this instant and written with its audit entry, or
        as it was written before; no rung follows the person. The lease says from then on what is under way. Raises
        `LeaseLost`.
        """
        attempt = work.tries + 1

        def act(connection: Connection) -> RungRecord:
            lease_of(connection, work.cluster, work.host, work.operation)
            climbed = _of_repair(connection, work.operation)
            known = next((r for r in climbed if r.attempt == attempt or r.rung is None), None)
            if known is not None:
                return known
            chosen = decide(_facts(connection, work, climbed, now))
            record = _record(work, attempt, chosen, now)
            upserts.add_missing(connection, RUNGS, {**record.model_dump(mode="json"), "began": now, "ended": None})
            _tell(connection, work, record, now)
            return record

        return await self._database.write(act, lock=ledger_lock(work.cluster))

    async def end_ladder(self, person: RungRecord) -> None:
        """Keep that a person has the repair, whatever ended its ladder, after all of its rungs; the first one counts.
        The record's attempt is not heeded. The lease says so, where the repair still holds it.
        """

        def act(connection: Connection) -> None:
            climbed = _of_repair(connection, person.operation)
            if any(r.rung is None for r in climbed):
                return
            last = max((r.attempt for r in climbed), default=0)
            kept = person.model_copy(update={"attempt": last + 1, "rung": None, "ended": None, "end": None})
            times = {"began": person.began, "ended": None}
            upserts.add_missing(connection, RUNGS, {**kept.model_dump(mode="json"), **times})
            held = _held(person.cluster, person.host) & (LEASE_HOSTS.c.operation == person.operation)
            connection.execute(update(LEASE_HOSTS).where(held).values(why=f"a person has it: {person.reason}"))

        await self._database.write(act, lock=ledger_lock(person.cluster))

    async def end_rung(self, operation: str, up_to: int, end: RungEnd, said: str, now: Moment) -> RungRecord | None:
        """Note how a repair's open rung ended, if it began a try up to `up_to`; None when none is open."""

        def act(connection: Connection) -> RungRecord | None:
            still = (RUNGS.c.operation == operation) & RUNGS.c.rung.is_not(None) & RUNGS.c.ended.is_(None)
            statement = (
                update(RUNGS)
                .where(still, RUNGS.c.attempt <= up_to)
                .values(ended=now, end=end.value, said=said)
                .returning(RUNGS)
            )
            rows = connection.execute(statement).all()
            return _read(rows[0]) if rows else None

        return await self._database.write(act)

    async def rungs(self, operation: str) -> tuple[RungRecord, ...]:
        """The rungs of a repair, oldest first, the person at their end too."""
        return await self._database.glance(lambda connection: _of_repair(connection, operation))


def _of_repair(connection: Connection, operation: str) -> tuple[RungRecord, ...]:
    statement = select(RUNGS).where(RUNGS.c.operation == operation).order_by(RUNGS.c.attempt)
    return tuple(_read(row) for row in connection.execute(statement))


def _facts(connection: Connection, work: HostWork, climbed: tuple[RungRecord, ...], now: Moment) -> LadderFacts:
    counted = (
        (RUNGS.c.cluster == work.cluster)
        & (RUNGS.c.began > now - DAY)
        & RUNGS.c.rung.is_not(None)
        & (RUNGS.c.end.is_(None) | RUNGS.c.end.not_in(_UNCOUNTED))
    )
    statement = select(RUNGS.c.host, func.count()).where(counted).group_by(RUNGS.c.host)
    by_host: dict[str, int] = {str(row[0]): int(row[1]) for row in connection.execute(statement)}
    rungs = tuple(r for r in climbed if r.rung is not None)
    return LadderFacts(climbed=rungs, on_host=by_host.get(work.host, 0), in_cluster=sum(by_host.values()))


def _record(work: HostWork, attempt: int, chosen: NextRung, now: Moment) -> RungRecord:
    return RungRecord(
        cluster=work.cluster,
        pool=work.pool,
        host=work.host,
        operation=work.operation,
        attempt=attempt,
        rung=chosen.rung,
        category=chosen.category,
        reason=chosen.reason,
        began=now,
    )


def _held(cluster: str, host: str) -> ColumnElement[bool]:
    return (LEASE_HOSTS.c.cluster == cluster) & (LEASE_HOSTS.c.host == host)


def _tell(connection: Connection, work: HostWork, record: RungRecord, now: Moment) -> None:
    """In the ledger and in the audit log."""
    under_way = "a person is needed" if record.rung is None else f"rung {record.rung} under way"
    why = f"{under_way}: {record.reason}"
    connection.execute(update(LEASE_HOSTS).where(_held(work.cluster, work.host)).values(why=why))
    entry = AuditEntry(
        at=now,
        actor=LADDER,
        action="a person asked" if record.rung is None else f"rung {record.rung}",
        subject=f"host {work.cluster}/{work.host}",
        reason=record.reason,
        detail=f"try {record.attempt} of {work.operation}",
    )
    write_audit(connection, entry)


def _read(row: "Row[Any]") -> RungRecord:
    return RungRecord(
        cluster=row.cluster,
        pool=row.pool,
        host=row.host,
        operation=row.operation,
        attempt=row.attempt,
        rung=row.rung,
        category=row.category,
        reason=row.reason,
        began=row.began,
        ended=row.ended,
        end=row.end,
        said=row.said,
    )
