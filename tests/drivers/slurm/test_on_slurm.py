"""What the contract suite can't ask of every scheduler, asked of a real Slurm."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from activities.interrupting import ended_all_the_same
from drivers.slurm import SlurmDriver
from fleet import ids
from fleet.errors import BadAnswer, ForeignHold, Refused
from fleet.models.drivers import SlurmScheduler
from fleet.models.noticing import OpenedRepair, OpeningCause
from fleet.models.scheduler import JobKind, JobState, NodeBase
from fleet.policy.coming_back import is_back
from fleet.ports.fence import open_fence
from tests.drivers.slurm.waiting import call, jobs, running, shown_down, state_of, until

OURS = "maintrain:planned:visit/c/p/1/d/1#h"
THEIRS = "admin: disk check"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def driver(slurm):
    options = {"kind": "slurm", "conf": str(slurm.conf), "timeout": "15s", "poll": "1s"}
    made = SlurmDriver(SlurmScheduler.model_validate(options))
    yield made
    await made.close()


def drained(view, host):
    """The rule by which the port's users take a host for drained."""
    node = view.nodes[host]
    clean = node.powered and not (node.completing or node.not_responding or node.rebooting)
    return node.draining and node.base is NodeBase.IDLE and clean and not view.jobs_on(host)


async def never_drained(driver, host, seconds):
    """Look as fast as it goes; how often. Fails at the first look that shows the host as drained."""
    looks, deadline = 0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            view = await driver.view(time.monotonic())
        except BadAnswer:
            continue
        assert not drained(view, host), view
        looks += 1
    return looks


async def test_a_busy_draining_host_never_reads_as_drained_around_a_controller_restart(slurm, driver):
    job = await running(slurm, "gpu001,gpu002")
    await driver.drain("gpu001", OURS, open_fence)
    await asyncio.to_thread(slurm.restart_slurmctld)

    looks = await never_drained(driver, "gpu001", 5)

    assert looks >= 10
    shown = await driver.view(time.monotonic())
    assert [job] == [j.id for j in shown.jobs_on("gpu001")]
    assert OURS == shown.nodes["gpu001"].reason


async def test_a_host_whose_slurmd_dies_under_a_job_never_reads_as_drained(slurm, driver):
    await running(slurm, "gpu001,gpu002", requeue=False, steps=True)
    await driver.drain("gpu001", OURS, open_fence)
    await asyncio.to_thread(slurm.kill_slurmd, "gpu001")
    down = asyncio.create_task(shown_down(slurm, "gpu001"))

    while not down.done():
        await never_drained(driver, "gpu001", 0.5)
    await down

    shown = (await driver.view(time.monotonic())).nodes["gpu001"]
    assert (NodeBase.DOWN, True, True, OURS) == (shown.base, shown.draining, shown.not_responding, shown.reason)
    # Brought back, slurmd has lost its job; Slurm's word that the node is free would be believed too early.
    with pytest.raises(BadAnswer):
        await driver.undrain("gpu001", OURS, open_fence, rebooted=False)


async def test_a_gang_is_requeued_and_its_drained_host_is_free(slurm, driver):
    job = await running(slurm, "gpu001,gpu002,gpu003,gpu004", steps=True)
    await driver.drain("gpu001", OURS, open_fence)
    assert not drained(await driver.view(time.monotonic()), "gpu001")

    await driver.requeue((job,), open_fence)

    await until(lambda: state_of(slurm, job) == "PENDING")
    view = await driver.view(time.monotonic())
    assert drained(view, "gpu001")
    assert (JobState.OTHER, 1) == (view.jobs[job].state, view.jobs[job].restarts)


async def test_a_gang_hears_the_signal_and_works_on(slurm, driver):
    job = await running(slurm, "gpu001,gpu002", steps=True)
    await until(lambda: slurm.steps_run(job, 2))

    await driver.signal_jobs((job,), "USR1")

    await until(lambda: job in slurm.told())
    await asyncio.sleep(0.5)
    assert ("RUNNING", 1) == (state_of(slurm, job), slurm.told().count(job))


async def test_a_completed_job_is_not_run_again(slurm, driver):
    job = await running(slurm, "gpu001")
    await asyncio.to_thread(slurm.finish, job)
    await until(lambda: state_of(slurm, job) == "COMPLETED")

    await driver.requeue((job,), open_fence)

    assert ("COMPLETED", 0) == (state_of(slurm, job), jobs(slurm)[job]["restart_cnt"])


@pytest.mark.parametrize("verb", ["requeue", "requeue_held"])
async def test_of_jobs_of_which_one_is_refused_the_others_show_at_once_that_they_went(slurm, driver, verb):
    stays, goes = await running(slurm, "gpu001", requeue=False), await running(slurm, "gpu002")
    seen = (await driver.view(time.monotonic())).jobs

    with pytest.raises(Refused):
        await getattr(driver, verb)((stays, goes), open_fence)

    assert [seen[goes]] == await ended_all_the_same(driver, (seen[stays], seen[goes]))


