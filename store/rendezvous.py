"""Who is ready as a fabric partner, and what was done once and is not to be done again."""

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, func, select

from fleet import ids
from fleet.models.base import Moment
from fleet.models.gathering import Gathering
from fleet.models.ledger import Counted
from fleet.models.pin import PinHostState
from store import upserts
from store.part import Part
from store.prefixes import begins_with
from store.tables.hosts import FABRIC_READY, PAGES
from store.tables.ledger import LEASE_HOSTS
from store.tables.pins import PIN_HOSTS

_READY = (
    select(FABRIC_READY.c.host, FABRIC_READY.c.at)
    .where(FABRIC_READY.c.visit == bindparam("visit_"))
    .order_by(FABRIC_READY.c.at, FABRIC_READY.c.host)
)
_PLANNED = select(LEASE_HOSTS.c.host).where(
    LEASE_HOSTS.c.holder == bindparam("visit_"), LEASE_HOSTS.c.counted == Counted.PLANNED
)

_CAME = select(FABRIC_READY.c.host).where(FABRIC_READY.c.visit == bindparam("visit_"))
_PLANNED_IN_BATCH = (
    select(LEASE_HOSTS.c.host)
    .join(PIN_HOSTS, (PIN_HOSTS.c.switch == LEASE_HOSTS.c.holder) & (PIN_HOSTS.c.host == LEASE_HOSTS.c.host))
    .where(LEASE_HOSTS.c.holder == bindparam("switch_"), LEASE_HOSTS.c.counted == Counted.PLANNED)
    .where(PIN_HOSTS.c.batch == bindparam("batch_"))
    # One that a switch which goes back had not changed is not verified: nobody is to wait for it.
    .where((PIN_HOSTS.c.state != PinHostState.RESTORED) | PIN_HOSTS.c.host.in_(_CAME))
)


class Rendezvous(Part):
    """Rendezvous of hosts, and claims."""

    async def ready_for_fabric(self, visit: str, host: str, now: Moment) -> None:
        """A host of a visit is ready to be a partner; the first time counts."""
        row = {"visit": visit, "host": host, "at": now}
        await self._database.write(lambda connection: upserts.add_missing(connection, FABRIC_READY, row))

    async def gathering(self, visit: str) -> Gathering:
        """Hosts of a visit that are ready, first come first, and those that it still holds as planned work."""

        def work(connection: Connection) -> Gathering:
            ready = {row.host: row.at for row in connection.execute(_READY, {"visit_": visit})}
            return Gathering(ready, frozenset(_planned(connection, visit)))

        return await self._database.glance(work)

    async def first_time(self, key: str, now: Moment) -> bool:
        """Claim a key: True for the first claim of all, whoever makes it."""
        row = {"key": key, "at": now}
        return await self._database.write(lambda connection: upserts.add_missing(connection, PAGES, row))

    async def first_claim(self, key: str, now: Moment) -> Moment:
        """Claim a key; when it was claimed first, by whoever."""

        def work(connection: Connection) -> Moment:
            upserts.add_missing(connection, PAGES, {"key": key, "at": now})
            found: Moment = connection.execute(select(PAGES.c.at).where(PAGES.c.key == key)).scalar_one()
            return found

        return await self._database.write(work)

    async def claimed(self, key: str) -> bool:
        """True when a key was claimed before."""

        def work(connection: Connection) -> bool:
            return connection.execute(select(PAGES.c.key).where(PAGES.c.key == key)).one_or_none() is not None

        return await self._database.glance(work)

    async def last_claim(self, prefix: str) -> str | None:
        """The key that was claimed last of those that begin with `prefix`."""
        newest = select(PAGES.c.key).order_by(PAGES.c.at.desc(), PAGES.c.key.desc()).limit(1)

        def work(connection: Connection) -> str | None:
            these = begins_with(connection, PAGES.c.key, prefix)
            return connection.execute(newest.where(these)).scalar_one_or_none()

        return await self._database.read(work)

    async def count_claims(self, prefix: str) -> int:
        """How many keys were claimed that begin with `prefix`."""

        def work(connection: Connection) -> int:
            these = begins_with(connection, PAGES.c.key, prefix)
            return int(connection.execute(select(func.count()).where(these)).scalar_one())

        return await self._database.read(work)


def _planned(connection: Connection, visit: str) -> Iterable[str]:
    """Hosts that the visit, or one batch of a pin switch, still holds as planned work."""
    met = ids.met_at(visit)
    if met is None:
        return connection.execute(_PLANNED, {"visit_": visit}).scalars()
    return connection.execute(_PLANNED_IN_BATCH, {"switch_": met[0], "batch_": met[1], "visit_": visit}).scalars()
