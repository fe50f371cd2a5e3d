"""Pages that no address took: kept until one does."""

from sqlalchemy import Connection, delete, select

from fleet.models.base import Moment
from fleet.models.outbox import KeptPage
from store import upserts
from store.part import Part
from store.tables.hosts import KEPT_PAGES


class Outbox(Part):
    """Undelivered pages."""

    async def keep_page(self, page: KeptPage) -> None:
        """Keep a page, by key; the first one counts."""
        await self._database.write(lambda connection: upserts.add_missing(connection, KEPT_PAGES, page.model_dump()))

    async def kept_pages(self, before: Moment) -> tuple[KeptPage, ...]:
        """Pages kept before a moment, oldest first."""

        def work(connection: Connection) -> tuple[KeptPage, ...]:
            statement = select(KEPT_PAGES).where(KEPT_PAGES.c.at < before)
            rows = connection.execute(statement.order_by(KEPT_PAGES.c.at, KEPT_PAGES.c.key))
            return tuple(KeptPage(key=r.key, title=r.title, body=r.body, at=r.at, owner=r.owner) for r in rows)

        return await self._database.read(work)

    async def forget_page(self, key: str) -> None:
        """It was delivered."""
        statement = delete(KEPT_PAGES).where(KEPT_PAGES.c.key == key)
        await self._database.write(lambda connection: connection.execute(statement).close())
