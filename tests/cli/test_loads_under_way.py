"""A fleet file that takes away what work under way stands on is refused, and one that does not is not."""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from fleet.models.ledger import Grant, Request, RequestClass, Settlement
from fleet.models.train import Domain, Visit, VisitState
from store import open_store
from tests.cli.conftest import SIMULATED

VISIT = "visit/sim/gpu-train/1/d001/1"


async def _begin(url: str, leased: bool) -> None:
    store, now = await open_store(url), datetime.now(UTC)
    try:
        domain = Domain(name="d001", hosts=("gpu001", "gpu002"))
        await store.open_cycle("sim", "gpu-train", 1, (domain,), now, now + timedelta(days=1))
        visit = Visit(
            id=VISIT,
            cluster="sim",
            pool="gpu-train",
            cycle=1,
            domain="d001",
            attempt=1,
            state=VisitState.WAITING,
            opened_at=now,
        )
        assert await store.open_visit(visit)
        if leased:
            asked = Request(
                id=VISIT, cluster="sim", kind=RequestClass.TRAIN, holder=VISIT, hosts=domain.hosts, asked_at=now
            )
            await store.request(asked)
            grant = Settlement(reason="free", grants=(Grant(request=VISIT, reason="free"),))
            await store.settle("sim", now, lambda _: grant)
    finally:
        await store.close()


def begin(maintrain, *, leased: bool) -> None:
    asyncio.run(_begin(f"sqlite:///{maintrain.data}/facts.db", leased))


def changed(tmp_path, old: str, new: str):
    text = SIMULATED.read_text()
    assert old in text
    path = tmp_path / "new.yaml"
    path.write_text(text.replace(old, new))
    return path


RENAMED = ("name: gpu-train", "name: gpu-other")
PINNED = ('cuda: "12.4.1"', 'cuda: "12.6.0"')


@pytest.mark.parametrize(
    ("change", "place", "named"),
    [
        (RENAMED, "clusters.sim.pools.gpu-train: ", "lease on gpu[001-002], visit sim/gpu-train/1/d001/1"),
        (("name: sim", "name: sun"), "clusters.sim.pools.gpu-train: ", "lease on gpu[001-002]"),
        (PINNED, "clusters.sim.pins: ", "hosts are out by plan (gpu[001-002]); stop the train"),
    ],
    ids=["a pool renamed", "a cluster renamed", "a pin"],
)
def test_what_is_under_way_refuses_a_load_and_is_named(synced, tmp_path, change, place, named):
    begin(synced, leased=True)
    before = synced.facts()

    result = synced("fleet", "load", changed(tmp_path, *change))

    assert 2 == result.code
    assert place in result.err
    assert named in result.err
    assert before == synced.facts()


def test_an_open_visit_without_hosts_keeps_its_pool_and_not_the_pins(synced, tmp_path):
    begin(synced, leased=False)

    assert 2 == synced("fleet", "load", changed(tmp_path, *RENAMED)).code
    assert 0 == synced("fleet", "load", changed(tmp_path, *PINNED)).code


def test_a_cluster_that_is_new_is_told_with_what_it_needs_next(synced, tmp_path):
    told = synced("fleet", "load", changed(tmp_path, "name: sim\n", "name: sun\n"))

    assert (0, "") == (told.code, told.err)
    assert told.out.endswith("next: maintrain setup, which starts the dispatcher of sun, and maintrain fleet sync\n")


def test_with_nothing_under_way_a_pool_may_go_by_another_name(synced, tmp_path):
    assert 0 == synced("fleet", "load", changed(tmp_path, *RENAMED)).code


def test_a_person_has_a_word_on_a_leased_host_that_is_no_member_any_more(synced):
    begin(synced, leased=True)
    with sqlite3.connect(synced.data / "facts.db") as db:
        db.execute("UPDATE hosts SET retired_at = since WHERE name = 'gpu001'")
        db.execute("UPDATE lease_hosts SET counted = 'failed' WHERE host = 'gpu001'")
    db.close()

    told = synced("host", "decommission", "gpu001", "--reason", "sold", "--dry-run")

    assert (0, "") == (told.code, told.err)
    assert told.out.startswith("would be told to the repair of sim/gpu001: decommission (sold)")
    assert "'gpu999' is none" in synced("host", "decommission", "gpu999", "--reason", "sold", "--dry-run").err
