"""The history of versions grows with changes, not with looks, and is bounded."""

from sqlalchemy import text

from store import open_store
from store.migrations.pending import config
from store.versions import KEPT
from tests.store import facts as f
from tests.store.test_opening import on


async def changes(store, host="gpu0001"):
    return [(c.component, c.version, c.at) for c in await store.version_history(f.C, (host,))]


async def test_a_version_seen_again_adds_nothing(store):
    for minute in range(3):
        await store.record_versions(f.C, "gpu0001", {"bmc": "1.0"}, f.later(minute))

    assert [("bmc", "1.0", f.NOW)] == await changes(store)


async def test_only_what_changed_is_added_with_when_it_was_first_seen(store):
    await store.record_versions(f.C, "gpu0001", {"bmc": "1.0", "bios": "7"}, f.NOW)
    await store.record_versions(f.C, "gpu0001", {"bmc": "2.0", "bios": "7"}, f.later(1))
    await store.record_versions(f.C, "gpu0001", {"bmc": "1.0"}, f.later(2))

    assert {("bios", "7", f.NOW), ("bmc", "1.0", f.NOW)} == set((await changes(store))[:2])
    assert [("bmc", "2.0", f.later(1)), ("bmc", "1.0", f.later(2))] == (await changes(store))[2:]


async def test_the_history_of_a_component_keeps_its_last_versions(store):
    await store.record_versions(f.C, "gpu0001", {"bios": "7"}, f.NOW)
    for number in range(KEPT + 5):
        await store.record_versions(f.C, "gpu0001", {"bmc": f"{number}.0"}, f.later(number))

    kept = await changes(store)
    assert ("bios", "7", f.NOW) in kept
    assert [f"{n}.0" for n in range(5, KEPT + 5)] == [version for name, version, _ in kept if name == "bmc"]


async def test_hosts_of_other_clusters_and_names_are_apart(store):
    await store.record_versions(f.C, "gpu0001", {"bmc": "1.0"}, f.NOW)
    await store.record_versions("c2", "gpu0001", {"bmc": "9.0"}, f.NOW)
    await store.record_versions(f.C, "gpu0002", {"bmc": "2.0"}, f.NOW)

    both = await store.version_history(f.C, ("gpu0001", "gpu0002"))
    assert [("gpu0001", "1.0"), ("gpu0002", "2.0")] == [(c.host, c.version) for c in both]


async def test_when_versions_were_last_read_is_kept(store):
    await store.record_versions(f.C, "gpu0001", {"bmc": "1.0"}, f.NOW)
    await store.record_versions(f.C, "gpu0001", {"bmc": "1.0"}, f.later(3))

    assert {"gpu0001": f.later(3)} == {h: s.at for h, s in (await store.observed_versions(f.C)).items()}
    assert {} == await store.observed_versions(f.C, "gpu0009")


async def test_what_was_known_before_there_was_a_history_is_where_it_begins(empty_url):
    from alembic import command  # noqa: PLC0415 - only here

    await (await open_store(empty_url)).close()
    await on(empty_url, lambda connection: command.downgrade(config(connection), "0004"))
    row = "INSERT INTO host_versions VALUES ('c', 'h', '{\"bmc\": \"1.0\"}', '2026-01-01 00:00:00+00')"
    await on(
        empty_url, lambda c: c.execute(text(row.replace("+00'", "'" if "sqlite" in empty_url else "+00'"))).close()
    )

    store = await open_store(empty_url)
    assert [("h", "bmc", "1.0")] == [(c.host, c.component, c.version) for c in await store.version_history("c", ("h",))]
    await store.close()
