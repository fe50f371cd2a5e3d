"""The fleet file in force, versions, matrix and audit."""

from datetime import timedelta, timezone

import pytest
from sqlalchemy import text

from fleet.errors import InvalidInput, MaintrainError
from fleet.models.audit import AuditEntry
from fleet.models.matrix import MatrixEntry, Verdict
from store import open_store
from tests.store import facts as f


async def test_no_fleet_file_is_in_force_at_first(store):
    assert await store.fleet() is None


async def test_a_loaded_file_comes_back_as_it_was(store, url):
    loaded = await store.load_fleet(f.fleet_file(), "version: 1", "ann", "first", f.NOW)
    assert (loaded.revision, loaded.text, loaded.loaded_by, loaded.loaded_at) == (1, "version: 1", "ann", f.NOW)

    other = await open_store(url)
    assert loaded == await other.fleet() == await store.fleet()
    await other.close()


async def test_the_same_file_again_is_no_new_revision_and_no_deed(store):
    first = await store.load_fleet(f.fleet_file(), "a", "ann", "first", f.NOW)
    assert first == await store.load_fleet(f.fleet_file(), "a", "bob", "again", f.later(1))

    assert [entry.action for entry in await store.audit_log()] == ["fleet load"]


async def test_a_new_file_is_seen_by_another_process_at_once(store, url):
    other = await open_store(url)
    await store.load_fleet(f.fleet_file(), "a", "ann", "first", f.NOW)
    assert (await other.fleet()).revision == 1
    await store.load_fleet(f.fleet_file(f.P, "storage"), "b", "ann", "storage", f.NOW)

    record = await other.fleet()
    assert (record.revision, [pool.name for pool in record.fleet.clusters[0].pools]) == (2, [f.P, "storage"])
    await other.close()


async def test_a_document_that_no_longer_parses_names_its_table_and_key(store, url):
    await store.load_fleet(f.fleet_file(), "a", "ann", "first", f.NOW)
    await store._database.write(lambda c: c.execute(text("UPDATE fleet_files SET document = '{}'")).close())
    other = await open_store(url)

    with pytest.raises(MaintrainError, match=r"fleet_files \[1\] can't be read back: version: Field required"):
        await other.fleet()
    await other.close()


async def test_versions_add_up_by_component(store):
    await store.record_versions(f.C, "gpu0001", {"bmc": "1.0", "bios": "7"}, f.NOW)
    await store.record_versions(f.C, "gpu0001", {"bmc": "2.0"}, f.later(1))
    await store.record_versions(f.C, "gpu0002", {"bmc": "1.0"}, f.NOW)
    await store.record_versions("c2", "gpu0001", {"bmc": "9"}, f.NOW)

    assert await store.versions(f.C) == {"gpu0001": {"bmc": "2.0", "bios": "7"}, "gpu0002": {"bmc": "1.0"}}


async def test_the_matrix_takes_an_entry_once(store):
    tested = MatrixEntry(components={"bmc": "1.0"}, pins={"cuda": "12.4"}, evidence="run 1", at=f.NOW)
    broken = tested.model_copy(update={"verdict": Verdict.BROKEN})
    again = tested.model_copy(update={"evidence": "run 2"})

    assert await store.add_matrix(f.C, (tested, again), "ann", "adopt", f.NOW) == 1
    assert await store.add_matrix(f.C, (tested, broken), "ann", "more", f.NOW) == 1
    assert await store.add_matrix(f.C, (tested, broken), "ann", "again", f.NOW) == 0
    assert (tested, broken) == await store.matrix(f.C)
    assert await store.matrix("c2") == ()
    assert [entry.reason for entry in await store.audit_log()] == ["more", "adopt"]


async def test_the_audit_log_is_newest_first_and_limited(store):
    entries = [
        AuditEntry(at=f.NOW, actor="ann", action="look", subject=str(n), reason="why", detail="d") for n in range(5)
    ]
    for entry in entries:
        await store.audit(entry)

    assert (entries[4], entries[3]) == await store.audit_log(2)
    assert tuple(reversed(entries)) == await store.audit_log()


async def test_moments_of_any_zone_come_back_as_utc(store):
    east = f.NOW.astimezone(timezone(timedelta(hours=9)))
    await store.audit(AuditEntry(at=east, actor="ann", action="look", subject="s", reason="r"))

    (entry,) = await store.audit_log()
    assert (f.NOW, timedelta(0)) == (entry.at, entry.at.utcoffset())


async def test_decommissioning_is_written_once(store):
    await f.ready(store)
    await store.set_decommissioned(f.C, "gpu0001", "ann", "burnt", f.NOW)
    await store.set_decommissioned(f.C, "gpu0001", "bob", "again", f.NOW)

    assert [host.name for host in await store.hosts(f.C) if host.decommissioned] == ["gpu0001"]
    assert [e.reason for e in await store.audit_log() if e.action == "host decommission"] == ["burnt"]


async def test_only_a_member_can_be_decommissioned(store):
    await f.ready(store)

    with pytest.raises(InvalidInput, match="gpu9999"):
        await store.set_decommissioned(f.C, "gpu9999", "ann", "burnt", f.NOW)
