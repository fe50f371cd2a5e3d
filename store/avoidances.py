"""Avoidances: asked, answered, changed and found, each with its audit entry and its event in one transaction."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, true, update

from fleet.errors import InvalidInput
from fleet.models.audit import AuditEntry
from fleet.models.avoidance import Avoidance, AvoidanceAsk, AvoidanceChange, AvoidanceState, Offer
from fleet.models.base import Moment
from fleet.models.event import EventKind, event
from fleet.models.facts import AvoidanceFacts
from fleet.models.train import DomainState
from fleet.policy.avoidance import carried, joined, least_charge, standing_of
from fleet.policy.avoidance_bound import called_off
from store import documents
from store.audit import MAINTRAIN, write_audit
from store.avoidance_rows import (
    ROWS,
    charged_avoidances,
    forget_notices,
    named_avoidances,
    open_or_changed,
    read_avoidances,
)
from store.events import write_event
from store.part import ledger_lock
from store.tables.avoidances import AVOIDANCES
from store.tables.trains import DOMAINS
from store.trains import TrainFactsPart

_SOME = 500
"""Names in one statement; databases bound them."""


class Avoidances(TrainFactsPart):
    """Avoidances."""

    async def ask_avoidance(
        self,
        ask: AvoidanceAsk,
        now: Moment,
        decide: Callable[[AvoidanceAsk, AvoidanceFacts], Offer],
        *,
        joins: bool = False,
    ) -> Avoidance:
        """Decide over a request and write the answer; one that was answered before is found as it stands. What is
        granted takes the place of what the same job was granted before (one that `joins` asks for the hosts of both),
        and calls a notice on its hosts off where time for a new one is left. Audited.

        Raises InvalidInput for a pool that the fleet file does not have, and for an id that was used for another job or
        in another cluster.
        """

        def work(connection: Connection) -> Avoidance:
            known = _read(connection, ask.id)
            if known is not None:
                return _same(known, ask)
            facts = self._avoidance_facts(connection, ask.cluster, ask.pool, now)
            earlier = standing_of(ask, facts.rows, now)
            asked = joined(ask, earlier) if joins else ask
            offer = decide(asked, facts)
            told = {"reason": offer.reason, "asked_at": now, "changed_at": now, "planned": offer.planned}
            made = Avoidance(ask=asked, state=AvoidanceState.REFUSED, **told)
            if offer.until is not None:
                least = least_charge(asked, facts, offer.until, earlier)
                before = carried(asked, facts, earlier)
                granted = {"state": AvoidanceState.GRANTED, "until": offer.until, "at_least": least}
                made = made.model_copy(update={**granted, "carried": before or timedelta(0)})
                _put_off(connection, asked, facts, offer.until)
                if earlier is not None:
                    _take_place(connection, earlier, made, passed_on=before is not None)
            if ask.job and not joins and ask.until > now:
                _not_ready(connection, made)
            _insert(connection, made)
            return made

        return await self._database.write(work, lock=ledger_lock(ask.cluster))

    async def say_ready(self, ask: AvoidanceAsk, now: Moment, said_at: Moment | None = None) -> Avoidance | None:
        """Note a job's word that it may be visited now; what it was granted ends. Idempotent by the id. Audited. None,
        and nothing is written, for a word of `said_at` where the job was granted something since.

        Raises InvalidInput for an id that was used for another job.
        """

        def work(connection: Connection) -> Avoidance | None:
            known = _read(connection, ask.id)
            if known is not None:
                return _same(known, ask)
            rows = _of_job(connection, ask)
            if said_at is not None and any(r.asked_at > said_at for r in rows if r.state is AvoidanceState.GRANTED):
                return None
            for row in rows:
                _change(connection, row, _ended(row, "the job says that it is ready"), ask.actor, now)
            reason = f"job {ask.job} says that it may be visited now"
            made = Avoidance(ask=ask, state=AvoidanceState.READY, asked_at=now, changed_at=now, reason=reason)
            _insert(connection, made)
            return made

        return await self._database.write(work, lock=ledger_lock(ask.cluster))

    async def change_avoidances(
        self, cluster: str, changes: Iterable[AvoidanceChange], actor: str, now: Moment
    ) -> tuple[Avoidance, ...]:
        """Change those of them that are still open, and never to a later date; as they are then. Audited."""
        wanted = {change.id: change for change in changes}

        def work(connection: Connection) -> tuple[Avoidance, ...]:
            found = _among(connection, wanted)
            these = (row for row in found if row.open and not wanted[row.id].gives_more(row))
            return tuple(_change(connection, row, wanted[row.id], actor, now) for row in these)

        return await self._database.write(work, lock=ledger_lock(cluster)) if wanted else ()

    async def avoidances(
        self, cluster: str | None = None, *, over: bool | None = None, limit: int = 1000
    ) -> tuple[Avoidance, ...]:
        """The newest first; of one cluster, or of all; those that are over or not."""
        statement = select(AVOIDANCES.c.id, AVOIDANCES.c.document)
        if cluster is not None:
            statement = statement.where(AVOIDANCES.c.cluster == cluster)
        if over is not None:
            statement = statement.where(AVOIDANCES.c.open.is_(not over))
        statement = statement.order_by(AVOIDANCES.c.asked_at.desc(), AVOIDANCES.c.id.desc()).limit(limit)
        return await self._database.read(lambda connection: read_avoidances(connection.execute(statement)))

    async def avoidances_of(self, cluster: str, what: str, *, over: bool | None = None) -> tuple[Avoidance, ...]:
        """The newest first, of an id or a job; those that are over or not."""
        return await self._database.read(lambda connection: named_avoidances(connection, cluster, what, over))

    async def avoidances_since(self, cluster: str, since: Moment) -> tuple[Avoidance, ...]:
        """Open ones of a cluster, and those that changed since, the oldest first."""
        these = ROWS.where(AVOIDANCES.c.cluster == cluster)
        return await self._database.read(lambda connection: open_or_changed(connection, these, since))

    async def avoidance_facts(self, cluster: str, pool: str, now: Moment) -> AvoidanceFacts:
        """What a request of a pool is decided by. InvalidInput for a pool that the fleet file does not have."""
        return await self._database.read(lambda connection: self._avoidance_facts(connection, cluster, pool, now))

    def _avoidance_facts(self, connection: Connection, cluster: str, pool: str, now: Moment) -> AvoidanceFacts:
        train = self._train(connection, cluster, pool, now)
        if train is None:
            raise InvalidInput("fleet file in force", f"{cluster}/{pool}", "expected a pool")
        since = None if train.cycle is None else train.cycle.opened_at
        return AvoidanceFacts.model_construct(train=train, rows=charged_avoidances(connection, cluster, pool, since))


def _read(connection: Connection, avoidance_id: str) -> Avoidance | None:
    return next(iter(_among(connection, (avoidance_id,))), None)


def _among(connection: Connection, ids: Iterable[str]) -> tuple[Avoidance, ...]:
    names = list(ids)
    found: list[Avoidance] = []
    for start in range(0, len(names), _SOME):
        these = AVOIDANCES.c.id.in_(names[start : start + _SOME])
        found += read_avoidances(connection.execute(ROWS.where(these)))
    return tuple(found)


def _of_job(connection: Connection, ask: AvoidanceAsk) -> tuple[Avoidance, ...]:
    """What a job's word that it is ready ends: all that it was granted, in a pool that its hosts have left too, and
    what it said before in this one.
    """
    c = AVOIDANCES.c
    rows = read_avoidances(connection.execute(ROWS.where(c.cluster == ask.cluster, c.job == ask.job, c.open == true())))
    return tuple(row for row in rows if row.state is AvoidanceState.GRANTED or row.ask.pool == ask.pool)


def _same(known: Avoidance, ask: AvoidanceAsk) -> Avoidance:
    if (known.ask.cluster, known.ask.work) != (ask.cluster, ask.work):
        before = f"{known.ask.work} of {known.ask.cluster}"
        raise InvalidInput("key", ask.id, f"expected a key of its own: {before} was asked for with it before")
    return known


def _ended(row: Avoidance, why: str) -> AvoidanceChange:
    return AvoidanceChange(id=row.id, state=AvoidanceState.ENDED, reason=why)


def _not_ready(connection: Connection, made: Avoidance) -> None:
    # Refused or not: who wants to be kept is not ready, whatever was said before.
    for row in _of_job(connection, made.ask):
        if row.state is AvoidanceState.READY:
            change = _ended(row, "the job has asked to be kept since")
            _change(connection, row, change, made.ask.actor, made.asked_at)


def _take_place(connection: Connection, earlier: Avoidance, made: Avoidance, *, passed_on: bool) -> None:
    # What it was to count for at least goes on with what takes its place, and so does what it has counted for.
    before = earlier.model_copy(update={"at_least": timedelta(0), "passed_on": passed_on})
    _change(connection, before, _ended(before, f"{made.id} took its place"), made.ask.actor, made.asked_at)


def _put_off(connection: Connection, ask: AvoidanceAsk, facts: AvoidanceFacts, until: Moment) -> None:
    """Jobs that were told of a visit that is put off are told of the next one, too."""
    cycle = facts.train.cycle
    for domain in called_off(facts.train, ask.hosts, until):
        assert cycle is not None, "a domain that is due is in a cycle"
        this = (DOMAINS.c.cluster == ask.cluster) & (DOMAINS.c.pool == ask.pool) & (DOMAINS.c.cycle == cycle.number)
        noticed = this & (DOMAINS.c.name == domain.domain.name) & (DOMAINS.c.state == DomainState.NOTICED)
        connection.execute(update(DOMAINS).where(noticed).values(state=DomainState.DUE, noticed_at=None))
        forget_notices(connection, ask.cluster, ask.pool, cycle.number, domain.domain.name)


def _insert(connection: Connection, made: Avoidance) -> None:
    ask = made.ask
    row: dict[str, Any] = {"id": made.id, "cluster": ask.cluster, "pool": ask.pool, "job": ask.job}
    row |= {"signal": ask.signal, "asked_at": made.asked_at}
    connection.execute(insert(AVOIDANCES).values(**row, **_columns(made)))
    _tell(connection, made, made.state, ask.actor, ask.why or "no reason given", made.asked_at)


def _change(connection: Connection, row: Avoidance, change: AvoidanceChange, actor: str, now: Moment) -> Avoidance:
    """Make an open row be what it becomes."""
    ends = change.state is not AvoidanceState.GRANTED
    values: dict[str, Any] = {"state": change.state, "reason": change.reason, "changed_at": now}
    values |= {"until": change.until or row.until, "planned": change.planned or row.planned}
    after = row.model_copy(update={**values, "ended_at": now if ends else row.ended_at})
    connection.execute(update(AVOIDANCES).where(AVOIDANCES.c.id == row.id).values(**_columns(after)))
    verb = "shorten" if not ends else change.state.value
    _tell(connection, after, verb, actor, change.reason, now)
    return after


def _columns(row: Avoidance) -> dict[str, Any]:
    # Without a date no request reads it any more.
    until = None if row.passed_on else row.until
    return {"open": row.open, "until": until, "changed_at": row.changed_at, "document": documents.dump(row)}


def _tell(connection: Connection, row: Avoidance, verb: str, actor: str, why: str, now: Moment) -> None:
    entry = {"actor": actor or MAINTRAIN, "action": f"avoid {verb}", "subject": f"avoidance {row.id}"}
    write_audit(connection, AuditEntry(at=now, reason=why, detail=row.reason, **entry))
    kinds = {"granted": EventKind.AVOIDANCE_GRANTED, "refused": EventKind.AVOIDANCE_REFUSED}
    kinds |= dict.fromkeys(("shorten", "revoked"), EventKind.AVOIDANCE_REVOKED)
    kind = kinds.get(verb)
    if kind is None:
        return
    data = {"avoidance": row.id, "job": row.ask.job, "user": row.ask.user}
    dates = {"until": row.ended_at or row.until, "planned": row.planned}
    data |= {name: date.isoformat() for name, date in dates.items() if date is not None}
    told = {"hosts": row.ask.hosts, "reason": row.reason, "data": data, "subject": row.id}
    occasion = row.id if verb != "shorten" else f"{row.id}@{now.isoformat()}"
    write_event(connection, event(kind, occasion, now, (row.ask.cluster, row.ask.pool), **told))
