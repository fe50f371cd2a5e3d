"""The way into the facts: a URL becomes a store whose schema is up to date."""

import fleet.ports.store
from store.database import Database
from store.migrations.upgrade import is_newest, upgrade
from store.sqlite import SqliteDatabase
from store.store import SqlStore
from store.urls import parse

MIGRATION_LOCK = "migrations"


async def open_store(url: str) -> fleet.ports.store.Store:
    """Open the facts at `sqlite:///path/to/facts.db` or `postgresql://user@host/db`, and bring their schema up to date.

    Several processes may do so at once: migrations run under a lock. Use the store from one event loop, and close it.
    Raises InvalidInput for any other URL, Unreachable when the database does not answer.
    """
    database = _database(url)
    try:
        if not await database.read(is_newest):
            await _upgrade(url)
    except BaseException:
        await database.close()
        raise
    return SqlStore(database)


async def migrate(url: str) -> None:
    """Bring the schema of the facts at `url` up to date, and let go of them. Raises as `open_store` does."""
    store = await open_store(url)
    await store.close()


async def _upgrade(url: str) -> None:
    """However long it takes: an index on what years have left takes longer than any statement of ours may, and would
    be begun anew with each start, for ever; whoever comes second waits for as long.
    """
    database = _database(url, bounded=False)
    try:
        await database.write(upgrade, lock=MIGRATION_LOCK)
    finally:
        await database.close()


def _database(url: str, *, bounded: bool = True) -> Database:
    target = parse(url)
    if target.get_backend_name() == "sqlite":
        return SqliteDatabase(target)
    # Loaded here, with its driver: few commands are run on it, and people wait for each.
    from store.postgres import COMMAND_TIMEOUT_S, PostgresDatabase  # noqa: PLC0415

    return PostgresDatabase(target, COMMAND_TIMEOUT_S if bounded else None)
