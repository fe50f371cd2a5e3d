"""Keys that begin alike, found by an index: for what a `LIKE` says, both databases read a whole table."""

from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, or_


def begins_with(connection: Connection, column: Column[Any], *prefixes: str) -> ColumnElement[bool]:
    """Keys that begin with one of these, in a column that has an index by its bytes. The last character of a prefix is
    an ASCII one.
    """
    return or_(*(_within(connection, column, prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)) for prefix in prefixes))


def _within(connection: Connection, column: Column[Any], begin: str, end: str) -> ColumnElement[bool]:
    if connection.dialect.name == "postgresql":
        # By bytes: the order of a language, which a database may be made with, passes over slashes and dots.
        bytewise = {name: column.op(name, is_comparison=True) for name in ("~>=~", "~<~")}
        return bytewise["~>=~"](begin) & bytewise["~<~"](end)
    return (column >= begin) & (column < end)
