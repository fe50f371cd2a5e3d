"""A freeze in the middle of a visit: nothing disruptive begins, a verified host returns, the rest holds."""

from pathlib import Path

import pytest

from fleet.errors import Refused
from tests.scenarios.engine import held
from tests.scenarios.fleets import with_safe_point
from tests.scenarios.site import CLUSTER, Site

FAULTS = ({"kind": "flash_fails", "host": "gpu003", "component": "bmc", "times": 1},)
FENCED = 1.0
"""Seconds that an effect whose last check came before the freeze may take to the device under load."""


def test_a_freeze_holds_flash_reboot_and_repair_while_a_verified_host_returns(tmp_path: Path) -> None:
    document = with_safe_point(FAULTS, ("1s", "10s"), drain={"deadline": "90s"}, verify=["health", "performance"])
    document["clusters"][0]["drivers"]["hardware"]["verify_duration"] = "5s"
    with Site(tmp_path, document) as site:
        world = site.world()
        job = world.submit_job(hosts=["gpu001"])
        site.start_train()
        site.until_happened("flash_ended", "gpu003", state="failed")
        site.until_happened("reboot_started", "gpu002")
        world.end_job(job)
        site.until_happened("flash_started", "gpu001", component="nic-firmware")

        site.stage.run("freeze", CLUSTER, "--reason", "power")
        frozen = site.now().stops[0].at.timestamp()

        site.stage.run("host", "repaired", "gpu003", "--reason", "new board")
        for host in ("gpu001", "gpu003"):
            site.until(lambda h=host: ("apply", "Frozen") in held(site, f"host/{CLUSTER}/{h}"), 30, f"{host} holds")
        for verb in ("repaired", "retry"):
            with pytest.raises(Refused, match="already being tried"):
                site.stage.run("host", verb, "gpu003", "--reason", "again")
        site.until_outcome("gpu002", "upgraded")
        assert site.until_happened("undrained", "gpu002", by="maintrain").at > frozen
        began = [r for k in ("flash_started", "reboot_started") for r in site.happened(k) if r.at > frozen + FENCED]
        assert [] == began
        assert [] == site.our_drains_after(frozen + FENCED)
        assert {"gpu001", "gpu003"} == set(site.leases())

        site.stage.run("resume", CLUSTER, "--reason", "power is back")
        site.until_closed(120)
        site.until_outcome("gpu003", "repaired")
        assert [] == site.observed()["violation_details"]
        assert {"upgraded", "repaired"} == {o.outcome for o in site.outcomes().values()}
        assert {("gpu003", "flash bmc"): 2} == {effect: n for effect, n in site.effects().items() if n > 1}
