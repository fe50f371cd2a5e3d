"""Each fault of the simulated cluster shows as what it is, is counted, and is in the journal."""

import time
from datetime import timedelta

import pytest

from drivers.simulated import SimulatedCluster
from fleet.errors import BadAnswer, ForeignHold, Refused, Unreachable
from fleet.models.drivers import SimulatedFault
from fleet.models.hardware import TaskState
from fleet.models.verification import Verdict, VerificationTask
from fleet.ports.fence import open_fence
from tests.drivers.simulated import world

OURS = "maintrain:planned:op"


class Scene:
    """A cluster with instant upgrades and a clock to move, its ports and its hands."""

    def __init__(self, clock, parts, hands: SimulatedCluster) -> None:
        self.clock, self.parts, self.hands = clock, parts, hands
        self.scheduler, self.hardware, self.verifier = parts.scheduler, parts.hardware, parts.verifier

    @classmethod
    async def open(cls, folder, *faults: SimulatedFault, **changes) -> "Scene":
        clock, stack = world.Clock(), world.stack("0s", "0s", "0s")
        options = world.hardware(faults=faults, **changes)
        parts = await world.opened(folder, options, clock=clock, stack_=stack)
        return cls(clock, parts, world.cluster(folder, options, clock=clock, stack_=stack))

    def shown(self) -> list[tuple]:
        """Faults in the journal."""
        return [(r.detail["fault"], r.host) for r in self.hands.journal() if r.kind == "fault"]

    async def flash(self, host: str, version: str = "2.0", component: str = "bmc") -> tuple[TaskState, str]:
        task = await self.hardware.start_apply(host, component, version, open_fence)
        self.clock.pass_(60)  # cuda takes a minute, the others no time
        ended = (await self.hardware.tasks(host, component))[-1]
        assert task.id == ended.id
        return ended.state, (await self.hardware.versions(host))[component]

    async def close(self) -> None:
        self.hands.close()
        await world.close(self.parts)


@pytest.fixture
async def scene(tmp_path):
    opened = []

    async def make(*faults: SimulatedFault, **changes) -> Scene:
        opened.append(await Scene.open(tmp_path, *faults, **changes))
        return opened[-1]

    yield make
    for each in opened:
        await each.close()


async def test_a_flash_fails_on_the_host_named_as_often_as_told(scene):
    s = await scene(SimulatedFault(kind="flash_fails", host="gpu002", times=1))

    ended = [await s.flash(h) for h in ("gpu001", "gpu002", "gpu002")]

    assert ended == [(TaskState.DONE, "2.0"), (TaskState.FAILED, "1.0"), (TaskState.DONE, "2.0")]
    assert s.shown() == [("flash_fails", "gpu002")]


async def test_a_fault_of_one_component_leaves_the_others_alone(scene):
    s = await scene(SimulatedFault(kind="version_unchanged", host="gpu001", component="cuda"))

    ended = [await s.flash("gpu001"), await s.flash("gpu001", "12.6", "cuda")]

    assert ended == [(TaskState.DONE, "2.0"), (TaskState.DONE, "12.4")]
    assert s.shown() == [("version_unchanged", "gpu001")]


async def test_a_rate_is_about_the_share_of_occasions(scene):
    s = await scene(SimulatedFault(kind="flash_fails", rate=0.25), hosts="gpu[001-400]")

    failed = [h for h in s.hands.hosts() if (await s.flash(h))[0] is TaskState.FAILED]

    assert 70 <= len(failed) <= 130
    assert s.shown() == [("flash_fails", h) for h in failed]


async def test_a_fault_waits_for_its_time(scene):
    s = await scene(SimulatedFault(kind="flash_fails", host="gpu001", after=timedelta(hours=1)))

    early = await s.flash("gpu001")
    s.clock.pass_(3601)
    late = await s.flash("gpu001", "3.0")

    assert (early, late) == ((TaskState.DONE, "2.0"), (TaskState.FAILED, "2.0"))


async def test_a_lost_host_comes_back_by_another_reboot_once_the_fault_is_used_up(scene):
    s = await scene(SimulatedFault(kind="host_not_back", host="gpu001", times=1))
    first = await s.hardware.boot_id("gpu001")

    await s.hardware.reboot("gpu001", open_fence)
    lost = await s.hardware.boot_id("gpu001")
    with pytest.raises(Unreachable):
        await s.hardware.versions("gpu001")
    with pytest.raises(Refused):
        await s.hardware.start_apply("gpu001", "bmc", "2.0", open_fence)
    await s.hardware.reboot("gpu001", open_fence)

    assert lost is None
    assert await s.hardware.boot_id("gpu001") not in (None, first)


async def test_a_repaired_host_is_up_with_a_new_boot_and_its_faults_are_over(scene):
    s = await scene(SimulatedFault(kind="host_not_back", host="gpu001"), SimulatedFault(kind="gpu_slow", host="gpu001"))
    await s.scheduler.drain("gpu001", OURS, open_fence)
    await s.flash("gpu001", "550", "gpu-driver")
    await s.hardware.reboot("gpu001", open_fence)

    s.hands.repair_host("gpu001")

    assert (await s.hardware.versions("gpu001"))["gpu-driver"] == "550"
    assert (await s.verifier.verify(VerificationTask.PERFORMANCE, "gpu001", (), pool="gpu")).verdict is Verdict.PASSED
    node = (await s.scheduler.view(time.monotonic())).nodes["gpu001"]
    assert (node.draining, node.reason) == (True, OURS)


