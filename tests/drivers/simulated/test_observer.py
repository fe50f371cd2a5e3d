"""The outside observer finds nothing wrong with a right visit, and every kind of breach in a wrong one."""

import pytest

from drivers.simulated import SimulatedCluster
from drivers.simulated.journal import JournalReplay, replay
from drivers.simulated.nodes import lift, put_drain
from drivers.simulated.schema import WorldSettings
from drivers.snapshot import HostSeen
from fleet.errors import Unreachable
from fleet.models.drivers import SimulatedFault
from fleet.models.scheduler import JobKind
from fleet.models.verification import VerificationTask
from fleet.ports.fence import open_fence
from tests.drivers.simulated import world
from tests.drivers.simulated.stage import HOSTS, OURS, REPAIR, Stage


@pytest.fixture
async def stage(tmp_path):
    hardware, stack = world.hardware(hosts="gpu[001-008]"), world.stack("0s", "0s", "0s")
    parts = await world.opened(tmp_path, hardware, stack_=stack)
    hands = world.cluster(tmp_path, hardware, stack_=stack)
    yield Stage(tmp_path, parts, hands)
    hands.close()
    await world.close(parts)


async def test_a_right_cycle_has_its_figures_and_no_violation(stage):
    stage.hands.drain_by_other("gpu006", "admin: disk check")
    stage.hands.set_fault(SimulatedFault(kind="version_unchanged", host="gpu004"))
    job = stage.hands.submit_job(hosts=("gpu001", "gpu002"))
    await stage.drain("gpu001")
    await stage.scheduler.cancel((job,), open_fence)
    for host in ("gpu001", "gpu002", "gpu003"):
        await stage.visit(host)
    await stage.drain("gpu004")
    await stage.flash("gpu004")
    await stage.scheduler.rewrite_reason("gpu004", OURS, REPAIR, open_fence)

    report = stage.observer().report()

    assert report == {
        "hosts": 8,
        "visited": 4,
        "min_up": 6,
        "floor": 5,
        "max_planned": 1,
        "planned_buffer": 2,
        "violations": 0,
        "jobs_interrupted": 1,
        "upgrades_applied": 6,
        "handed_over": ["gpu004"],
        "left_out": ["gpu005", "gpu006", "gpu007", "gpu008"],
        "still_planned": [],
        "offboarded": [],
        "taken_back": 0,
        "taken_back_in_visit": 0,
        "taken_back_by": {"visit": [], "repair": [], "later": []},
        "still_on_offboarded": [],
        "in_production": {"bmc": {"1.0": 3, "2.0": 3}, "gpu-driver": {"535.1": 3, "550": 3}},
        "pins": {},
        "violation_details": [],
        "pools": {"gpu": {"hosts": 8, "min_up": 6, "floor": 5, "max_planned": 1, "planned_buffer": 2}},
    }


async def test_more_hosts_planned_than_the_buffer_are_seen_even_for_an_instant(stage):
    await stage.drain("gpu001", "gpu002", "gpu003")
    await stage.undrain("gpu003")

    assert stage.kinds() == ["planned_buffer"]
    assert stage.observer().report()["max_planned"] == 3


async def test_taking_a_host_below_the_floor_is_seen_and_failing_below_it_is_not_ours(stage):
    for host in HOSTS[4:]:
        stage.hands.kill_daemon(host)
    before = stage.kinds()

    await stage.drain("gpu001")

    assert (before, stage.kinds()) == ([], ["floor"])


async def test_a_flash_of_a_host_that_is_not_drained_is_seen(stage):
    await stage.flash("gpu001")

    assert stage.kinds() == ["not_ours"]


async def test_a_reboot_under_the_drain_of_another_is_seen(stage):
    stage.hands.drain_by_other("gpu001", "admin")

    await stage.reboot("gpu001")

    assert stage.kinds() == ["not_ours"]


async def test_what_was_begun_under_our_drain_may_be_finished_under_the_drain_of_another(stage):
    await stage.drain("gpu001")
    await stage.flash("gpu001")
    stage.hands.drain_by_other("gpu001", "admin")

    await stage.reboot("gpu001")

    assert [] == stage.kinds()


async def test_a_flash_under_a_running_job_is_seen(stage):
    stage.hands.submit_job(hosts=("gpu001",))
    await stage.drain("gpu001")

    await stage.flash("gpu001")

    assert stage.kinds() == ["job_on_host"]


async def test_a_reboot_under_a_running_job_is_seen_and_counted_as_an_interruption(stage):
    stage.hands.submit_job(hosts=("gpu001",), kind=JobKind.NOT_REQUEUEABLE)
    await stage.drain("gpu001")

    await stage.reboot("gpu001")

    assert stage.kinds() == ["job_on_host"]
    assert stage.observer().jobs_interrupted == 1


async def test_a_return_without_every_verification_is_seen(stage):
    await stage.drain("gpu001")
    await stage.reboot("gpu001")
    await stage.verify("gpu001", VerificationTask.HEALTH, VerificationTask.FABRIC)

    await stage.undrain("gpu001")

    assert stage.kinds() == ["unverified"]
    assert stage.kinds(verify=frozenset({"health"})) == []


async def test_a_verification_before_the_last_reboot_does_not_count(stage):
    await stage.drain("gpu001")
    await stage.verify("gpu001")
    await stage.reboot("gpu001")

    await stage.undrain("gpu001")

    assert stage.kinds() == ["unverified"]


