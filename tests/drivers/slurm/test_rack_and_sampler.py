"""The Slurm demo's rack and its sampler, on a real Slurm and the simulated hardware."""

import asyncio

import pytest

from drivers.slurm import SlurmDriver
from drivers.snapshot import Event
from fleet.errors import Unreachable
from fleet.models.drivers import SlurmScheduler
from fleet.ports.fence import open_fence
from starter.demo.hardware_events import hardware_events
from starter.demo.observer import Observer
from starter.demo.pool_books import PoolLimits
from starter.demo.rack import Rack
from starter.demo.slurm_sampler import SlurmSampler
from starter.demo.watching import Watch
from tests.drivers.simulated import world
from tests.drivers.slurm.waiting import call, running, state_of, until

OURS = "maintrain:planned:visit/c/p/1/d/1#h"
THEIRS = "admin: disk check"


def kinds(snapshot):
    return [(e.kind, e.host or e.job, e.detail.get("by")) for e in snapshot.events]


async def test_a_sample_shows_drains_jobs_and_reasons(slurm):
    job = await running(slurm, "gpu001,gpu002")
    await call(slurm, "scontrol", "update", "nodename=gpu001", "state=DRAIN", f"reason={OURS}")
    await call(slurm, "scontrol", "update", "nodename=gpu003", "state=DRAIN", f"reason={THEIRS}")
    await call(slurm, "scontrol", "update", "nodename=gpu004", "state=DOWN", "reason=fan")

    snapshot = await asyncio.to_thread(SlurmSampler(slurm).sample)

    seen = {h: (s.up, s.down, s.drained, s.reason, s.jobs) for h, s in snapshot.hosts.items()}
    assert (False, False, True, OURS, (job,)) == seen["gpu001"]
    assert (True, False, False, None, (job,)) == seen["gpu002"]
    assert (False, False, True, THEIRS, ()) == seen["gpu003"]
    assert (False, True, False, "fan", ()) == seen["gpu004"]
    assert (True, False, False, None, ()) == seen["gpu016"]
    assert {("drained", "gpu001", "maintrain"), ("drained", "gpu003", "other")} <= set(kinds(snapshot))


async def test_a_lifted_drain_and_a_requeued_job_are_events(slurm):
    sampler = SlurmSampler(slurm)
    job = await running(slurm, "gpu001,gpu002")
    await call(slurm, "scontrol", "update", "nodename=gpu001", "state=DRAIN", f"reason={OURS}")
    await asyncio.to_thread(sampler.sample)

    await call(slurm, "scontrol", "requeue", job)
    await until(lambda: state_of(slurm, job) == "PENDING")
    await call(slurm, "scontrol", "update", "nodename=gpu001", "state=UNDRAIN")
    snapshot = await asyncio.to_thread(sampler.sample)

    assert [("undrained", "gpu001", "maintrain"), ("job_requeued", job, "maintrain")] == kinds(snapshot)
    assert {"reason": OURS, "by": "maintrain"} == snapshot.events[0].detail


async def test_samples_are_taken_at_least_once_a_second_with_the_hardwares_events(slurm):
    told = iter([(), (Event("version_active", "gpu002", detail={"component": "kernel", "version": "6.2"}),)])
    sampler = SlurmSampler(slurm, lambda: next(told, ()))
    observer = Observer([PoolLimits("train", slurm.nodes, 4, 8)])

    with Watch(sampler, observer):
        await asyncio.sleep(2)

    assert 1 == observer.upgrades_applied
    assert sampler.samples >= 4
    assert sampler.longest_gap < 1


@pytest.fixture
async def parts(tmp_path):
    """Simulated hardware on which a reboot takes one second."""
    made = await world.opened(tmp_path, world.hardware(time_scale=240))
    yield made
    await world.close(made)


async def test_a_reboot_of_the_simulated_host_is_a_reboot_of_the_slurm_node(slurm, parts, tmp_path):
    events = hardware_events(tmp_path / "sim.sqlite")
    before = slurm.slurmd_pid("gpu001")
    await call(slurm, "scontrol", "update", "nodename=gpu001", "state=DRAIN", f"reason={OURS}")

    with Rack(slurm, tmp_path / "sim.sqlite") as rack:
        await parts.hardware.reboot("gpu001", open_fence)
        await until(lambda: slurm.slurmd_pid("gpu001") is None)
        await until(lambda: rack.reboots == ["gpu001"])

    assert slurm.slurmd_pid("gpu001") not in (None, before)
    assert [("reboot_started", "gpu001"), ("host_up", "gpu001")] == [(e.kind, e.host) for e in events()]
    assert () == events()
    driver = SlurmDriver(SlurmScheduler.model_validate({"kind": "slurm", "conf": str(slurm.conf), "timeout": "15s"}))
    await driver.undrain("gpu001", OURS, open_fence, rebooted=True)
    await running(slurm, "gpu001")


async def test_what_goes_wrong_in_the_rack_is_raised(slurm, tmp_path):
    (tmp_path / "broken.sqlite").write_text("no database")

    with pytest.raises(Unreachable), Rack(slurm, tmp_path / "broken.sqlite"):
        await asyncio.sleep(0.5)