async def test_a_bmc_is_silent_as_often_as_told_and_each_silence_is_journaled(scene):
    s = await scene(SimulatedFault(kind="bmc_silent", host="gpu001", times=2))

    for _ in range(2):
        with pytest.raises(Unreachable):
            await s.hardware.versions("gpu001")

    assert (await s.hardware.versions("gpu001"))["bmc"] == "1.0"
    assert s.shown() == [("bmc_silent", "gpu001")] * 2


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("garbage_answer", "can't be read"),
        ("stale_answer", "stale"),
        ("partial_answer", "8 of 16 hosts missing"),
    ],
)
async def test_a_bad_answer_of_the_scheduler_says_what_is_wrong_with_it(scene, kind, said):
    s = await scene(SimulatedFault(kind=kind, times=1))

    with pytest.raises(BadAnswer, match=said):
        await s.scheduler.view(time.monotonic())

    assert len((await s.scheduler.view(time.monotonic())).nodes) == 16
    assert s.shown() == [(kind, None)]


async def test_a_partial_answer_can_miss_just_one_host(scene):
    s = await scene(SimulatedFault(kind="partial_answer", host="gpu005"))

    with pytest.raises(BadAnswer, match="1 of 16 hosts missing"):
        await s.scheduler.view(time.monotonic())


@pytest.mark.parametrize(
    ("kind", "task", "verdict"),
    [
        ("health_fails", VerificationTask.HEALTH, Verdict.FAILED),
        ("health_inconclusive", VerificationTask.HEALTH, Verdict.INCONCLUSIVE),
        ("gpu_slow", VerificationTask.PERFORMANCE, Verdict.FAILED),
    ],
)
async def test_a_verification_finds_the_fault_and_is_journaled(scene, kind, task, verdict):
    s = await scene(SimulatedFault(kind=kind, host="gpu001", times=1))

    found = [(await s.verifier.verify(task, "gpu001", (), pool="gpu")).verdict for _ in range(2)]

    assert found == [verdict, Verdict.PASSED]
    assert [r.detail for r in s.hands.journal() if r.kind == "verified"] == [
        {"task": task.value, "verdict": v.value} for v in (verdict, Verdict.PASSED)
    ]


async def test_a_host_that_is_down_is_not_verified(scene):
    s = await scene(SimulatedFault(kind="host_not_back", host="gpu001"))
    await s.hardware.reboot("gpu001", open_fence)

    found = await s.verifier.verify(VerificationTask.FABRIC, "gpu002", ("gpu001",), pool="gpu")

    assert found.verdict is Verdict.INCONCLUSIVE


async def test_an_outsider_drains_a_host_at_its_time_even_over_our_drain(scene):
    s = await scene(SimulatedFault(kind="drained_by_other", host="gpu001", after=timedelta(hours=1), by="admin: fan"))
    await s.scheduler.drain("gpu001", OURS, open_fence)
    s.clock.pass_(3600)

    with pytest.raises(ForeignHold) as held:
        await s.scheduler.undrain("gpu001", OURS, open_fence, rebooted=False)

    assert held.value.holder == "admin: fan"
    drains = [(r.sim, r.detail["reason"]) for r in s.hands.journal() if r.kind == "drained"]
    assert drains == [(0.0, OURS), (3600.0, "admin: fan")]


async def test_outsiders_drain_no_more_hosts_than_told(scene):
    s = await scene(SimulatedFault(kind="drained_by_other", rate=1.0, times=3))

    drained = [n for n, node in (await s.scheduler.view()).nodes.items() if node.draining]

    assert drained == ["gpu001", "gpu002", "gpu003"]


async def test_an_outsider_lifts_our_drain_in_the_middle_of_a_flash(scene):
    s = await scene(SimulatedFault(kind="undrained_by_other", host="gpu001", times=1))
    await s.scheduler.drain("gpu001", OURS, open_fence)

    await s.flash("gpu001")

    order = [(r.kind, r.detail.get("by")) for r in s.hands.journal() if r.kind in ("flash_started", "undrained")]
    assert order == [("flash_started", None), ("undrained", "outsider")]
    assert not (await s.scheduler.view(time.monotonic())).nodes["gpu001"].draining


async def test_faults_taken_out_of_the_fleet_file_are_over_and_those_left_keep_their_count(tmp_path, scene):
    kept = SimulatedFault(kind="flash_fails", host="gpu001", times=1)
    s = await scene(kept)
    await s.flash("gpu001")

    same = await Scene.open(tmp_path, kept)
    counted = await same.flash("gpu001")
    await same.close()
    other = await Scene.open(tmp_path)
    gone = await other.flash("gpu001", "3.0")
    await other.close()

    assert (counted, gone) == ((TaskState.DONE, "2.0"), (TaskState.DONE, "3.0"))


async def test_a_verification_takes_its_simulated_time(tmp_path):
    parts = await world.opened(tmp_path, world.hardware(verify_duration="10s", time_scale=100.0))

    found = await parts.verifier.verify(VerificationTask.HEALTH, "gpu001", (), pool="gpu")

    assert 0.1 <= found.seconds < 1.0
    await world.close(parts)
