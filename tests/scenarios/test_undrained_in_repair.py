"""Somebody undrains a host that waits in repair: it is drained again at once, for nobody has verified it."""

from pathlib import Path

from tests.scenarios.site import Site, fleet_document

SICK = "gpu002"


def test_a_host_in_repair_does_not_stay_in_production_when_somebody_undrains_it(tmp_path: Path) -> None:
    faults = [{"kind": "health_fails", "host": SICK}]
    with Site(tmp_path, fleet_document(hosts=3, faults=faults, floor=0)) as site:
        site.start_train()
        site.until_closed(90)
        assert "handed_over" == site.outcomes()[SICK].outcome

        site.world().undrain_by_other(SICK)

        def drained_again() -> bool:
            rows = [r for r in site.journal() if r.host == SICK and r.kind in ("drained", "undrained")]
            return [r.kind for r in rows[-2:]] == ["undrained", "drained"]

        site.until(drained_again, 20, f"{SICK} is drained again")
        assert SICK in site.leases()
        assert SICK in site.observed()["handed_over"]
