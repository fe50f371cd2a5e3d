"""A cycle whose worker is killed with SIGKILL at named points, one after the other, and started again each time."""

from collections.abc import Sequence
from pathlib import Path

from tests.scenarios.site import Site, fleet_document

# gpu001 to gpu003 are one domain; gpu004 is the next one alone, for the point that no other kill may coincide with.
HOSTS = 4


def cycle_with_kills(folder: Path, points: Sequence[str]) -> None:
    """Run one cycle over four hosts; every point fires once, and the cycle ends as if nothing had happened."""
    with Site(folder, fleet_document(hosts=HOSTS, domain=3, floor=0), points) as site:
        site.start_train()

        def closed() -> bool:
            if site.stage.processes[-1].poll() is not None:
                site.stage.spawn("up", log="up.log")
            cycle = site.cycle()
            return cycle is not None and cycle.closed_at is not None

        site.until(closed, 280, "the cycle is closed in spite of the kills")

        assert sorted(points) == sorted(p.name for p in site.marks.iterdir())
        report = site.observed()
        assert [] == report["violation_details"]
        assert HOSTS == report["visited"]
        assert {} == site.leases()
        assert {"upgraded"} == {o.outcome for o in site.outcomes().values()}
        assert {e: 1 for h in range(1, HOSTS + 1) for e in _effects(f"gpu{h:03}")} == dict(site.effects())


def _effects(host: str) -> list[tuple[str, str]]:
    return [(host, "flash nic-firmware"), (host, "flash gpu-driver"), (host, "reboot")]
