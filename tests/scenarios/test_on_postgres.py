"""A whole cycle with the facts on PostgreSQL, two workers, and one of them killed in the middle."""

from pathlib import Path

from tests.parts.postgres import Postgres
from tests.scenarios.site import Site, fleet_document

FAULTS = [{"kind": "health_fails", "host": "gpu002", "times": 1}]


def test_a_cycle_on_postgresql_with_two_workers_survives_the_death_of_one(tmp_path: Path, postgres: Postgres) -> None:
    site = Site(tmp_path, fleet_document(hosts=9, faults=FAULTS))
    site.stage.environment["MAINTRAIN_STORE_URL"] = postgres.url(postgres.new_database())
    with site:
        second = site.stage.spawn("worker", log="worker.log")
        site.until(lambda: "serving" in site.stage.log("worker.log"), 60, "the second worker is ready")
        site.start_train()
        site.until_happened("flash_started", component="gpu-driver")
        second.kill()

        site.until_closed(180)
        assert not (site.stage.folder / "facts.db").exists()
        assert {"gpu002"} == set(site.leases())
        assert "handed_over" == site.outcomes()["gpu002"].outcome
        site.stage.run("host", "repaired", "gpu002", "--reason", "a new GPU")
        site.until_outcome("gpu002", "repaired")
        assert {} == site.leases()
        report = site.observed()
        assert [] == report["violation_details"]
        assert 9 == report["visited"]
        assert {1} == set(site.effects().values())
        assert 27 == len(site.effects())
