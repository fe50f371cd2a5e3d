"""Brings a schema up to date, within the transaction and lock of whoever calls."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

VERSIONS = Path(__file__).parent / "versions"
_HAVE = text("SELECT version_num FROM alembic_version")


def newest() -> str:
    """The revision that this program's schema has: files are numbered in their order, `rev_0014_….py`."""
    return max(path.name for path in VERSIONS.glob("rev_*.py")).split("_")[1]


def upgrade(connection: Connection) -> None:
    """Run the migrations that are pending. Raises MaintrainError for a schema newer than this program."""
    if is_newest(connection):
        return
    # Loaded here: Alembic takes as long to import as a command takes to run, and there is hardly ever anything to do.
    from store.migrations.pending import run_pending  # noqa: PLC0415

    run_pending(connection)


def is_newest(connection: Connection) -> bool:
    """Whether there is nothing to migrate."""
    if not inspect(connection).has_table("alembic_version"):
        return False
    return list(connection.execute(_HAVE).scalars()) == [newest()]
