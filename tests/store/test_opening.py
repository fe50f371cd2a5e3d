"""A URL becomes a store with an up-to-date schema, or one clear error."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from fleet.errors import InvalidInput, MaintrainError, Unreachable
from store import migrate, open_store
from store.migrations.pending import config
from store.migrations.upgrade import newest
from store.opening import _database
from store.postgres import PostgresDatabase
from store.sqlite import SqliteDatabase
from store.store import SqlStore
from store.tables import METADATA
from store.urls import parse
from tests.parts.facts import migrated_file
from tests.store import facts as f

ROOT = Path(__file__).parents[2]


async def on(url, work):
    database = _database(url)
    try:
        return await database.write(work)
    finally:
        await database.close()


def tables(connection):
    return set(inspect(connection).get_table_names())


async def test_migrations_make_every_table_from_nothing(empty_url):
    await migrate(empty_url)

    assert {*METADATA.tables, "alembic_version"} == await on(empty_url, tables)


async def test_migrating_again_changes_nothing(store, url):
    await f.ready(store)
    await migrate(url)

    assert len(await store.hosts(f.C)) == 4


async def test_tables_and_migrations_say_the_same(url):
    def differences(connection):
        def here(item, *_):
            return connection.dialect.name == "postgresql" or not str(item.name).endswith("_bytes")

        return compare_metadata(MigrationContext.configure(connection, opts={"include_object": here}), METADATA)

    assert await on(url, differences) == []


async def test_migrations_can_be_taken_back_and_run_again(empty_url):
    await migrate(empty_url)
    await on(empty_url, lambda connection: command.downgrade(config(connection), "base"))
    assert {"alembic_version"} == await on(empty_url, tables)

    await migrate(empty_url)
    assert {*METADATA.tables, "alembic_version"} == await on(empty_url, tables)


async def test_a_schema_newer_than_the_program_is_refused(empty_url):
    await migrate(empty_url)
    await on(empty_url, lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")).close())

    with pytest.raises(MaintrainError, match="schema 9999 is not one this version"):
        await open_store(empty_url)


def test_processes_that_start_at_once_all_find_the_schema(empty_url):
    script = f"import asyncio; from store import migrate; asyncio.run(migrate({empty_url!r}))"
    started = [
        subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]

    assert [process.communicate(timeout=60)[1] for process in started] == [""] * 3
    assert [process.returncode for process in started] == [0] * 3


@pytest.mark.parametrize(
    "url",
    [
        "",
        "facts.db",
        "mysql://user@host/db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file.db?mode=ro",
        "postgresql://user@host",
        "postgresql+psycopg2://user@host/db",
        "http://[::1/db",
    ],
)
async def test_a_url_that_names_no_store_is_refused_with_what_was_expected(url):
    with pytest.raises(InvalidInput, match="expected"):
        await open_store(url)


async def test_a_refused_url_does_not_tell_its_password():
    with pytest.raises(InvalidInput) as refused:
        await open_store("mysql://user:hunter2@host/db")

    assert "hunter2" not in str(refused.value)


async def test_the_folder_of_the_file_is_made(tmp_path):
    await migrate(f"sqlite:///{tmp_path}/a/b/facts.db")

    assert (tmp_path / "a/b/facts.db").is_file()


async def test_a_folder_that_cant_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(InvalidInput, match="expected a folder to write in"):
        await open_store(f"sqlite:///{tmp_path}/file/facts.db")


async def test_a_path_of_which_a_url_would_drop_the_end_is_refused_and_no_other_file_is_made(tmp_path):
    with pytest.raises(InvalidInput, match="expected a path without"):
        await open_store(f"sqlite:///{tmp_path}/a?b/facts.db")
    assert [] == list(tmp_path.iterdir())


async def test_a_folder_in_place_of_the_file_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="expected a file, found a folder"):
        await open_store(f"sqlite:///{tmp_path}")


async def test_a_file_that_is_no_database_is_an_error_no_retry_helps(tmp_path):
    (tmp_path / "facts.db").write_text("clusters: []\n" * 1000)

    with pytest.raises(MaintrainError, match="not a database") as refused:
        await open_store(f"sqlite:///{tmp_path}/facts.db")
    assert not refused.value.retryable


async def test_a_server_that_does_not_answer_is_unreachable(tmp_path):
    with pytest.raises(Unreachable, match="store: "):
        await open_store(f"postgresql://user@/facts?host={tmp_path}")


async def test_a_locked_file_is_unreachable_and_fine_afterwards(tmp_path):
    url = f"sqlite:///{tmp_path}/facts.db"
    await migrate(url)
    store = SqlStore(SqliteDatabase(parse(url), busy_timeout_s=0.05))
    other = sqlite3.connect(tmp_path / "facts.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(Unreachable, match=r"^store: database is locked$"):
        await store.first_time("key", f.NOW)
    other.execute("ROLLBACK")
    other.close()
    assert await store.first_time("key", f.NOW)
    await store.close()


async def test_a_server_that_goes_away_is_unreachable(postgres):
    name = postgres.new_database()
    store = await open_store(postgres.url(name))
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    postgres.run("template1", cut)

    with pytest.raises(Unreachable, match="store: "):
        await store.stops()
    assert await store.stops() == ()
    await store.close()


async def test_a_cancelled_caller_leaves_the_store_usable(store):
    writes = [asyncio.create_task(store.first_time(f"page {n}", f.NOW)) for n in range(50)]
    await asyncio.sleep(0.005)
    for write in writes:
        write.cancel()
    await asyncio.gather(*writes, return_exceptions=True)

    await store.first_time("page 0", f.NOW)
    assert await store.first_time("another", f.NOW)


def test_sqlite_runs_as_promised():
    connection = sqlite3.connect(migrated_file())
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    assert os.path.getsize(migrated_file()) > 0


def test_the_newest_revision_by_its_file_is_the_head_of_the_migrations(tmp_path):
    with create_engine(f"sqlite:///{tmp_path}/empty.db").connect() as connection:
        assert [newest()] == ScriptDirectory.from_config(config(connection)).get_heads()


@pytest.mark.parametrize("more", ["sslmode=disable", "sslmode=prefer&application_name=maintrain"])
async def test_a_server_is_named_as_for_its_own_tools(postgres, more):
    await migrate(f"{postgres.url(postgres.new_database())}&{more}")


@pytest.mark.parametrize("more", ["sslmode=nonsense", "no_such_setting=1"])
async def test_what_no_server_knows_is_one_line(postgres, more):
    with pytest.raises(MaintrainError, match=r"store: .*(sslmode|no_such_setting)"):
        await migrate(f"{postgres.url(postgres.new_database())}&{more}")


async def test_a_statement_is_bounded_but_where_a_large_store_is_migrated(postgres):
    """An index on the rows of years takes minutes; a start that gives it up begins it anew, for ever."""
    url = postgres.url(postgres.new_database())

    def slow(connection):
        connection.execute(text("SELECT pg_sleep(0.5)")).close()

    for bound, ends in ((0.1, Unreachable), (None, None)):
        database = PostgresDatabase(parse(url), bound)
        with pytest.raises(ends) if ends else nullcontext():
            await database.write(slow)
        await database.close()


async def test_facts_that_are_up_to_date_are_opened_beside_whoever_writes(tmp_path):
    url = f"sqlite:///{tmp_path}/facts.db"
    await migrate(url)
    other = sqlite3.connect(tmp_path / "facts.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    store = await open_store(url)

    assert () == await store.stops()
    other.close()
    await store.close()
