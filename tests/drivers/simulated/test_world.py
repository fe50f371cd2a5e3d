"""The simulated world: one clock, one order of things, one file for many processes."""

import asyncio
import multiprocessing
import sqlite3

import pytest

from drivers.simulated import SimulatedCluster
from drivers.simulated.world import EVENTS_AT_ONCE
from fleet.errors import InvalidInput, Unreachable
from fleet.models.drivers import SimulatedJobs
from fleet.models.hardware import TaskState
from fleet.models.scheduler import NodeBase
from fleet.ports.fence import open_fence
from tests.drivers.simulated import world

BUSY = SimulatedJobs(load=0.8)


def story(cluster: SimulatedCluster) -> list[tuple]:
    """What happened, without the instants of this machine."""
    return [(round(r.sim, 6), r.kind, r.host, r.job, r.detail) for r in cluster.journal()]


def test_the_same_seed_tells_the_same_story_however_often_one_looks(tmp_path):
    told = []
    for name, steps in (("often", 2000), ("once", 1)):
        clock = world.Clock()
        cluster = world.cluster(tmp_path / name, world.hardware(time_scale=60.0, seed=7), BUSY, clock)
        cluster.hosts()
        for _ in range(steps):
            clock.pass_(2000 / steps)
            cluster.hosts()
        told.append(story(cluster))
        cluster.close()

    assert told[0] == told[1]
    assert len(told[0]) > 80


def test_another_seed_tells_another_story(tmp_path):
    told = []
    for seed in (1, 2):
        clock = world.Clock()
        cluster = world.cluster(tmp_path / str(seed), world.hardware(time_scale=60.0, seed=seed), BUSY, clock)
        cluster.hosts()
        clock.pass_(1000)
        told.append([row[:4] for row in story(cluster)])
        cluster.close()

    assert told[0] != told[1]


async def test_simulated_time_passes_faster_by_the_time_scale_and_the_journal_keeps_exact_instants(tmp_path):
    clock, options = world.Clock(), world.hardware(time_scale=60.0)
    parts, hands = await world.opened(tmp_path, options, clock=clock), world.cluster(tmp_path, options, clock=clock)
    await parts.hardware.start_apply("gpu001", "bmc", "2.0", open_fence)  # ten simulated minutes

    clock.pass_(9.999)
    before = (await parts.hardware.tasks("gpu001", "bmc"))[0].state
    clock.pass_(500.0)
    after = (await parts.hardware.tasks("gpu001", "bmc"))[0].state

    ended = next(r for r in hands.journal() if r.kind == "flash_ended")
    assert (before, after) == (TaskState.RUNNING, TaskState.DONE)
    assert (ended.at, ended.sim) == (1_000_010.0, 600.0)
    hands.close()
    await world.close(parts)


async def test_a_clock_set_back_does_not_turn_the_journal_back(tmp_path):
    clock = world.Clock()
    hands = world.cluster(tmp_path, clock=clock)
    hands.drain_by_other("gpu001", "first")
    clock.pass_(100.0)
    hands.drain_by_other("gpu001", "second")
    clock.pass_(-60.0)
    hands.drain_by_other("gpu001", "third")

    assert [r.sim for r in hands.journal()] == [0.0, 0.0, 100.0, 100.0]
    hands.close()


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("seed", {"seed": 9}),
        ("hosts", {"hosts": "gpu[001-008]"}),
        ("time_scale", {"time_scale": 2.0}),
        ("hosts_per_rack", {"hosts_per_rack": 4}),
    ],
)
def test_the_file_of_another_cluster_is_refused_by_field(tmp_path, field, changes):
    first = world.cluster(tmp_path)
    first.hosts()
    first.close()

    with pytest.raises(InvalidInput, match=f"hardware.{field}"):
        world.cluster(tmp_path, world.hardware(**changes)).hosts()


def test_a_file_is_reused_with_what_happened_in_it(tmp_path):
    first = world.cluster(tmp_path)
    first.drain_by_other("gpu003", "admin: fan")
    first.close()

    again = SimulatedCluster.at(tmp_path / "sim.sqlite")

    assert [r.detail["reason"] for r in again.journal() if r.kind == "drained"] == ["admin: fan"]
    again.close()


def test_a_file_that_is_no_simulated_cluster_is_unreachable(tmp_path):
    path = tmp_path / "other.sqlite"
    sqlite3.connect(path).close()

    with pytest.raises(Unreachable):
        SimulatedCluster.at(path).hosts()


