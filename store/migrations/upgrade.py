"""Brings a schema up to date, within the transaction and lock of whoever calls."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from fleet.errors import MaintrainError


def config(connection: Connection) -> Config:
    """Alembic's settings for these migrations, over an open connection."""
    settings = Config(attributes={"connection": connection})
    settings.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    return settings


def upgrade(connection: Connection) -> None:
    """Run the migrations that are pending. Raises MaintrainError for a schema newer than this program."""
    settings = config(connection)
    have = MigrationContext.configure(connection).get_current_heads()
    if set(have) == set(ScriptDirectory.from_config(settings).get_heads()):
        return
    try:
        command.upgrade(settings, "head")
    except CommandError as error:
        found = ", ".join(have)
        raise MaintrainError(f"store: schema {found} is not one this version of Maintrain knows: {error}") from error
