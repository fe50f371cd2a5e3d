"""The driver against other Slurms: newer ones, slow ones, and ones that answer nonsense. All doubt is an error."""

import asyncio
import os
import time

import pytest

from drivers.slurm import SlurmDriver
from fleet.errors import BadAnswer, DriverError, ForeignHold, Refused, Unreachable
from fleet.models.drivers import SlurmScheduler
from fleet.models.scheduler import NodeBase
from fleet.ports.fence import open_fence
from tests.drivers.slurm.newer import answer, job, node
from tests.drivers.slurm.stubs import StubSlurm, alive, says
from tests.drivers.slurm.waiting import until

OURS = "maintrain:planned:visit/c/p/1/d/1#gpu001"
THEIRS = "admin: disk check"
IDLE = says(answer("nodes", node()))
DRAINED = says(answer("nodes", node(state=["IDLE", "DRAIN"], reason=OURS)))
DRAINED_BY_OTHER = says(answer("nodes", node(state=["IDLE", "DRAIN"], reason=THEIRS)))
NO_JOBS = says(answer("jobs"))
RESERVATIONS = "scontrol show reservation -o"
AWAY = "echo 'slurm_load_node error: Unable to contact slurm controller (connect failure)' >&2; exit 1"


async def test_a_newer_slurm_is_read_through_scontrol_json(tmp_path):
    two = says(answer("nodes", node(), node("gpu002", state=["ALLOCATED"], alloc_cpus=8)))
    slurm = StubSlurm(tmp_path, scontrol=[two], squeue=[says(answer("jobs", job(nodes="gpu002")))])

    view = await slurm.driver().view()

    assert (NodeBase.IDLE, NodeBase.ALLOCATED) == (view.nodes["gpu001"].base, view.nodes["gpu002"].base)
    assert ["1"] == [j.id for j in view.jobs_on("gpu002")]
    expected = ["scontrol --version", "scontrol --all show nodes --json", "squeue --all --json", RESERVATIONS]
    assert expected == slurm.calls()


async def test_the_version_is_asked_for_once(tmp_path):
    slurm = StubSlurm(tmp_path, scontrol=[IDLE], squeue=[NO_JOBS])
    driver = slurm.driver()

    for _ in range(3):
        await driver.view(time.monotonic())

    assert 1 == slurm.calls().count("scontrol --version")


async def test_a_thousand_pollers_cost_one_reading(tmp_path):
    slurm = StubSlurm(tmp_path, scontrol=[IDLE], squeue=["sleep 0.2\n" + NO_JOBS])
    driver = slurm.driver()
    asked = time.monotonic()

    views = await asyncio.gather(*(driver.view(asked) for _ in range(1000)))

    assert {True} == {view.began >= asked for view in views}
    assert 1 == slurm.calls().count("squeue --all --json")


async def test_a_newer_slurm_is_drained_and_undrained(tmp_path):
    slurm = StubSlurm(tmp_path, scontrol=[IDLE, DRAINED, DRAINED, IDLE])
    driver = slurm.driver()

    await driver.drain("gpu001", OURS, open_fence)
    await driver.undrain("gpu001", OURS, open_fence, rebooted=False)

    assert [
        f"scontrol update nodename=gpu001 state=DRAIN reason={OURS}",
        "scontrol update nodename=gpu001 state=UNDRAIN",
    ] == slurm.updates()


async def test_another_who_drains_in_the_same_moment_keeps_the_host(tmp_path):
    slurm = StubSlurm(tmp_path, scontrol=[IDLE, DRAINED_BY_OTHER])

    with pytest.raises(ForeignHold) as held:
        await slurm.driver().drain("gpu001", OURS, open_fence)

    assert THEIRS == held.value.holder


async def test_a_drain_that_was_acknowledged_and_is_not_in_force_is_a_bad_answer(tmp_path):
    slurm = StubSlurm(tmp_path, scontrol=[IDLE, IDLE])

    with pytest.raises(BadAnswer, match="not in force"):
        await slurm.driver().drain("gpu001", OURS, open_fence)


async def test_a_node_that_another_is_rebooting_is_left_alone(tmp_path):
    asked = says(answer("nodes", node(state=["ALLOCATED", "REBOOT_REQUESTED"], reason="kernel")))
    slurm = StubSlurm(tmp_path, scontrol=[asked])

    with pytest.raises(ForeignHold):
        await slurm.driver().drain("gpu001", OURS, open_fence)

    assert [] == slurm.updates()


async def test_a_host_that_does_not_take_jobs_again_in_time_is_a_bad_answer(tmp_path):
    silent = says(answer("nodes", node(state=["IDLE", "NOT_RESPONDING"])))
    slurm = StubSlurm(tmp_path, scontrol=[DRAINED, silent])

    with pytest.raises(BadAnswer, match="does not take jobs again"):
        await slurm.driver("1s").undrain("gpu001", OURS, open_fence, rebooted=True)


@pytest.mark.parametrize("words", [["IDLE", "POWERING_DOWN"], ["IDLE", "CLOUD", "POWERED_DOWN"]])
async def test_a_host_whose_power_slurm_saves_as_soon_as_it_is_undrained_is_back(tmp_path, words):
    slurm = StubSlurm(tmp_path, scontrol=[DRAINED, says(answer("nodes", node(state=words)))])

    await slurm.driver("1s").undrain("gpu001", OURS, open_fence, rebooted=True)

    assert ["scontrol update nodename=gpu001 state=UNDRAIN"] == slurm.updates()