async def test_a_failed_verification_takes_back_an_earlier_pass(stage):
    await stage.drain("gpu001")
    await stage.reboot("gpu001")
    await stage.verify("gpu001")
    stage.hands.set_fault(SimulatedFault(kind="gpu_slow", host="gpu001"))
    await stage.verify("gpu001", VerificationTask.PERFORMANCE)

    await stage.undrain("gpu001")

    assert stage.kinds() == ["unverified"]


async def test_an_untouched_host_returns_without_verification(stage):
    await stage.drain("gpu001")
    await stage.undrain("gpu001")

    assert stage.kinds() == []


async def test_a_return_with_versions_that_are_not_allowed_is_seen(stage):
    await stage.drain("gpu001")
    await stage.flash("gpu001")
    await stage.verify("gpu001")

    await stage.undrain("gpu001")

    assert stage.kinds() == ["versions"]
    assert stage.kinds(allowed=()) == []


async def test_a_drain_of_another_lifted_by_us_is_seen(stage):
    stage.hands.drain_by_other("gpu001", "admin")

    stage.wrong(lambda tx: lift(tx, "gpu001", "maintrain"))

    assert stage.kinds() == ["foreign_cleared"]


async def test_a_drain_of_another_overwritten_by_us_is_seen(stage):
    stage.hands.drain_by_other("gpu001", "admin")

    stage.wrong(lambda tx: put_drain(tx, "gpu001", OURS, "maintrain"))

    assert stage.kinds() == ["foreign_overwritten"]


async def test_a_second_flash_of_the_same_version_in_one_operation_is_seen(stage):
    await stage.drain("gpu001")
    await stage.flash("gpu001")
    await stage.flash("gpu001")

    assert stage.kinds() == ["duplicate_effect"]


async def test_a_repair_may_flash_again_what_did_not_take_and_a_visit_may_not(stage):
    stage.hands.set_fault(SimulatedFault(kind="version_unchanged", host="gpu001"))
    for reason in (REPAIR, OURS):
        await stage.drain("gpu001", reason=reason)
        await stage.flash("gpu001")
        await stage.flash("gpu001")
        await stage.verify("gpu001")
        await stage.undrain("gpu001", reason=reason)

    assert stage.kinds() == ["duplicate_effect"]


async def test_a_host_that_went_down_in_production_may_be_booted_by_its_repair_once(stage):
    stage.hands.kill_daemon("gpu001")
    stage.wrong(lambda tx: put_drain(tx, "gpu001", REPAIR, "maintrain"))
    await stage.reboot("gpu001")
    before = stage.kinds(reboots_per_operation=None)

    await stage.reboot("gpu001")

    assert (before, stage.kinds(reboots_per_operation=None)) == ([], ["duplicate_effect"])


async def test_what_a_visit_handed_over_may_be_booted_by_its_repair_once(stage):
    await stage.drain("gpu001")
    await stage.flash("gpu001")
    await stage.reboot("gpu001")
    await stage.scheduler.rewrite_reason("gpu001", OURS, REPAIR, open_fence)
    await stage.reboot("gpu001")
    before = stage.kinds(reboots_per_operation=None)

    await stage.reboot("gpu001")

    assert (before, stage.kinds(reboots_per_operation=None)) == ([], ["duplicate_effect"])


async def test_a_second_reboot_in_one_operation_is_seen_and_one_in_the_next_is_not(stage):
    await stage.drain("gpu001")
    await stage.reboot("gpu001")
    await stage.scheduler.rewrite_reason("gpu001", OURS, REPAIR, open_fence)
    await stage.reboot("gpu001")
    before = stage.kinds()

    await stage.reboot("gpu001")

    assert (before, stage.kinds()) == ([], ["duplicate_effect"])


async def test_a_changed_host_that_another_undrained_must_not_stay_in_production(stage):
    await stage.drain("gpu001")
    await stage.flash("gpu001")

    stage.hands.undrain_by_other("gpu001")

    assert stage.kinds() == []
    assert stage.observer().report()["violation_details"] == [
        "gpu001 is in production at the end, changed and not verified since"
    ]


async def test_draining_a_changed_host_again_is_right_even_at_the_floor(stage):
    await stage.drain("gpu001")
    await stage.flash("gpu001")
    stage.hands.undrain_by_other("gpu001")

    await stage.drain("gpu001")

    assert stage.kinds(floor=8) == ["floor"]  # the first drain only


async def test_a_replay_goes_on_where_it_stopped(stage):
    following = JournalReplay(stage.hands)
    first = [s.events[0].kind for s in following.more()]
    await stage.drain("gpu001")

    then = [s.events[0].kind for s in following.more()]

    assert (first, then) == (["created"], ["drained"])


def test_a_replay_of_no_file_is_unreachable(tmp_path):
    with pytest.raises(Unreachable):
        list(replay(tmp_path / "nothing.sqlite"))


def test_the_observer_follows_jobs_and_versions_through_the_journal(tmp_path):
    settings = WorldSettings(hardware=world.hardware(hosts="gpu[001-002]"), stack=world.stack())
    hands = SimulatedCluster(tmp_path / "sim.sqlite", settings)
    job = hands.submit_job(hosts=("gpu001", "gpu002"))

    *_, last = JournalReplay(hands).more()

    assert last.hosts["gpu002"] == HostSeen(jobs=(job,), versions=world.INSTALLED)
    hands.close()
