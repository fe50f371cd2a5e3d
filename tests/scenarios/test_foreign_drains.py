"""Drains of others, before and in the middle of a visit, and ours lifted by another."""

from pathlib import Path

from fleet.models.drivers import SimulatedFault
from tests.scenarios.fleets import quiet
from tests.scenarios.site import CLUSTER, WHERE, Site, fleet_document


def test_anothers_drain_is_respected_and_ours_lifted_by_another_is_set_again(tmp_path: Path) -> None:
    faults = (
        {"kind": "drained_by_other", "host": "gpu001", "by": "admin: disk check"},
        {"kind": "undrained_by_other", "host": "gpu003", "component": "nic-firmware", "times": 1},
        {"kind": "bmc_silent", "host": "gpu005"},
    )
    document = quiet(fleet_document(hosts=9, faults=faults, floor=3))
    document["clusters"][0]["stack"]["components"][0]["duration"] = "2s"
    with Site(tmp_path, document) as site:
        world = site.world()
        site.start_train()
        site.until_happened("flash_started", "gpu002", component="nic-firmware")
        world.drain_by_other("gpu002", "admin: cable")

        # BMC silent at boarding: left out, by name. In the middle: what was begun is found again, not repeated.
        site.until_happened("flash_started", "gpu004", component="nic-firmware")
        world.set_fault(SimulatedFault(kind="bmc_silent", host="gpu004", times=6))
        site.until_happened("drained", "gpu004")
        skipped = site.stage.run("train", "skip", WHERE, "d003", "--reason", "a demo is on")
        assert "d003 is left out" in skipped
        site.until_closed(150)

        outcomes = site.outcomes()
        assert "upgraded" == outcomes["gpu002"].outcome
        assert "admin: cable" in outcomes["gpu002"].reason
        assert "upgraded" == outcomes["gpu003"].outcome
        assert "upgraded" == outcomes["gpu004"].outcome
        assert "left_out" == outcomes["gpu005"].outcome
        assert "BMC of gpu005 does not answer" in outcomes["gpu005"].reason
        assert "upgraded" == outcomes["gpu006"].outcome
        assert not {"gpu001", "gpu007", "gpu008", "gpu009"} & set(outcomes)
        assert ["admin: disk check"] == [r.detail["reason"] for r in site.happened("drained", "gpu001")]
        assert ["admin: cable"] == [r.detail["reason"] for r in site.happened("drained", "gpu002")][1:]
        assert [] == site.happened("undrained", "gpu001")
        assert [] == site.happened("undrained", "gpu002")
        assert 2 == len(site.happened("drained", "gpu003", by="maintrain"))
        assert 1 == site.stage.log("up.log").count(f"{CLUSTER}/gpu003 was undrained by another")
        report = site.observed()
        assert [] == report["violation_details"]
        assert ["gpu001", "gpu002", "gpu005", "gpu007", "gpu008", "gpu009"] == report["left_out"]
        assert {1} == set(site.effects().values())
        assert {} == site.leases()
