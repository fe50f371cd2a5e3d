"""Facts in an SQLite file: one thread writes, a few read, and other processes share the file (WAL).

What reads a few rows does so on the event loop: in WAL mode a reader waits for nobody, and a tenth of a millisecond
is less than the hop to a thread and back. Whole tables and all that writes stay off the loop.

A transaction does not wait for the disk, but for those that must outlive a loss of power: what is written down before a
side effect, and a person's stop. Each takes all before it to the disk, too.

The driver is the plain one, in threads of our own, since a transaction is then one hop off the event loop; through
aiosqlite every statement, fetch and commit is one: measured, six times the time and CPU. A caller that is cancelled
leaves its transaction to end by itself, whole.
"""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from store.failures import told_plainly
from store.kept_connection import KeptConnection

T = TypeVar("T")

READERS = 2
BUSY_TIMEOUT_S = 30
"""How long a writer waits for those of other processes before it answers Unreachable."""
GLANCE_TIMEOUT_S = 0.1
"""How long a glance may hold up the event loop while another process repairs the file after a crash, which is the one
time when a reader waits; then it answers Unreachable, and the step asks again."""


class SqliteDatabase:
    """See `store.database.Database`. Every write locks the whole file from its start, so no `lock` is needed."""

    def __init__(self, url: URL, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self._reading = _engine(url, busy_timeout_s, READERS)
        event.listen(self._reading, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        self._glancing = KeptConnection(_engine(url, min(busy_timeout_s, GLANCE_TIMEOUT_S), 1), "BEGIN")
        # IMMEDIATE takes the write lock before the first read: what it read is then still true when it writes.
        self._writing = KeptConnection(_engine(url, busy_timeout_s, 1), "BEGIN IMMEDIATE")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one snapshot."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def glance(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one snapshot, on the event loop's own thread."""
        await asyncio.sleep(0)  # who asks again and again must not keep others from running
        with told_plainly():
            return self._glancing.run(work)

    async def write(
        self, work: Callable[[Connection], T], *, lock: str | Iterable[str] = (), durable: bool = False
    ) -> T:
        """Run `work` as one transaction, after those before it."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._write, work, durable)

    async def clock(self) -> datetime:
        """That of the machine: all who share a file are on it."""
        return datetime.now(UTC)

    async def close(self) -> None:
        """Wait for the transactions under way, then close the file."""
        self._glancing.close()
        await asyncio.to_thread(self._close)

    def _read(self, work: Callable[[Connection], T]) -> T:
        with told_plainly(), self._reading.connect() as connection:
            return work(connection)

    def _write(self, work: Callable[[Connection], T], durable: bool) -> T:
        with told_plainly():
            return self._writing.run(work, durable=durable)

    def _close(self) -> None:
        self._writer.shutdown()
        self._readers.shutdown()
        self._writing.close()
        self._reading.dispose()


def _engine(url: URL, busy_timeout_s: float, connections: int) -> Engine:
    engine = create_engine(
        url, connect_args={"check_same_thread": False, "timeout": busy_timeout_s}, pool_size=connections
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own; who uses it does
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
