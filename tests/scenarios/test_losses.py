"""A host that goes down in production is repaired and returns by itself; one goes to a vendor and comes back; and a
rack that goes dark sends nobody anywhere.
"""

from pathlib import Path

from fleet.models.ledger import Counted
from fleet.policy.sets import standings
from tests.scenarios.fleets import quiet
from tests.scenarios.site import CLUSTER, Site, fleet_document

BACK, GIVEN, RACK = "gpu002", "gpu004", ("gpu007", "gpu008", "gpu009")


def test_hosts_that_go_down_are_repaired_given_away_and_taken_back_with_an_owner_at_every_instant(
    tmp_path: Path,
) -> None:
    document = quiet(fleet_document(hosts=9, floor=0, failure_buffer=9, verify=["health"]))
    document["clusters"][0]["repair"] = {"notice": {"failed_for": "1s", "settle": "1h"}}
    with Site(tmp_path, document) as site:
        world = site.world()
        for host in (BACK, GIVEN):
            world.kill_daemon(host)
        site.until(lambda: {BACK, GIVEN} == set(site.leases()), 20, "both are in repair")
        assert {Counted.FAILED} == {x.counted for x in site.now().leases.values()}
        site.until(lambda: site.happened("drained", BACK, by="maintrain"), 20, "it is drained by us")

        world.repair_host(BACK)
        assert "repaired" == site.until_outcome(BACK, "repaired").outcome

        _to_the_vendor_and_back(site)

        for host in RACK:
            world.kill_daemon(host)
        site.until(lambda: any(b.tripped for b in site.now().breakers.values()), 20, "the breaker trips")
        assert "all 3 hosts of rack" in site.stage.run("ledger", CLUSTER)
        assert {} == site.leases()
        # The observer knows of no handovers: it tells of the one that a person asked for, and of nothing else.
        assert [f"drain 'vendor: RMA 4711' on {GIVEN} replaced by ours"] == site.observed()["violation_details"]


def _to_the_vendor_and_back(site: Site) -> None:
    site.stage.run("host", "give", GIVEN, "--to", "vendor", "--reason", "RMA 4711")
    site.stage.run("host", "taken", GIVEN, "--by", "vendor", "--reason", "on the truck")
    assert "given to vendor: RMA 4711" == site.until_outcome(GIVEN, "given_away").reason
    site.until(lambda: _set_of(site, GIVEN) == "foreign", 10, "it is the vendor's")

    site.stage.run("host", "take-over", GIVEN, "--from", "vendor", "--reason", "a new board")
    assert "failed" == _set_of(site, GIVEN)
    site.world().repair_host(GIVEN)
    site.until_outcome(GIVEN, "repaired")
    site.until(lambda: _set_of(site, GIVEN) == "up", 10, "it is in production")
    held = [r.kind for r in site.journal() if r.host == GIVEN and r.kind in ("drained", "undrained")]
    assert ["drained"] * (len(held) - 1) + ["undrained"] == held


def _set_of(site: Site, host: str) -> str:
    return standings(site.now())[host].set
