"""Emergencies and their hosts, and what they mean for grants and trains."""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, insert, or_, select, update

from fleet import ids
from fleet.errors import InvalidInput, Refused
from fleet.models.base import Moment
from fleet.models.emergency import (
    BUSY,
    OPEN_STATES,
    Emergency,
    EmergencyChange,
    EmergencyHost,
    EmergencyHostState,
    EmergencyState,
)
from fleet.policy.emergency_orders import emergency_entry
from store import documents, upserts
from store.audit import write_audit
from store.part import Part, ledger_lock
from store.tables.emergencies import EMERGENCIES, EMERGENCY_HOSTS

_TO_TAKE = (EmergencyHostState.PENDING, EmergencyHostState.ASKED)
LEFT = (EmergencyHostState.PENDING, *BUSY)
_IS_LARGE = EMERGENCIES.c.id.startswith(ids.LARGE)
NEWEST_FIRST = select(EMERGENCIES.c.id, EMERGENCIES.c.document).order_by(
    EMERGENCIES.c.started_at.desc(), EMERGENCIES.c.id
)
_URGENT = (
    select(EMERGENCY_HOSTS.c.pool, EMERGENCIES.c.id)
    .join(EMERGENCIES, EMERGENCIES.c.id == EMERGENCY_HOSTS.c.emergency)
    .where(EMERGENCIES.c.cluster == bindparam("cluster_"), EMERGENCIES.c.state == EmergencyState.RUNNING)
    .where(or_(EMERGENCY_HOSTS.c.state.in_(_TO_TAKE), and_(_IS_LARGE, EMERGENCY_HOSTS.c.state.in_(LEFT))))
    .group_by(EMERGENCY_HOSTS.c.pool, EMERGENCIES.c.id, EMERGENCIES.c.started_at)
    .order_by(_IS_LARGE.desc(), EMERGENCIES.c.started_at.desc(), EMERGENCIES.c.id.desc())
)


class Emergencies(Part):
    """Emergencies."""

    async def start_emergency(self, emergency: Emergency, hosts: Iterable[EmergencyHost]) -> bool:
        """Write an emergency and its hosts; False when this very one was started before. Audited.

        `Refused` when another one of its name was, for a second large-scale maintenance of a cluster, and when a load
        that was faster has dropped a pool of its hosts.
        """
        every = tuple(hosts)
        rows = [_row(emergency.id, host, emergency.started_at) for host in every]

        def work(connection: Connection) -> bool:
            known = _read(connection, emergency.id)
            if known is not None and (known.spec, _numbers(known)) != (emergency.spec, _numbers(emergency)):
                raise Refused(f"{known.id} was started before with another spec, and is {known.state}: {known.reason}")
            if known is not None:
                return False
            _refuse_second_large(connection, emergency)
            self._refuse_what_has_gone(connection, emergency, every)
            columns = {"id": emergency.id, "cluster": emergency.spec.cluster, "started_at": emergency.started_at}
            document = documents.dump(emergency)
            connection.execute(insert(EMERGENCIES).values(**columns, state=emergency.state, document=document))
            if rows:
                connection.execute(insert(EMERGENCY_HOSTS), rows)
            numbers = emergency.override.numbers if emergency.override is not None else ""
            write_audit(
                connection,
                emergency_entry(
                    emergency.id,
                    "start",
                    emergency.started_by,
                    emergency.why,
                    emergency.started_at,
                    f"{emergency.name}, {len(rows)} hosts" + (f"; may go to a {numbers}" if numbers else ""),
                ),
            )
            return True

        return await self._database.write(work, lock=ledger_lock(emergency.spec.cluster))

    def _refuse_what_has_gone(
        self, connection: Connection, emergency: Emergency, hosts: Iterable[EmergencyHost]
    ) -> None:
        """From here on a load is refused that drops a pool of its hosts; one may have come just before."""
        record = self._fleet.read(connection)
        cluster = record.fleet.cluster(emergency.spec.cluster) if record is not None else None
        gone = {h.pool for h in hosts if record is not None and (cluster is None or cluster.pool(h.pool) is None)}
        if gone:
            raise Refused(f"the fleet file in force has no pool {', '.join(sorted(gone))} of {emergency.spec.cluster}")

    async def emergencies(self, cluster: str | None = None) -> tuple[Emergency, ...]:
        """All that were ever started, the newest first; of one cluster, or of all."""
        statement = NEWEST_FIRST if cluster is None else NEWEST_FIRST.where(EMERGENCIES.c.cluster == cluster)
        return await self._database.read(lambda connection: read_all(connection.execute(statement)))

    async def unfinished_emergencies(self, cluster: str) -> tuple[str, ...]:
        """Those that are open, or over with a stop that has not ended yet."""
        busy = select(EMERGENCY_HOSTS.c.emergency).where(EMERGENCY_HOSTS.c.state.in_(BUSY))
        statement = (
            select(EMERGENCIES.c.id)
            .where(EMERGENCIES.c.cluster == cluster)
            .where(or_(EMERGENCIES.c.state.in_(OPEN_STATES), EMERGENCIES.c.id.in_(busy)))
            .order_by(EMERGENCIES.c.id)
        )
        return await self._database.read(lambda connection: tuple(connection.execute(statement).scalars()))

    async def emergency(self, emergency_id: str) -> Emergency | None:
        """One of them."""
        return await self._database.glance(lambda connection: _read(connection, emergency_id))

    async def emergency_hosts(self, emergency_id: str, stop: str | None = None) -> tuple[EmergencyHost, ...]:
        """Its hosts by name; of one stop, or all."""
        return await self._database.read(lambda connection: _hosts(connection, emergency_id, stop))

    async def count_emergency_hosts(self, emergency_id: str) -> dict[EmergencyHostState, int]:
        """Its hosts by state."""
        statement = (
            select(EMERGENCY_HOSTS.c.state, func.count())
            .where(EMERGENCY_HOSTS.c.emergency == emergency_id)
            .group_by(EMERGENCY_HOSTS.c.state)
        )

        def work(connection: Connection) -> dict[EmergencyHostState, int]:
            return {EmergencyHostState(state): count for state, count in connection.execute(statement)}

        return await self._database.read(work)

    async def change_emergency(
        self,
        emergency_id: str,
        decide: Callable[[Emergency, tuple[EmergencyHost, ...]], EmergencyChange],
        stop: str | None = None,
    ) -> Emergency:
        """Read an emergency and its hosts (of one stop, or all), decide, and write what becomes of them, in one
        transaction.

        `InvalidInput` for an unknown one; what `decide` raises leaves all as it was.
        """

        def work(connection: Connection) -> Emergency:
            before = _known(connection, emergency_id)
            change = decide(before, _hosts(connection, emergency_id, stop))
            after = change.emergency
            if after != before:
                values = {"state": after.state, "document": documents.dump(after)}
                connection.execute(update(EMERGENCIES).where(EMERGENCIES.c.id == emergency_id).values(**values))
            for host in change.hosts:
                row = _row(emergency_id, host, after.changed_at)
                upserts.put(connection, EMERGENCY_HOSTS, row, key=("emergency", "host"))
            if change.audit is not None:
                write_audit(connection, change.audit)
            return after

        # What is granted depends on it, so it waits for a settling that is under way.
        cluster = await self._database.glance(lambda connection: _known(connection, emergency_id).spec.cluster)
        return await self._database.write(work, lock=ledger_lock(cluster))

    async def urgent_pools(self, cluster: str) -> dict[str, str]:
        """Pool: the emergency that has hosts to take there."""
        return await self._database.glance(lambda connection: urgent_in(connection, cluster))


