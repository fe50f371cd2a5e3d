"""Pages that no address took yet: their port."""

from typing import Protocol

from fleet.models.base import Moment
from fleet.models.outbox import KeptPage


class Outbox(Protocol):
    """Pages that no address took yet."""

    async def keep_page(self, page: KeptPage) -> None:
        """Keep a page, by key; the first one counts."""
        ...

    async def kept_pages(self, before: Moment) -> tuple[KeptPage, ...]:
        """Pages kept before a moment, oldest first."""
        ...

    async def forget_page(self, key: str) -> None:
        """It was delivered."""
        ...