async def test_a_drained_host_whose_slurmd_is_silent_stays_drained(tmp_path):
    silent = says(answer("nodes", node(state=["DOWN", "DRAIN", "NOT_RESPONDING"], reason=OURS)))
    slurm = StubSlurm(tmp_path, scontrol=[silent])

    with pytest.raises(BadAnswer, match="does not take jobs again"):
        await slurm.driver("1s").undrain("gpu001", OURS, open_fence, rebooted=True)

    assert [] == slurm.updates()


@pytest.mark.parametrize(
    ("snippet", "error"),
    [
        ("echo garbage", BadAnswer),
        ("true", BadAnswer),
        ('echo \'{"errors": [], "nodes": []}\'', BadAnswer),
        ("head -c 3000000 /dev/zero", BadAnswer),
        ("printf '\\377\\376\\000'", BadAnswer),
        ("sleep 30", Unreachable),
        ("echo 'slurm_load_node error: Socket timed out on send/recv operation' >&2; exit 1", Unreachable),
        (AWAY, Unreachable),
        ("echo 'scontrol: error: Invalid user id' >&2; exit 1", Refused),
        ("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1", BadAnswer),
        ("exit 127", BadAnswer),
        ("kill -9 $$", BadAnswer),
        (IDLE + "exit 1", BadAnswer),
    ],
)
@pytest.mark.parametrize("command", ["scontrol", "squeue"])
async def test_a_command_that_fails_or_talks_nonsense_is_an_error(tmp_path, command, snippet, error):
    slurm = StubSlurm(tmp_path, **({"scontrol": [IDLE], "squeue": [NO_JOBS]} | {command: [snippet]}))

    with pytest.raises(DriverError) as told:
        await slurm.driver("700ms").view()

    assert error is type(told.value)
    assert len(str(told.value)) < 600


async def test_after_a_bad_reading_the_next_one_counts(tmp_path):
    slurm = StubSlurm(tmp_path, scontrol=["echo garbage", IDLE], squeue=[NO_JOBS])
    driver = slurm.driver()

    with pytest.raises(BadAnswer):
        await driver.view()

    assert ["gpu001"] == list((await driver.view()).nodes)


async def test_nonsense_without_a_controller_is_unreachable(tmp_path):
    slurm = StubSlurm(tmp_path, scontrol=[says(answer("nodes", errors=[{"errno": -1}]))], squeue=[NO_JOBS])
    (tmp_path / "ping").write_text("echo 'Slurmctld(primary) at head is DOWN'; exit 1")

    with pytest.raises(Unreachable, match="DOWN"):
        await slurm.driver().view()


async def test_a_job_on_a_node_that_is_not_listed_makes_the_answer_partial(tmp_path):
    slurm = StubSlurm(tmp_path, scontrol=[IDLE], squeue=[says(answer("jobs", job(nodes="gpu[001-002]")))])

    with pytest.raises(BadAnswer, match="gpu002"):
        await slurm.driver().view()


async def test_an_answer_about_another_node_is_not_believed(tmp_path):
    slurm = StubSlurm(tmp_path, scontrol=[says(answer("nodes", node("gpu002")))])

    with pytest.raises(BadAnswer, match="gpu001"):
        await slurm.driver().drain("gpu001", OURS, open_fence)

    assert [] == slurm.updates()


@pytest.mark.parametrize("version", ["echo 'slurm 20.11.9'", "echo what", "true"])
async def test_a_version_too_old_or_unreadable_is_an_error(tmp_path, version):
    slurm = StubSlurm(tmp_path, version, scontrol=[IDLE], squeue=[NO_JOBS])

    with pytest.raises(BadAnswer, match="expected"):
        await slurm.driver().view()


async def test_a_missing_program_is_unreachable(tmp_path):
    with pytest.raises(Unreachable, match="scontrol can't be run"):
        await StubSlurm(tmp_path).driver().view()


async def test_a_command_past_its_time_is_killed_with_all_it_started(tmp_path):
    slurm = StubSlurm(tmp_path, scontrol=["sleep 60 & echo $! > child; wait"], squeue=[NO_JOBS])

    with pytest.raises(Unreachable, match="no answer within"):
        await slurm.driver("500ms").view()

    child = int((tmp_path / "child").read_text())
    await until(lambda: not alive(child), within=5)


async def test_variables_that_filter_answers_are_not_passed_on(tmp_path):
    StubSlurm(tmp_path, scontrol=[IDLE], squeue=[NO_JOBS])
    os.environ["SQUEUE_STATES"] = "PENDING"
    try:
        options = SlurmScheduler.model_validate({"kind": "slurm", "bin": str(tmp_path), "conf": "/etc/own/slurm.conf"})
        await SlurmDriver(options).view()
    finally:
        del os.environ["SQUEUE_STATES"]

    passed = (tmp_path / "env").read_text().splitlines()
    assert (False, True) == ("SQUEUE_STATES=PENDING" in passed, "SLURM_CONF=/etc/own/slurm.conf" in passed)


async def test_a_job_that_can_not_be_requeued_keeps_no_other_from_it(tmp_path):
    """So many that one command does not take them all; the first one says no."""
    jobs = [job(job_id=n) for n in range(1, 202)]
    no = "echo 'Requested operation is presently disabled for job 1' >&2; exit 1"
    slurm = StubSlurm(tmp_path, scontrol=[IDLE, no, "true"], squeue=[says(answer("jobs", *jobs))])

    with pytest.raises(Refused, match="presently disabled for job 1"):
        await slurm.driver().requeue(tuple(str(n) for n in range(1, 202)), open_fence)

    assert "scontrol requeue 201" in slurm.calls()
