"""The outside observer on pin switches: one version serves jobs at every instant, and an override lifts the limits."""

import pytest

from drivers.simulated import SimulatedCluster
from drivers.snapshot import Event, HostSeen, Snapshot
from fleet.errors import Refused
from fleet.models.drivers import SimulatedFault
from fleet.ports.fence import open_fence
from starter.demo.observer import Observer
from tests.drivers.simulated import world
from tests.drivers.simulated.stage import HOSTS, Stage, limits

PINS = frozenset({"cuda"})
OLD, NEW = "12.4", "12.6"
OVERRIDE = (0.0, 1e12)


@pytest.fixture
async def stage(tmp_path):
    settings, options = world.stack("0s", "0s", "0s"), world.hardware(hosts="gpu[001-008]", time_scale=1e6)
    parts = await world.opened(tmp_path, options, stack_=settings)
    hands: SimulatedCluster = world.cluster(tmp_path, options, stack_=settings)
    yield Stage(tmp_path, parts, hands)
    hands.close()
    await world.close(parts)


def observed(stage: Stage, *overrides) -> Observer:
    return stage.observer(overrides=overrides, pins=PINS, allowed=())


async def close(stage: Stage, *hosts: str) -> None:
    await stage.scheduler.close_to_jobs(hosts or HOSTS, "pin_cuda", 3600, open_fence)


async def move(stage: Stage, *hosts: str) -> None:
    for host in hosts:
        await stage.drain(host)
        await stage.flash(host, "cuda", NEW)
        await ended(stage, host)
        await stage.verify(host)


async def ended(stage: Stage, host: str) -> None:
    while (await stage.hardware.tasks(host, "cuda"))[-1].state == "running":
        pass


async def reopen(stage: Stage) -> None:
    await stage.scheduler.open_to_jobs("pin_cuda", open_fence)


async def test_a_switch_of_the_whole_cluster_behind_a_reservation_breaks_nothing_under_its_override(stage):
    job = stage.hands.submit_job(hosts=HOSTS[:2])
    await close(stage)
    stage.hands.end_job(job)
    await move(stage, *HOSTS)
    await reopen(stage)
    for host in HOSTS:
        await stage.undrain(host)

    seen = observed(stage, OVERRIDE)

    assert [] == seen.violations
    assert ({"cuda": {NEW: 8}}, 0) == (seen.report()["pins"], seen.report()["min_up"])


async def test_the_same_without_an_override_breaks_buffer_and_floor_at_the_closing(stage):
    await close(stage)

    assert {"planned_buffer", "floor"} == {v.kind for v in observed(stage).violations}
    assert {"planned_buffer", "floor"} == {v.kind for v in observed(stage, (0.0, 1.0)).violations}


async def test_hosts_opened_before_all_carry_the_new_pin_are_seen(stage):
    await close(stage)
    await move(stage, "gpu001")
    await stage.undrain("gpu001")
    await reopen(stage)

    [breach] = observed(stage, OVERRIDE).violations

    assert ("mixed_pin", "cuda: hosts that serve jobs carry 12.4 on 7, 12.6 on 1") == (breach.kind, breach.text)


async def test_a_host_that_comes_back_to_the_scheduler_with_the_old_pin_is_seen(stage):
    stage.hands.kill_daemon("gpu008")
    await close(stage, *HOSTS[:7])
    await move(stage, *HOSTS[:7])
    await reopen(stage)
    for host in HOSTS[:7]:
        await stage.undrain(host)

    stage.hands.repair_host("gpu008")

    assert ["mixed_pin"] == [v.kind for v in observed(stage, OVERRIDE).violations]


def test_a_job_that_runs_on_a_closed_host_sees_its_version():
    both = {h: HostSeen(versions={"cuda": OLD}) for h in HOSTS}
    closed = {h: HostSeen(versions={"cuda": OLD}, closed=frozenset({"r"}), jobs=("1",)) for h in HOSTS}
    moved = {**closed, "gpu001": HostSeen(versions={"cuda": NEW}, closed=frozenset({"r"}), jobs=("1",))}
    observer = Observer([limits(pins=PINS, allowed=())], overrides=[OVERRIDE])

    for second, hosts in enumerate((both, closed, moved)):
        observer.see(Snapshot(float(second), hosts, (Event("any"),)))

    assert ["mixed_pin"] == [v.kind for v in observer.violations]


async def test_a_version_that_a_host_cannot_fetch_is_refused_and_in_the_journal(stage):
    stage.hands.set_fault(SimulatedFault(kind="prepare_fails", host="gpu002", component="cuda"))

    await stage.hardware.prepare("gpu001", "cuda", NEW, open_fence)
    with pytest.raises(Refused, match=r"can.t fetch cuda 12\.6"):
        await stage.hardware.prepare("gpu002", "cuda", NEW, open_fence)

    rows = [(r.kind, r.host) for r in stage.hands.journal() if r.kind in ("prepared", "fault")]
    assert [("prepared", "gpu001"), ("fault", "gpu002")] == rows
    assert OLD == (await stage.hardware.versions("gpu001"))["cuda"]
