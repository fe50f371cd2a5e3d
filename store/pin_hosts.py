"""Reading pin switches, and their hosts' rows."""

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from fleet.models.base import Moment
from fleet.models.pin import PinHost, PinHostState, PinSwitch
from store import documents, upserts
from store.part import Part
from store.tables.pins import PIN_HOSTS, PIN_SWITCHES

NEWEST_FIRST = select(PIN_SWITCHES.c.id, PIN_SWITCHES.c.document).order_by(PIN_SWITCHES.c.number.desc())


def switches_of(
    connection: Connection, cluster: str | None = None, *wanted: ColumnElement[bool]
) -> tuple[PinSwitch, ...]:
    """Pin switches of a cluster, or of all, the newest first; those that are `wanted` only."""
    of = wanted if cluster is None else (*wanted, PIN_SWITCHES.c.cluster == cluster)
    rows = connection.execute(NEWEST_FIRST.where(*of))
    return tuple(documents.load(PinSwitch, row.document, "pin_switches", row.id) for row in rows)


def hosts_of(connection: Connection, switch_id: str) -> tuple[PinHost, ...]:
    """All hosts of a switch, by name."""
    statement = select(PIN_HOSTS).where(PIN_HOSTS.c.switch == switch_id).order_by(PIN_HOSTS.c.host)
    return tuple(
        PinHost(host=r.host, pool=r.pool, state=PinHostState(r.state), batch=r.batch, reason=r.reason)
        for r in connection.execute(statement)
    )


def put_hosts(connection: Connection, switch_id: str, hosts: Sequence[PinHost], now: Moment) -> None:
    """Make the hosts of a switch be exactly these."""
    connection.execute(delete(PIN_HOSTS).where(PIN_HOSTS.c.switch == switch_id))
    rows = [{**host.model_dump(), "switch": switch_id, "at": now} for host in hosts]
    if rows:
        connection.execute(insert(PIN_HOSTS), rows)


def add_hosts(connection: Connection, switch_id: str, hosts: Sequence[PinHost], now: Moment) -> None:
    """Write rows of hosts of a switch, over what they were."""
    for host in hosts:
        row = {**host.model_dump(), "switch": switch_id, "at": now}
        upserts.put(connection, PIN_HOSTS, row, key=("switch", "host"))


class PinHosts(Part):
    """Hosts of pin switches."""

    async def pin_hosts(
        self, switch_id: str, *, batch: int | None = None, states: tuple[PinHostState, ...] = ()
    ) -> tuple[PinHost, ...]:
        """Hosts of a switch by name; of one batch, in some states, or all."""

        def wanted(host: PinHost) -> bool:
            return (batch is None or host.batch == batch) and (not states or host.state in states)

        found = await self._database.read(lambda connection: hosts_of(connection, switch_id))
        return tuple(host for host in found if wanted(host))

    async def put_pin_hosts(self, switch_id: str, hosts: Sequence[PinHost], now: Moment) -> None:
        """Write rows of hosts of a switch, over what they were, and leave its other hosts as they are."""
        if hosts:
            await self._database.write(lambda connection: add_hosts(connection, switch_id, hosts, now))

    async def note_pin_hosts(
        self,
        switch_id: str,
        states: Mapping[str, tuple[PinHostState, str]],
        now: Moment,
        among: tuple[PinHostState, ...] = (),
    ) -> None:
        """Where hosts of a switch are from now on, and why; with `among`, only of hosts that are in one of these."""

        def work(connection: Connection) -> None:
            for host, (state, reason) in states.items():
                this = (PIN_HOSTS.c.switch == switch_id) & (PIN_HOSTS.c.host == host)
                if among:
                    this &= PIN_HOSTS.c.state.in_(among)
                connection.execute(update(PIN_HOSTS).where(this).values(state=state, reason=reason, at=now))

        await self._database.write(work)

    async def pin_batches(self, switch_id: str, states: tuple[PinHostState, ...]) -> tuple[int, ...]:
        """Batches with a host in one of these states."""
        these = (PIN_HOSTS.c.switch == switch_id) & PIN_HOSTS.c.state.in_(states)
        statement = select(PIN_HOSTS.c.batch).where(these).distinct().order_by(PIN_HOSTS.c.batch)
        return await self._database.read(lambda connection: tuple(connection.execute(statement).scalars()))

    async def count_pin_hosts(self, switch_id: str) -> dict[PinHostState, int]:
        """Hosts of a switch by state."""
        statement = select(PIN_HOSTS.c.state, func.count()).where(PIN_HOSTS.c.switch == switch_id)

        def work(connection: Connection) -> dict[PinHostState, int]:
            rows = connection.execute(statement.group_by(PIN_HOSTS.c.state))
            return {PinHostState(state): count for state, count in rows}

        return await self._database.read(work)
