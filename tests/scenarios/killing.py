"""A cycle whose worker is killed with SIGKILL at named points, one after the other, and started again each time."""

from collections.abc import Sequence
from pathlib import Path

from tests.scenarios.site import Site, fleet_document

# gpu001 to gpu003 are one domain; gpu004 is in the next one, for the point that no other kill may coincide with, and
# gpu005 beside it, its partner in the fabric's test.
HOSTS = 5


def cycle_with_kills(folder: Path, points: Sequence[str]) -> None:
    """Run one cycle over five hosts; every point fires once, and the cycle ends as if nothing had happened."""
    with Site(folder, fleet_document(hosts=HOSTS, domain=3, floor=0), points) as site:
        site.start_train()

        def closed() -> bool:
            if site.stage.processes[-1].poll() is not None:
                site.stage.spawn("up", log="up.log")
            cycle = site.cycle()
            return cycle is not None and cycle.closed_at is not None

        site.until(closed, 280, "the cycle is closed in spite of the kills")

        missed = set(points) - {p.name for p in site.marks.iterdir()}
        assert not missed, f"points that never fired: {missed}"
        report = site.observed()
        assert not report["violation_details"], report["violation_details"]
        assert HOSTS == report["visited"]
        assert not site.leases(), site.leases()
        ends = {host: (o.outcome, o.reason) for host, o in site.outcomes().items()}
        assert {"upgraded"} == {outcome for outcome, _ in ends.values()}, ends
        effects = dict(site.effects())
        assert {e: 1 for h in range(1, HOSTS + 1) for e in _effects(f"gpu{h:03}")} == effects, effects


def _effects(host: str) -> list[tuple[str, str]]:
    return [(host, "flash nic-firmware"), (host, "flash gpu-driver"), (host, "reboot")]
