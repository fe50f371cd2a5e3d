"""Who is ready as a fabric partner, and what was done once and is not to be done again."""

from sqlalchemy import Connection, bindparam, func, select

from fleet.models.base import Moment
from fleet.models.gathering import Gathering
from fleet.models.ledger import Counted
from store import upserts
from store.part import Part
from store.tables.hosts import FABRIC_READY, PAGES
from store.tables.ledger import LEASE_HOSTS

_READY = (
    select(FABRIC_READY.c.host, FABRIC_READY.c.at)
    .where(FABRIC_READY.c.visit == bindparam("visit_"))
    .order_by(FABRIC_READY.c.at, FABRIC_READY.c.host)
)
_PLANNED = select(LEASE_HOSTS.c.host).where(
    LEASE_HOSTS.c.holder == bindparam("visit_"), LEASE_HOSTS.c.counted == Counted.PLANNED
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
            return Gathering(ready, frozenset(connection.execute(_PLANNED, {"visit_": visit}).scalars()))

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

    async def count_claims(self, prefix: str) -> int:
        """How many keys were claimed that begin with `prefix`."""
        statement = select(func.count()).where(PAGES.c.key.startswith(prefix, autoescape=True))
        return await self._database.read(lambda connection: int(connection.execute(statement).scalar_one()))
