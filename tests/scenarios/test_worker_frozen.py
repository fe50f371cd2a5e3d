"""A worker frozen past its heartbeat in a flash: another takes over, then the first wakes beside it."""

import signal
from pathlib import Path

from tests.scenarios.site import Site, fleet_document


def test_a_worker_frozen_in_a_flash_wakes_beside_its_successor_and_nothing_happens_twice(tmp_path: Path) -> None:
    document = fleet_document(hosts=3)
    document["clusters"][0]["stack"]["components"][0]["duration"] = "3s"
    # A host that its two neighbours are far ahead of finds one of them idle to measure the fabric with.
    document["clusters"][0]["drivers"]["scheduler"]["jobs"]["load"] = 0.2
    with Site(tmp_path, document) as site:
        frozen = site.stage.processes[-1]
        site.start_train()
        flash = site.until_happened("flash_started", "gpu001", component="nic-firmware")
        frozen.send_signal(signal.SIGSTOP)
        assert [] == site.happened("flash_ended", "gpu001")

        site.stage.spawn("worker", log="worker.log")
        taken = site.until_happened("flash_started", component="gpu-driver", within=120)
        assert taken.at - flash.at > 10, "the successor had to wait for the heartbeat"
        frozen.send_signal(signal.SIGCONT)

        site.until_closed(120)
        site.until(lambda: _woken(site), 30, "the woken worker's attempts were told that they are over")
        assert [] == site.observed()["violation_details"]
        assert 3 == site.observed()["visited"]
        assert {} == site.leases()
        assert {"upgraded"} == {o.outcome for o in site.outcomes().values()}
        assert {1} == set(site.effects().values())
        assert 9 == len(site.effects())


def _woken(site: Site) -> bool:
    """The first worker's log goes on after its sleep."""
    log = site.stage.log("up.log")
    return any(word in log for word in ("StaleAttempt", "taken over", "hands of another attempt", "NotFound", "cancel"))
