"""INSERT … ON CONFLICT, which both databases have under the same names."""

from typing import cast

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: Connection, table: Table) -> postgresql.Insert:
    """An insert that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    # The two classes are unrelated by type, and the same in what is used of them here.
    return cast(postgresql.Insert, sqlite.insert(table))
