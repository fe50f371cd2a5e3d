"""The facts' clock, as a transaction reads it: who waited for others or stood still before learns what time it is."""

from datetime import UTC, datetime
from typing import cast

from sqlalchemy import Connection, text

_CLOCK = text("SELECT clock_timestamp()")


def clock_of(connection: Connection) -> datetime:
    """The server's; of an SQLite file that of the machine, which all who share it are on."""
    if connection.dialect.name == "postgresql":
        return cast(datetime, connection.execute(_CLOCK).scalar_one())
    return datetime.now(UTC)
