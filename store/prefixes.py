"""Keys that begin alike, among all that there are."""

from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, and_

_LAST = "\U0010ffff"


def begins_with(connection: Connection, column: "Column[Any]", prefix: str) -> ColumnElement[bool]:
    """Whether a key begins so. SQLite, which compares keys byte by byte, reads all of a table for a LIKE alone."""
    alike = column.startswith(prefix, autoescape=True)
    if connection.dialect.name != "sqlite":
        return alike
    return and_(column >= prefix, column < f"{prefix}{_LAST}", alike)
