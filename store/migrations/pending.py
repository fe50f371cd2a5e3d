"""The migrations that a schema lacks, run by Alembic."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection

from fleet.errors import MaintrainError


def config(connection: Connection) -> Config:
    """Alembic's settings for these migrations, over an open connection."""
    settings = Config(attributes={"connection": connection})
    settings.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    return settings


def run_pending(connection: Connection) -> None:
    """Run what is pending. Raises MaintrainError for a schema newer than this program."""
    try:
        command.upgrade(config(connection), "head")
    except CommandError as error:
        found = ", ".join(MigrationContext.configure(connection).get_current_heads())
        raise MaintrainError(f"store: schema {found} is not one this version of Maintrain knows: {error}") from error
