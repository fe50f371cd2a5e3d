"""One connection that stays open, for one thread. Its transactions are begun and ended on the driver itself: measured,
SQLAlchemy's own way of doing that, and its pool, take longer than what most transactions read or write.
"""

import sqlite3
from collections.abc import Callable
from typing import TypeVar, cast

from sqlalchemy import Connection, Engine

T = TypeVar("T")


class KeptConnection:
    """Runs pieces of work as transactions of an SQLite file, one after the other. `begin`: the statement that opens
    each; the engine must not open any by itself. It connects when it is first used.
    """

    def __init__(self, engine: Engine, begin: str) -> None:
        self._engine, self._begin = engine, begin
        self._connection: Connection | None = None
        self._durable = False

    def run(self, work: Callable[[Connection], T], *, durable: bool = False) -> T:
        """Run `work` as one transaction: committed whole, or, if it raises, not at all. A `durable` one is on the disk
        when it ends, and so is all before it.
        """
        connection = self._connection or self._connect()
        driver = cast(sqlite3.Connection, connection.connection.driver_connection)
        if durable != self._durable:  # not to be changed within a transaction
            driver.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable
        driver.execute(self._begin)
        try:
            found = work(connection)
            driver.execute("COMMIT")
        except BaseException:
            if driver.in_transaction:  # an error of the disk may have ended it
                driver.execute("ROLLBACK")
            raise
        return found

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()

    def _connect(self) -> Connection:
        self._connection = connection = self._engine.connect()
        # To SQLAlchemy it is in a transaction all its life, so that nobody who asks begins or ends one through it.
        connection.begin()
        return connection
