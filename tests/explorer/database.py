"""A database in memory whose transactions run at once, so that the store's own code runs without an event loop, and
whose contents are rows that can be put in, taken out and compared.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Table, create_engine, event
from sqlalchemy.pool import StaticPool

from store.kept.hosts import KeptHosts
from store.kept.observations import KeptObservations
from store.kept.requests import KeptRequests
from store.store import SqlStore
from store.tables import METADATA
from tests.explorer.canonical import TABLES
from tests.explorer.moments import NOW

T = TypeVar("T")
_NAMED = re.compile(r"(?:FROM|INTO|UPDATE|JOIN) +(\w+)|(\w+)\.")
_WRITTEN = re.compile(r"(?:INSERT INTO|UPDATE|DELETE FROM) +(\w+)")
_EXPLORED = frozenset(table.name for table in TABLES)


class BeyondReach(BaseException):
    """A statement names a table that the deed was not said to touch."""


class StepwiseDatabase:
    """See `store.database.Database`. `before_write` is called before each transaction that may write."""

    def __init__(self) -> None:
        engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"isolation_level": None})
        self.connection = engine.connect()
        METADATA.create_all(self.connection)
        self.driver = self.connection.connection.driver_connection
        self.before_write: Callable[[], None] = lambda: None
        self.may_touch: Sequence[Table] | None = None
        self._named: dict[str, frozenset[str]] = {}
        self.written: set[str] = set()
        self.read_from: set[str] = set()
        """Tables that deeds wrote to, and those that they read."""
        event.listen(engine, "before_cursor_execute", self._refuse)

    async def read(self, work: Callable) -> Any:
        return work(self.connection)

    glance = read

    async def write(self, work: Callable, *, lock: object = (), durable: bool = False) -> Any:
        self.before_write()
        self.driver.execute("SAVEPOINT work")
        try:
            found = work(self.connection)
        except BaseException:
            self.driver.execute("ROLLBACK TO work")
            raise
        finally:
            self.driver.execute("RELEASE work")
        return found

    @contextmanager
    def undone(self) -> Iterator[None]:
        """What is written meanwhile is taken back at the end."""
        self.driver.execute("SAVEPOINT all_of_it")
        try:
            yield
        finally:
            self.driver.execute("ROLLBACK TO all_of_it")
            self.driver.execute("RELEASE all_of_it")

    async def clock(self) -> datetime:
        return NOW

    async def close(self) -> None:
        self.connection.close()

    def take_out(self, table: Table) -> tuple[tuple[Any, ...], ...]:
        """Rows of a table as the driver keeps them."""
        columns = ", ".join(f'"{c.name}"' for c in table.columns)
        key = ", ".join(f'"{c.name}"' for c in table.primary_key)
        return tuple(self.driver.execute(f'SELECT {columns} FROM "{table.name}" ORDER BY {key}'))

    def put_in(self, table: Table, rows: tuple[tuple[Any, ...], ...]) -> None:
        """Make a table hold these rows and no others."""
        self.driver.execute(f'DELETE FROM "{table.name}"')
        if rows:
            columns = ", ".join(f'"{c.name}"' for c in table.columns)
            marks = ", ".join("?" * len(rows[0]))
            self.driver.executemany(f'INSERT INTO "{table.name}" ({columns}) VALUES ({marks})', rows)

    def _refuse(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        """No deed reads or writes others of the tables that are explored than those within its reach."""
        if self.may_touch is None:
            return
        named = self._named.get(statement)
        if named is None:
            tables = {a or b for a, b in _NAMED.findall(statement)} & METADATA.tables.keys()
            written = set(_WRITTEN.findall(statement)[:1])
            self.written |= written
            self.read_from |= tables - written
            named = self._named[statement] = _EXPLORED & tables
        if not named <= {table.name for table in self.may_touch}:
            raise BeyondReach(statement)


class ExploredStore(SqlStore):
    """The store as it is. What it keeps in memory goes by version numbers, and these go back with the rows."""

    def forget(self) -> None:
        self._hosts, self._observations = KeptHosts(), KeptObservations()

    def forget_queue(self) -> None:
        """A name is that of another request after another past."""
        self._requests = KeptRequests()


def at_once(deed: Awaitable[T]) -> T:
    """Run what never has to wait."""
    coroutine = deed.__await__()
    try:
        next(coroutine)
    except StopIteration as end:
        return end.value
    raise AssertionError("the deed waits for something that is not the store")