def _numbers(one: Emergency) -> tuple[dict[str, int], dict[str, int]] | None:
    """How far it may go; whoever repeats a start may say so in other words."""
    return None if one.override is None else (one.override.planned_buffer, one.override.floor)


def urgent_in(connection: Connection, cluster: str) -> dict[str, str]:
    """Pool: the running emergency that has hosts to take there, of several the oldest; else the large-scale maintenance
    that is at work there.
    """
    return {row.pool: row.id for row in connection.execute(_URGENT, {"cluster_": cluster})}


def _refuse_second_large(connection: Connection, emergency: Emergency) -> None:
    """A cluster has one large-scale maintenance at a time: two could not both be held to their steps."""
    if emergency.spec.plan is None:
        return
    these = (EMERGENCIES.c.cluster == emergency.spec.cluster) & EMERGENCIES.c.state.in_(OPEN_STATES)
    other = connection.execute(select(EMERGENCIES.c.id).where(these, _IS_LARGE)).scalars().first()
    if other is not None:
        raise Refused(f"{other} is open: {emergency.spec.cluster} has one large-scale maintenance at a time")


def emergencies_in(connection: Connection) -> tuple[Emergency, ...]:
    """All that were ever started, the newest first."""
    return read_all(connection.execute(NEWEST_FIRST))


def works_of(connection: Connection, holders: Iterable[str]) -> dict[str, str]:
    """Large-scale maintenance, of those whose stops these are: the kind of operation it does instead of upgrades."""
    stopped = {ids.emergency_of(holder) or "" for holder in set(holders) if holder.startswith(ids.LARGE)}
    found = (_read(connection, each) for each in sorted(stopped))
    plans = {one.id: one.spec.plan for one in found if one is not None}
    return {each: plan.work.kind for each, plan in plans.items() if plan is not None and plan.work is not None}


def read_all(rows: "Iterable[Row[Any]]") -> tuple[Emergency, ...]:
    """Rows of `NEWEST_FIRST` as the emergencies they are."""
    return tuple(documents.load(Emergency, row.document, "emergencies", row.id) for row in rows)


def _read(connection: Connection, emergency_id: str) -> Emergency | None:
    statement = select(EMERGENCIES.c.document).where(EMERGENCIES.c.id == emergency_id)
    text = connection.execute(statement).scalar_one_or_none()
    return None if text is None else documents.load(Emergency, text, "emergencies", emergency_id)


def _known(connection: Connection, emergency_id: str) -> Emergency:
    found = _read(connection, emergency_id)
    if found is None:
        raise InvalidInput("emergency", emergency_id, "expected one that was started")
    return found


def _hosts(connection: Connection, emergency_id: str, stop: str | None = None) -> tuple[EmergencyHost, ...]:
    statement = select(EMERGENCY_HOSTS).where(EMERGENCY_HOSTS.c.emergency == emergency_id)
    if stop is not None:
        statement = statement.where(EMERGENCY_HOSTS.c.stop == stop)
    return tuple(
        EmergencyHost(
            host=row.host,
            pool=row.pool,
            domain=row.domain,
            state=EmergencyHostState(row.state),
            stop=row.stop,
            give_backs=row.give_backs,
            reason=row.reason,
        )
        for row in connection.execute(statement.order_by(EMERGENCY_HOSTS.c.host))
    )


def _row(emergency_id: str, host: EmergencyHost, at: Moment) -> dict[str, object]:
    return {**host.model_dump(), "emergency": emergency_id, "at": at}
