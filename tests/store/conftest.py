"""Every test of the store runs on SQLite and on a real PostgreSQL."""

import asyncio

import pytest

from store import migrate, open_store
from store.tables import METADATA
from tests.parts.facts import new_facts
from tests.parts.postgres import postgres

__all__ = ["postgres"]


@pytest.fixture(scope="session")
def migrated_database(postgres):
    name = postgres.new_database()
    asyncio.run(migrate(postgres.url(name)))
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request):
    return request.param


@pytest.fixture
def empty_url(backend, request, tmp_path):
    """A database without any schema."""
    if backend == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    server = request.getfixturevalue("postgres")
    return server.url(server.new_database())


@pytest.fixture
def url(backend, request, tmp_path):
    """A database with the schema and no facts."""
    if backend == "sqlite":
        return new_facts(tmp_path / "facts.db")
    server = request.getfixturevalue("postgres")
    name = request.getfixturevalue("migrated_database")
    # Emptying one database is far cheaper than making and removing hundreds.
    server.run(name, f"TRUNCATE {', '.join(METADATA.tables)} RESTART IDENTITY")
    return server.url(name)


@pytest.fixture
async def store(url):
    opened = await open_store(url)
    yield opened
    await opened.close()
