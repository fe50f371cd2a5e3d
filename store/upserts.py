"""INSERT … ON CONFLICT, which both databases have under the same names. Statements are built once and kept: building
one takes longer than running it.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def add_missing(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless one with its key is there; True when it was inserted."""
    statement = _add_missing(connection.dialect.name, table)
    return connection.execute(statement, dict(row)).first() is not None


def put(connection: Connection, table: Table, row: Mapping[str, Any], key: tuple[str, ...]) -> None:
    """Insert a row, or make the one with this key be it."""
    connection.execute(_put(connection.dialect.name, table, tuple(row), key), dict(row))


def put_all(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], key: tuple[str, ...]) -> None:
    """`put` for many rows of the same columns at once."""
    if rows:
        connection.execute(_put(connection.dialect.name, table, tuple(rows[0]), key), [dict(row) for row in rows])


@cache
def insert(dialect: str, table: Table) -> postgresql.Insert:
    """An insert that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    if dialect == "postgresql":
        return postgresql.insert(table)
    # The two classes are unrelated by type, and the same in what is used of them here.
    return cast(postgresql.Insert, sqlite.insert(table))


@cache
def _add_missing(dialect: str, table: Table) -> Any:  # noqa: ANN401  (its type names every column)
    return insert(dialect, table).on_conflict_do_nothing().returning(*table.primary_key)


@cache
def _put(dialect: str, table: Table, columns: tuple[str, ...], key: tuple[str, ...]) -> postgresql.Insert:
    statement = insert(dialect, table)
    changed = {column: statement.excluded[column] for column in columns if column not in key}
    return statement.on_conflict_do_update(index_elements=list(key), set_=changed)
