"""What every activity is given, and the clock."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256

from temporalio import activity

from activities.pages import Page
from fleet.errors import InvalidInput, NotAllTold, Unreachable
from fleet.models.base import Moment
from fleet.models.fleetfile import Cluster
from fleet.models.outbox import KeptPage
from fleet.models.pool import Pool
from fleet.ports.engine import Engine, Pager
from fleet.ports.hands import Hands
from fleet.ports.store import Store


def now() -> datetime:
    """The time by our own clock, in UTC: for what only people read."""
    return datetime.now(UTC)


PAGE_AGAIN = 60.0
"""Seconds for which a page belongs to whoever began to send it, before another may."""


LONGEST_KEY = 500
"""Characters of a page's key."""


@dataclass(frozen=True)
class Deps:
    """The ports, as the composition root filled them."""

    store: Store
    hands: Mapping[str, Hands]
    """By cluster."""
    pager: Pager
    engine: Engine

    def reach(self, cluster: str) -> Hands:
        """The drivers of a cluster. `InvalidInput` when this worker does not serve it."""
        if cluster not in self.hands:
            raise InvalidInput("worker", cluster, f"expected one of the clusters served here: {', '.join(self.hands)}")
        return self.hands[cluster]

    async def clock(self) -> Moment:
        """The time by the facts' own clock: for all that is compared with what another worker wrote."""
        return await self.store.clock()

    async def cluster(self, name: str) -> Cluster:
        """The cluster as the fleet file in force has it. `InvalidInput` when it is not there."""
        record = await self.store.fleet()
        cluster = record.fleet.cluster(name) if record else None
        if cluster is None:
            raise InvalidInput("fleet file in force", f"clusters.{name}", "expected a cluster of that name")
        return cluster

    async def pool(self, cluster: str, name: str) -> tuple[Cluster, Pool]:
        """A pool and its cluster. `InvalidInput` when it is not there."""
        found = await self.cluster(cluster)
        pool = found.pool(name)
        if pool is None:
            raise InvalidInput(
                "fleet file in force", f"clusters.{cluster}.pools.{name}", "expected a pool of that name"
            )
        return found, pool

    async def pool_of(self, cluster: str, host: str, name: str) -> tuple[Cluster, Pool]:
        """The pool under whose name work began on a host; once the fleet file has it no more, the one that the host is
        in by then. `InvalidInput` when that is not there either.
        """
        found = await self.cluster(cluster)
        if found.pool(name) is None:
            name = next((h.pool for h in await self.store.hosts(cluster) if h.name == host), name)
        return await self.pool(cluster, name)

    async def page(self, page: Page) -> bool:
        """Send a page once for its key; twice at worst, when the worker dies between the page and its note. True when
        it was tried now.

        It is kept before it is sent: one that can't be delivered, or whose worker dies with it, holds nobody up, and
        `page_again` sends it later. Two that see the same occasion at once, a step and the dispatcher, send one page:
        the first to claim the turn does.
        """
        page = page._replace(key=short_key(page.key))
        turn = int(now().timestamp() // PAGE_AGAIN)
        for done in (page.key, f"{page.key}@{turn}", f"{page.key}@{turn - 1}"):
            if await self.store.claimed(done):
                return False
        await self.store.keep_page(KeptPage(key=page.key, title=page.title, body=page.body, at=now(), owner=page.to))
        if not await self.store.first_time(f"{page.key}@{turn}", now()):
            return False
        try:
            await self._send(page)
        except Unreachable as error:
            activity.logger.error(f"{error}; it is kept, and tried again with the dispatcher's next looks")
            if isinstance(error, NotAllTold) and error.took:
                await self.store.first_time(f"{page.key}>{','.join(sorted(error.took))}", now())
            return True
        await self.store.first_time(page.key, now())
        await self.store.forget_page(page.key)
        return True

    async def _send(self, page: Page) -> None:
        tell: Callable[..., Awaitable[None]] = self.pager.page
        took = await self.store.last_claim(f"{page.key}>")
        if took is not None:
            tell = partial(tell, but=took.rpartition(">")[2].split(","))
        if not page.to:
            await tell(page.title, page.body)
            return
        try:
            await tell(page.title, page.body, to=page.to)
        except InvalidInput as error:
            # An owner's address that can't be read must not keep the others from being told.
            activity.logger.error(f"{page.to} is no address: {error}")
            await tell(page.title, f"{page.body}\n({page.to}, its owner's address, can't be read.)")

    async def page_again(self) -> None:
        """Try the pages once more that an address did not take a while ago, the oldest first, up to one that fails
        again: the next look goes on behind it, so that none stands before all others for ever.
        """
        for kept in await self.store.kept_pages(now() - timedelta(seconds=2 * PAGE_AGAIN)):
            if await self.store.claimed(kept.key):
                await self.store.forget_page(kept.key)
                continue
            body = f"{kept.body}\n(Held up: this came up at {kept.at:%Y-%m-%d %H:%M:%S}Z.)"
            tried = await self.page(Page(kept.key, kept.title, body, kept.owner))
            if tried and not await self.store.claimed(kept.key):
                return


def short_key(key: str) -> str:
    """A key that every database can keep: some name a drain's or a stop's reason, as long as somebody wrote it."""
    told = sha256(key.encode()).hexdigest()
    return key if len(key) <= LONGEST_KEY else f"{key[: LONGEST_KEY - len(told)]}{told}"


@asynccontextmanager
async def beating() -> AsyncIterator[None]:
    """Heartbeat while the body runs; every call in it is bounded by its driver's own time-out, so a wedged one ends.

    Beats three times per heartbeat timeout, which also brings cancellation in. Not at once: the start of an attempt
    counts as its first beat, and most steps are over before the second, which then costs the engine nothing.
    """
    timeout = activity.info().heartbeat_timeout
    if timeout is None:
        yield
        return

    async def beat() -> None:
        while True:
            await asyncio.sleep(timeout.total_seconds() / 3)
            activity.heartbeat()

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
