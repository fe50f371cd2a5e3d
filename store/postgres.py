"""Facts in PostgreSQL, through asyncpg."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import URL, Connection, event, text
from sqlalchemy.ext.asyncio import create_async_engine

from fleet.errors import Unreachable
from store.clock import clock_of
from store.failures import line_of, meaning, told_plainly

T = TypeVar("T")

CONNECTIONS, SPARE = 8, 8
CONNECT_TIMEOUT_S, COMMAND_TIMEOUT_S, POOL_TIMEOUT_S = 10, 60, 30

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


class PostgresDatabase:
    """See `store.database.Database`. A `lock` is an advisory lock that ends with its transaction."""

    def __init__(self, url: URL, command_timeout_s: float | None = COMMAND_TIMEOUT_S) -> None:
        """`command_timeout_s` bounds a statement, its wait for others included; None: nothing does."""
        # By the driver itself, which reads what people write after the `?` (sslmode, sslrootcert, …) as libpq does.
        name = url.set(drivername="postgresql").render_as_string(hide_password=False)
        connect = partial(asyncpg.connect, name, timeout=CONNECT_TIMEOUT_S, command_timeout=command_timeout_s)
        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=connect,
            pool_size=CONNECTIONS,
            max_overflow=SPARE,
            pool_timeout=POOL_TIMEOUT_S,
        )
        event.listen(self._engine.sync_engine, "before_cursor_execute", _without_nul, retval=True)
        # Several statements of one reading must see the same facts.
        self._reading = self._engine.execution_options(isolation_level="REPEATABLE READ")

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one snapshot."""
        with _told_plainly():
            async with self._reading.connect() as connection:
                return await connection.run_sync(work)

    async def glance(self, work: Callable[[Connection], T]) -> T:
        """The same: a server is asked over the network, however little is asked."""
        return await self.read(work)

    async def write(
        self, work: Callable[[Connection], T], *, lock: str | Iterable[str] = (), durable: bool = False
    ) -> T:
        """Run `work` as one transaction; each is durable, unless the server is set otherwise."""
        with _told_plainly():
            async with self._engine.begin() as connection:
                # In one order everywhere, so that nobody waits for a lock of someone who waits for theirs.
                for name in [lock] if isinstance(lock, str) else sorted(lock):
                    await connection.execute(_LOCK, {"name": f"maintrain/{name}"})
                return await connection.run_sync(work)

    async def clock(self) -> datetime:
        """The server's."""
        return await self.read(clock_of)

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


def _without_nul(
    _: object, __: object, statement: str, parameters: Sequence[Any], ___: object, many: object
) -> tuple[str, Sequence[Any]]:
    """The one character that PostgreSQL keeps in no text, and that tools and BMCs say all the same, is replaced: a step
    that can't be written down is tried again for ever.
    """
    return statement, [_plain(row) for row in parameters] if many else _plain(parameters)


def _plain(row: Sequence[Any]) -> Sequence[Any]:
    if not any(isinstance(value, str) and "\0" in value for value in row):
        return row
    return tuple(value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in row)


@contextmanager
def _told_plainly() -> Iterator[None]:
    """`told_plainly`, with what asyncpg raises before SQLAlchemy has its connection."""
    with told_plainly():
        try:
            yield
        except asyncpg.PostgresError as error:
            raise meaning(error) from error
        except asyncpg.InterfaceError as error:
            raise Unreachable(f"store: {line_of(error)}") from error
