"""The worker is killed at every step of a host's visit, before and after each effect."""

from pathlib import Path

from tests.scenarios.site import Site, fleet_document

POINTS = (
    "gpu001@drain:before",
    "gpu001@drain:after",
    "gpu001@apply-nic-firmware:before",
    "gpu002@apply-nic-firmware:after",
    "gpu003@apply-nic-firmware:during",
    "gpu001@apply-gpu-driver:after",
    "gpu004@reboot:before",
    "gpu005@reboot:after",
    "gpu002@boot_id:after",
    "gpu004@verify-health:after",
    "gpu005@verify-fabric:before",
    "gpu006@versions:after",
    "gpu004@undrain:before",
    "gpu005@undrain:after",
)


def test_a_worker_killed_at_every_step_changes_nothing_twice_and_loses_no_host(tmp_path: Path) -> None:
    with Site(tmp_path, fleet_document(), POINTS) as site:
        site.start_train()
        kills = 0

        def closed() -> bool:
            nonlocal kills
            process = site.stage.processes[-1]
            if process.poll() is not None:
                kills += 1
                site.stage.spawn("up", log="up.log")
            cycle = site.cycle()
            return cycle is not None and cycle.closed_at is not None

        site.until(closed, 420, "the cycle is closed in spite of the kills")

        assert sorted(POINTS) == sorted(p.name for p in site.marks.iterdir())
        assert kills <= len(POINTS)
        report = site.observed()
        assert [] == report["violation_details"]
        assert 6 == report["visited"]
        assert {} == site.leases()
        assert {"upgraded"} == {o.outcome for o in site.outcomes().values()}
        once = {e: 1 for h in range(1, 7) for e in _effects(f"gpu{h:03}")}
        assert once == dict(site.effects())


def _effects(host: str) -> list[tuple[str, str]]:
    return [(host, "flash nic-firmware"), (host, "flash gpu-driver"), (host, "reboot")]
