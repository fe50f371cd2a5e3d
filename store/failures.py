"""What a database's errors mean: no answer (try again), or a no (a person must look)."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from fleet.errors import MaintrainError, Unreachable

_TRY_AGAIN = ("40001", "40P01", "55P03", "57", "53", "08")
"""SQLSTATEs (or their classes): serialisation, deadlock, lock not available, operator intervention (shutting down),
no resources (too many connections), connection lost."""
_BROKEN = ("no such table", "no such column", "not a database", "malformed", "readonly", "read-only")
"""SQLite reports these as it does a locked file, yet trying again helps none of them."""


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn what a driver raises into Unreachable or MaintrainError, with one short line instead of the statement."""
    try:
        yield
    except (exc.DBAPIError, sqlite3.Error) as error:
        raise meaning(error) from error
    except exc.TimeoutError as error:
        raise Unreachable("store: no free connection in time") from error
    except (OSError, TimeoutError) as error:
        raise Unreachable(f"store: {line_of(error)}") from error
    except exc.SQLAlchemyError as error:
        raise MaintrainError(f"store: {line_of(error)}") from error


def meaning(error: Exception) -> MaintrainError:
    """What a driver's error says: Unreachable where trying again may help."""
    cause = error.orig if isinstance(error, exc.DBAPIError) and error.orig is not None else error
    line = line_of(cause)
    state = getattr(cause, "sqlstate", None)
    if isinstance(state, str):
        retry = state.startswith(_TRY_AGAIN)
    else:
        kinds = (exc.OperationalError, exc.InterfaceError, sqlite3.OperationalError, sqlite3.InterfaceError)
        retry = isinstance(error, kinds) and not any(word in line for word in _BROKEN)
    if retry or (isinstance(error, exc.DBAPIError) and error.connection_invalidated):
        return Unreachable(f"store: {line}")
    return MaintrainError(f"store: {line}")


def line_of(error: BaseException) -> str:
    """Its first line, without the driver's class."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rpartition("'>: ")[2]
