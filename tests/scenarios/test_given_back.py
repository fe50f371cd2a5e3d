"""A job that may be neither requeued nor cancelled keeps its host: given back, due again, and then a person's."""

from pathlib import Path

from fleet.models.scheduler import JobKind
from tests.scenarios.fleets import quiet
from tests.scenarios.listener import PageListener
from tests.scenarios.site import WHERE, Site, fleet_document


def test_a_host_that_a_job_keeps_is_given_back_until_a_person_is_asked(tmp_path: Path) -> None:
    document = quiet(fleet_document(hosts=6))
    document["notify"] = ["SCENARIO_PAGES"]
    site = Site(tmp_path, document)
    with PageListener() as listener:
        site.stage.environment["SCENARIO_PAGES"] = listener.url
        with site:
            job = site.world().submit_job(hosts=["gpu001", "gpu004"], kind=JobKind.NOT_REQUEUEABLE)
            site.start_train()
            told = "was given back 2 times"
            site.until(lambda: told in site.stage.run("train", "status", WHERE), 90, "at risk", often=True)
            assert f"job {job} may be neither requeued nor cancelled" in site.outcomes()["gpu001"].reason
            assert "given_back" == site.outcomes()["gpu001"].outcome
            site.until(lambda: listener.titles(f"Jobs keep d001 of {WHERE}"), 30, "a person is asked about d001")
            site.until(lambda: listener.titles(f"Jobs keep d002 of {WHERE}"), 60, "a person is asked about d002")
            site.world().end_job(job)
            site.until_closed(120)
            assert 2 == len(listener.titles("Jobs keep"))
            assert {"upgraded", "current"} == {o.outcome for o in site.outcomes().values()}
            assert {1} == set(site.effects().values())
            assert 18 == len(site.effects())
            report = site.observed()
            assert [] == report["violation_details"]
            assert 0 == report["jobs_interrupted"]
