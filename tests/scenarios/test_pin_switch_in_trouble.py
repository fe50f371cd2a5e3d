"""Pin switches whose worker dies, whose workflow is terminated, of whose hosts others have one in their hands."""

import asyncio
from pathlib import Path

import pytest

from drivers.simulated import open_simulated
from drivers.simulated.journal import JournalReplay
from fleet.ports.fence import open_fence
from starter.fleetfile import read_fleet
from tests.scenarios.engine import terminate
from tests.scenarios.fleets import quiet
from tests.scenarios.pins import (
    BY,
    OVER,
    approve,
    document_of,
    never_mixed,
    pins_in_use,
    start,
    state,
    status,
    until,
)
from tests.scenarios.site import CLUSTER, Site

POINTS = (
    "pin_nccl_1@close:after",
    "gpu001@drain:after",
    "gpu002@apply-nccl:before",
    "gpu003@apply-nccl:after",
    "pin_nccl_1@open:after",
    "gpu002@undrain:after",
)


@pytest.mark.timeout(600)
def test_a_worker_killed_around_the_effects_of_a_switch_changes_nothing_twice(tmp_path: Path) -> None:
    with Site(tmp_path, quiet(document_of(5)), POINTS) as site:

        def restarted(*states: str) -> bool:
            if site.stage.processes[-1].poll() is not None:
                site.stage.spawn("up", log="up.log")
            return state(site) in states

        start(site, "--window", "10m")
        site.until(lambda: restarted("asking"), 90, "it asks for an approval")
        site.stage.run("pin", "approve", CLUSTER, *BY, "tonight is quiet")
        site.until(lambda: restarted(*OVER), 280, "it is over in spite of the kills")

        assert set(POINTS) == {point.name for point in site.marks.iterdir()}
        assert ("done", {"returned": 5}) == (status(site)["state"], status(site)["hosts"])
        assert ["2.21", "2.22"] == never_mixed(site)
        assert {(f"gpu{n:03}", "flash nccl"): 1 for n in range(1, 6)} == dict(site.effects())
        assert {} == site.leases()
        assert [] == site.observed()["violation_details"]


@pytest.mark.timeout(600)
def test_a_switch_waits_for_its_co_rollout_and_keeps_closed_who_was_in_others_hands(tmp_path: Path) -> None:
    document = quiet(document_of(6))
    document["clusters"][0]["matrix"] = [
        {"components": {"gpu-driver": "550.*"}, "pins": {"nccl": "2.21"}},
        {"components": {"gpu-driver": "550.2"}, "pins": {"nccl": "2.22"}},
    ]
    with Site(tmp_path, document) as site:
        start(site, "--window", "120s")
        site.until(lambda: status(site)["co_rollouts"], 30, "its co-rollout is open")
        assert ["gpu-driver/550.2"] == status(site)["co_rollouts"]
        told = site.stage.run("rollout", "status", "gpu-driver/550.2")
        assert "gpu-driver/550.2 (after 550.1): running" in told
        site.cycle_until(lambda: _rolled_out(site), 150, "the co-rollout is complete")
        site.until(lambda: not site.leases(), 30, "every host is back")
        site.world().drain_by_other("gpu006", "admin: disk check")
        approve(site)

        behind = until(site, "late")["behind"]

        assert [("gpu006", "foreign: drained by another: admin: disk check")] == [
            (h["host"], h["reason"]) for h in behind
        ]
        site.world().undrain_by_other("gpu006")
        assert ["2.21", "2.22"] == never_mixed(site)
        assert "2.21" == _carries(site, "gpu006")["nccl"]

        asyncio.run(_bring(site, "gpu006", "2.22"))
        ended = until(site, *OVER)
        assert ("done", {"caught_up": 1, "returned": 5}) == (ended["state"], ended["hosts"])
        assert ["2.21", "2.22"] == never_mixed(site)
        assert {"2.22"} == pins_in_use(site)[-1]


@pytest.mark.timeout(600)
def test_a_switch_whose_workflow_is_terminated_is_taken_up_again(tmp_path: Path) -> None:
    document = quiet(document_of(4))
    document["clusters"][0]["stack"]["components"][2]["duration"] = "4s"
    with Site(tmp_path, document) as site:
        start(site, "--window", "240s")
        approve(site)
        site.until_happened("flash_started", within=60, component="nccl")
        terminate(site, "pin/sim/nccl/1")
        ended = until(site, *OVER, within=240)

        assert ("done", {"returned": 4}) == (ended["state"], ended["hosts"])
        assert ["2.21", "2.22"] == never_mixed(site)
        assert {(f"gpu{n:03}", "flash nccl"): 1 for n in range(1, 5)} == dict(site.effects())
        assert {} == site.leases()
        assert [] == site.observed()["violation_details"]


@pytest.mark.timeout(600)
def test_a_switch_that_is_called_back_while_its_workflow_is_gone_goes_back_when_all_flashes_have_ended(
    tmp_path: Path,
) -> None:
    document = quiet(document_of(4))
    document["clusters"][0]["stack"]["components"][2]["duration"] = "15s"
    with Site(tmp_path, document) as site:
        start(site, "--window", "240s")
        approve(site)
        site.until_happened("flash_started", within=60, component="nccl")
        terminate(site, "pin/sim/nccl/1")
        site.stage.run("pin", "abort", CLUSTER, *BY, "it was terminated")
        ended = until(site, *OVER, within=240)

        assert ("went_back", {"returned": 4}) == (ended["state"], ended["hosts"])
        assert ["2.21"] == never_mixed(site)
        assert {"2.21"} == {v["nccl"] for v in site.versions().values()}
        assert {} == site.leases()
        assert [] == site.observed()["violation_details"]


def _rolled_out(site: Site) -> bool:
    found = site.ask(lambda store: store.rollout("gpu-driver/550.2"))
    return found is not None and found.state == "complete"


def _carries(site: Site, host: str) -> dict[str, str]:
    """What a host carries, by the journal."""
    last: dict[str, str] = {}
    for snapshot in JournalReplay(site.world()).more():
        last = dict(snapshot.hosts[host].versions)
    return last


async def _bring(site: Site, host: str, version: str) -> None:
    """What the person does who has the host in hand."""
    fleet, _ = read_fleet(site.file)
    drivers = fleet.clusters[0].drivers
    inner = await open_simulated(drivers, fleet.clusters[0].stack, site.stage.folder)
    assert inner.hardware is not None
    await inner.hardware.start_apply(host, "nccl", version, open_fence)
    while (await inner.hardware.versions(host))["nccl"] != version:  # noqa: ASYNC110 - the world tells nobody
        await asyncio.sleep(0.1)
    for part in (inner.hardware, inner.scheduler, inner.verifier):
        if part is not None:
            await part.close()