async def test_an_interactive_job_is_told_as_such_and_cannot_be_requeued(slurm, driver):
    await call(slurm, "salloc", "--no-shell", "--exclusive", "-w", "gpu005")
    (job,) = (await driver.view(time.monotonic())).jobs_on("gpu005")

    await driver.signal_jobs((job.id,), "USR1")
    with pytest.raises(Refused):
        await driver.requeue((job.id,), open_fence)

    assert (JobKind.INTERACTIVE, "RUNNING") == (job.kind, state_of(slurm, job.id))


async def test_cancelling_the_last_task_of_an_array_leaves_the_others(slurm, driver):
    array = (await asyncio.to_thread(slurm.submit, 1, 600, options=("--array=0-2",))).strip()
    await until(
        lambda: [j["job_state"] for j in jobs(slurm).values() if j["array_job_id"] == int(array)] == ["RUNNING"] * 3
    )

    # The last task to start carries the array's own number: `scancel NUMBER` would end all three.
    await driver.cancel((f"{array}_2",), open_fence)

    await until(lambda: state_of(slurm, array) == "CANCELLED")
    held = [j.id for j in (await driver.view(time.monotonic())).jobs.values() if j.holds]
    assert [f"{array}_0", f"{array}_1"] == sorted(held)


@pytest.mark.parametrize("boot", [True, False])
async def test_a_host_lost_in_production_and_drained_by_its_repair_shows_when_it_is_back_and_returns(
    slurm, driver, boot
):
    operation = "repair/c/gpu001/1"
    ours = ids.drain_reason(ids.REPAIR, operation)
    await asyncio.to_thread(slurm.kill_slurmd, "gpu001")
    await shown_down(slurm, "gpu001")
    found = (await driver.view(time.monotonic())).nodes["gpu001"].reason or ""
    row = {"operation": operation, "cluster": "c", "pool": "p", "host": "gpu001", "reason": "down", "actor": "m"}
    lost = OpenedRepair(**row, cause=OpeningCause.NOTICED, found=found, at=NOW, lost_at=NOW)
    await driver.replace_hold("gpu001", found, ours, open_fence)
    before = is_back(lost, (await driver.view(time.monotonic())).nodes["gpu001"])

    await asyncio.to_thread(lambda: slurm.start_slurmd("gpu001", boot=boot))
    await until(lambda: "NOT_RESPONDING" not in slurm.command("scontrol", "show", "node", "gpu001"))
    node = (await driver.view(time.monotonic())).nodes["gpu001"]
    await driver.undrain("gpu001", ours, open_fence, rebooted=True)

    assert ("Not responding", False, True, ours) == (found, before, is_back(lost, node), node.reason)
    await running(slurm, "gpu001")


async def test_a_host_rebooted_while_drained_keeps_our_reason_and_returns(slurm, driver):
    await driver.drain("gpu001", OURS, open_fence)
    await asyncio.to_thread(slurm.kill_slurmd, "gpu001")
    await until(lambda: "NOT_RESPONDING" in slurm.command("scontrol", "show", "node", "gpu001"))
    await asyncio.to_thread(slurm.start_slurmd, "gpu001")
    await until(lambda: "State=DOWN+DRAIN " in slurm.command("scontrol", "show", "node", "gpu001"))
    assert OURS == (await driver.view(time.monotonic())).nodes["gpu001"].reason

    await driver.undrain("gpu001", OURS, open_fence, rebooted=True)

    await running(slurm, "gpu001")


async def test_a_host_rebooted_too_quickly_to_be_noticed_returns_too(slurm, driver):
    await driver.drain("gpu001", OURS, open_fence)
    await asyncio.to_thread(slurm.reboot, "gpu001")

    await driver.undrain("gpu001", OURS, open_fence, rebooted=True)

    await running(slurm, "gpu001")


async def test_an_undrain_that_stopped_half_way_is_finished(slurm, driver):
    await driver.drain("gpu001", OURS, open_fence)
    await call(slurm, "scontrol", "update", "nodename=gpu001", "state=DOWN", f"reason={OURS}")
    await call(slurm, "scontrol", "update", "nodename=gpu001", "state=UNDRAIN")

    await driver.undrain("gpu001", OURS, open_fence, rebooted=True)

    await running(slurm, "gpu001")


async def test_a_node_taken_down_by_another_is_left_alone(slurm, driver):
    await call(slurm, "scontrol", "update", "nodename=gpu001", "state=DOWN", f"reason={THEIRS}")

    with pytest.raises(ForeignHold) as held:
        await driver.drain("gpu001", OURS, open_fence)
    with pytest.raises(ForeignHold):
        await driver.undrain("gpu001", OURS, open_fence, rebooted=True)

    shown = (await driver.view(time.monotonic())).nodes["gpu001"]
    assert (THEIRS, NodeBase.DOWN, THEIRS) == (held.value.holder, shown.base, shown.reason)


async def test_a_host_in_a_reservation_stays_in_it(slurm, driver):
    window = ("starttime=now", "duration=60", "users=root", "flags=maint,ignore_jobs", "nodes=gpu001")
    await call(slurm, "scontrol", "create", "reservation", "reservationname=window", *window)

    await driver.drain("gpu001", OURS, open_fence)
    await driver.undrain("gpu001", OURS, open_fence, rebooted=False)

    assert "Nodes=gpu001 " in await call(slurm, "scontrol", "show", "reservation", "window", "-o")
