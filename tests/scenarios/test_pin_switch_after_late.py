"""A pin switch back while a host is still late for the one before."""

from pathlib import Path

import pytest

from tests.scenarios.fleets import quiet
from tests.scenarios.pins import BY, approve, document_of, never_mixed, pins_in_use, start, until
from tests.scenarios.site import CLUSTER, Site


def _state(site: Site, number: int) -> str:
    found = site.ask(lambda store: store.pin_switch(f"pin/{CLUSTER}/nccl/{number}"))
    return "" if found is None else str(found.state)


@pytest.mark.timeout(600)
def test_a_late_host_stays_out_and_serves_again_once_a_later_switch_is_back_at_its_pin(tmp_path: Path) -> None:
    with Site(tmp_path, quiet(document_of(4))) as site:
        start(site, "--window", "120s")
        site.world().drain_by_other("gpu004", "admin: disk check")
        approve(site)
        until(site, "late")
        back = ("nccl", "2.21", "--override-floor", "--window", "120s", *BY, "2.22 hangs")
        assert "1 hosts (gpu004) stay late for pin/sim/nccl/1" in site.stage.run("pin", "switch", CLUSTER, *back)
        approve(site)
        until(site, "done")

        assert ["2.21", "2.22", "2.21"] == never_mixed(site)
        site.until(lambda: _state(site, 1) == "done", 60, "nobody is late any more")
        site.world().undrain_by_other("gpu004")
        assert {"2.21"} == pins_in_use(site)[-1]
        assert ["2.21", "2.22", "2.21"] == never_mixed(site)
        assert [] == site.observed()["violation_details"]
