"""Which database a URL means."""

import os
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from fleet.errors import InvalidInput

EXPECTED = "expected sqlite:///path/to/facts.db or postgresql://user@host/database"
_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}


def parse(url: str) -> URL:
    """The URL with its driver named; the folder of an SQLite file is created. Raises InvalidInput.

    The text of a refused URL is not repeated: it may hold a password.
    """
    try:
        target = make_url(url)
    except (ArgumentError, ValueError):
        raise InvalidInput("store URL", "", EXPECTED) from None
    driver = _DRIVERS.get(target.drivername)
    if driver is None:
        raise InvalidInput("store URL", target.drivername, EXPECTED)
    if not target.database:
        raise InvalidInput("store URL", "database", EXPECTED)
    if driver.startswith("sqlite"):
        if "?" in url:  # what follows is no part of the path: the facts would be in another file
            raise InvalidInput("store URL", "database", "expected a path without ?")
        _make_folder(target)
    return target.set(drivername=driver)


def _make_folder(target: URL) -> None:
    path = Path(target.database or "")
    if str(path) == ":memory:" or target.host or target.query:
        raise InvalidInput("store URL", "database", "expected a plain file, which several processes can share")
    if os.path.isdir(path):  # of a name too long `is_dir` would raise
        raise InvalidInput("store URL", str(path), "expected a file, found a folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = error.strerror or str(error)
        raise InvalidInput("store URL", str(path.parent), f"expected a folder to write in: {problem}") from error