def test_a_file_that_is_no_database_is_unreachable(tmp_path):
    path = tmp_path / "other.sqlite"
    path.write_text("not a database, and long enough to have a header of one" * 20)

    with pytest.raises(Unreachable):
        SimulatedCluster.at(path).hosts()


def test_a_world_that_nobody_looked_at_for_long_catches_up_in_bounded_transactions(tmp_path):
    clock = world.Clock()
    cluster = world.cluster(tmp_path, world.hardware(time_scale=3600.0), BUSY, clock)
    cluster.hosts()
    clock.pass_(6000.0)

    ended = [r for r in cluster.journal() if r.kind == "job_ended"]

    assert len(ended) > EVENTS_AT_ONCE
    assert ended[-1].sim > 5990.0 * 3600.0
    cluster.close()


def test_a_bad_hostlist_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"hardware\.hosts"):
        world.cluster(tmp_path, world.hardware(hosts="gpu[001-")).hosts()


async def test_topology_follows_racks_and_nvlink_domains(tmp_path):
    parts = await world.opened(tmp_path, world.hardware(hosts_per_rack=8, hosts_per_nvlink=4))

    nodes = (await parts.scheduler.view()).nodes

    assert [(nodes[h].rack, nodes[h].nvlink) for h in ("gpu004", "gpu005", "gpu009")] == [
        ("rack001", "nvl001"),
        ("rack001", "nvl002"),
        ("rack002", "nvl003"),
    ]
    assert nodes["gpu009"].serial == "SN-gpu009"
    await world.close(parts)


async def test_a_rebooting_host_is_down_for_the_scheduler_and_back_idle_still_drained(tmp_path):
    clock = world.Clock()
    parts = await world.opened(tmp_path, clock=clock)
    await parts.scheduler.drain("gpu001", "maintrain:planned:op", open_fence)
    await parts.hardware.reboot("gpu001", open_fence)

    shown = []
    for _ in range(2):
        node = (await parts.scheduler.view(asyncio.get_running_loop().time())).nodes["gpu001"]
        shown.append((node.base, node.not_responding, node.draining, node.reason))
        clock.pass_(240.0)

    assert shown == [
        (NodeBase.DOWN, True, True, "maintrain:planned:op"),
        (NodeBase.IDLE, False, True, "maintrain:planned:op"),
    ]
    await world.close(parts)


async def test_a_reboot_that_the_scheduler_did_not_expect_leaves_the_node_down(tmp_path):
    clock = world.Clock()
    parts = await world.opened(tmp_path, clock=clock)
    await parts.hardware.reboot("gpu001", open_fence)
    clock.pass_(240.0)

    node = (await parts.scheduler.view()).nodes["gpu001"]

    assert (node.base, node.draining, node.reason) == (NodeBase.DOWN, False, "Node unexpectedly rebooted")
    await world.close(parts)


ROUNDS = 25


def hammer(folder, start, failures) -> None:
    """One process of several: drain, flash, reboot and return its own hosts over one file."""

    async def run() -> None:
        parts = await world.opened(folder, stack_=world.stack("0s", "0s", "0s"))
        for n in range(ROUNDS):
            host, reason = f"gpu{start + n % 4:03d}", f"maintrain:planned:op{start}-{n}"
            await parts.scheduler.drain(host, reason, open_fence)
            await parts.hardware.start_apply(host, "bmc", f"{n}", open_fence)
            await parts.hardware.reboot(host, open_fence)
            assert (await parts.hardware.versions(host))["bmc"] == f"{n}"
            await parts.scheduler.undrain(host, reason, open_fence, rebooted=True)
        await world.close(parts)

    try:
        asyncio.run(run())
    except BaseException as error:
        failures.put(f"{start}: {error!r}")
        raise


def test_processes_that_share_a_file_from_its_making_lose_nothing(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    failures = spawn.SimpleQueue()
    processes = [spawn.Process(target=hammer, args=(tmp_path, start, failures)) for start in (1, 5, 9)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)

    assert [p.exitcode for p in processes] == [0, 0, 0], failures.get()
    rows = SimulatedCluster.at(tmp_path / "sim.sqlite").journal()
    counts = {k: sum(r.kind == k for r in rows) for k in ("created", "drained", "flash_ended", "host_up", "undrained")}
    assert counts == {"created": 1} | dict.fromkeys(("drained", "flash_ended", "host_up", "undrained"), 3 * ROUNDS)
    assert [r.seq for r in rows] == list(range(1, len(rows) + 1))
    assert [r.at for r in rows] == sorted(r.at for r in rows)
