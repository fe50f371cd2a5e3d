"""A node borrowed for a measurement: by a real Slurm's job, and by what other Slurms answer."""

import asyncio
import time
from pathlib import Path

import pytest

from drivers.slurm import SlurmDriver
from fleet.errors import BadAnswer, InvalidInput, Refused, Unreachable
from fleet.ids import BORROW_JOB
from fleet.models.drivers import SlurmScheduler
from fleet.models.scheduler import JobKind
from fleet.ports.fence import open_fence
from tests.drivers.slurm.newer import answer, job, node
from tests.drivers.slurm.stubs import StubSlurm, says
from tests.drivers.slurm.waiting import call, state_of, until

WHY = "repair/c/gpu001/1"
HOUR = 3600.0


def options(slurm, **changes):
    return SlurmScheduler.model_validate({"kind": "slurm", "conf": str(slurm.conf), "timeout": "15s", **changes})


@pytest.fixture
async def driver(slurm):
    made = SlurmDriver(options(slurm))
    yield made
    await made.close()


async def test_no_job_starts_beside_a_borrowed_node_until_it_is_given_back(slurm, driver):
    held = await driver.borrow("gpu002", WHY, HOUR, open_fence)
    waiting = await asyncio.to_thread(slurm.submit, "gpu002", 60)
    await asyncio.sleep(3)  # two rounds of the scheduler
    assert "PENDING" == state_of(slurm, waiting)

    await driver.give_back(held)

    await until(lambda: state_of(slurm, waiting) == "RUNNING")


async def test_the_job_ends_by_itself_never_runs_again_and_says_for_whom(slurm, driver):
    held = await driver.borrow("gpu002", WHY, 90, open_fence)

    told = await call(slurm, "scontrol", "show", "job", held)

    for word in ("TimeLimit=00:02:00", "Requeue=0", f"JobName={BORROW_JOB}", f"Comment={WHY}", "OverSubscribe=NO"):
        assert word in told
    (shown,) = (await driver.view(time.monotonic())).jobs_on("gpu002")
    assert (True, JobKind.NOT_REQUEUEABLE) == (shown.ours, shown.kind)


async def test_a_job_that_another_user_calls_like_ours_is_not_ours(tmp_path):
    shown = job(7, name=BORROW_JOB, user_name="mallory", nodes="n1")
    slurm = StubSlurm(tmp_path, scontrol=[says(answer("nodes", node("n1")))], squeue=[says(answer("jobs", shown))])

    (found,) = (await slurm.driver().view()).jobs_on("n1")

    assert not found.ours


async def test_nothing_of_our_environment_goes_with_the_job(slurm, driver, monkeypatch):
    monkeypatch.setenv("MAINTRAIN_TEST_SECRET", "hush")

    await driver.borrow("gpu002", WHY, HOUR, open_fence)

    await until(lambda: len(sleepers()) > 0)
    assert [text for text in sleepers() if b"hush" in text] == []


def sleepers():
    """Environments of the processes of such a job."""
    every = (pid for pid in Path("/proc").glob("[0-9]*") if b"sleep\x003600" in read(pid / "cmdline"))
    return [read(pid / "environ") for pid in every]


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.fixture
async def closed(slurm):
    """The partition takes jobs, and starts none."""
    await call(slurm, "scontrol", "update", "partitionname=train", "state=DOWN")
    yield
    await call(slurm, "scontrol", "update", "partitionname=train", "state=UP")


def in_line(slurm):
    return BORROW_JOB in slurm.command("squeue", "-h", "-o", "%j")


@pytest.mark.usefixtures("closed")
async def test_a_borrow_that_is_given_up_in_the_middle_leaves_no_job(slurm, driver):
    asked = asyncio.create_task(driver.borrow("gpu002", WHY, HOUR, open_fence))
    await until(lambda: in_line(slurm))

    asked.cancel()
    await asyncio.wait((asked,))

    await until(lambda: not in_line(slurm))


@pytest.mark.usefixtures("closed")
async def test_a_job_that_stays_in_line_is_taken_out_of_it(slurm):
    driver = SlurmDriver(options(slurm, timeout="2s"))

    assert await driver.borrow("gpu002", WHY, HOUR, open_fence) is None

    await until(lambda: not in_line(slurm))
    await driver.close()


async def test_a_job_whose_submission_was_not_answered_in_time_is_ended(slurm):
    """With --wait sbatch does not come back before its job ends."""
    driver = SlurmDriver(options(slurm, timeout="3s", job_arguments=["--wait"]))

    with pytest.raises(Unreachable, match="sbatch"):
        await driver.borrow("gpu002", WHY, HOUR, open_fence)

    await until(lambda: not in_line(slurm))
    await driver.close()


async def test_a_job_left_in_line_by_a_worker_that_died_goes_by_its_deadline(slurm, driver):
    held = await driver.borrow("gpu002", WHY, 60, open_fence)

    told = await call(slurm, "scontrol", "show", "job", held)

    assert "Deadline=" in told
    assert "Deadline=N/A" not in told


async def test_what_slurm_refuses_is_told_in_its_words(slurm):
    driver = SlurmDriver(options(slurm, job_arguments=["--licenses=none"]))

    with pytest.raises(Refused, match=r"sbatch -w gpu002: .*license"):
        await driver.borrow("gpu002", WHY, HOUR, open_fence)
    await driver.close()


def stubbed(folder, **changes):
    """A newer Slurm of one idle node, whose job 7 runs at once."""
    shown = says(answer("nodes", node("n1")))
    said = {"sbatch": ["echo 7"], "squeue": ["echo RUNNING", "echo 7"], "scancel": ["true"], **changes}
    return StubSlurm(folder, scontrol=[shown], **said)


def cancelled(slurm):
    return [call for call in slurm.calls() if call.startswith("scancel")]


async def test_the_job_names_its_node_the_partitions_of_that_and_its_time_limit(tmp_path):
    slurm = stubbed(tmp_path, sbatch=["echo '7;east'"])

    assert "7" == await slurm.driver().borrow("n1", WHY, 601, open_fence)

    (asked,) = [call for call in slurm.calls() if call.startswith("sbatch")]
    for word in ("--exclusive", "--no-requeue", "--nodelist=n1", "--partition=train", "--time=11", "sleep 660"):
        assert word in asked
    assert [] == cancelled(slurm)


async def test_a_node_that_its_partition_shares_all_the_same_is_given_back(tmp_path):
    slurm = stubbed(tmp_path, squeue=["echo RUNNING", "echo 7; echo 8"])

    assert await slurm.driver().borrow("n1", WHY, HOUR, open_fence) is None
    assert ["scancel 7"] == cancelled(slurm)


async def test_a_job_that_ended_before_it_was_seen_to_run_holds_nothing(tmp_path):
    slurm = stubbed(tmp_path, squeue=["echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1"])

    assert await slurm.driver().borrow("n1", WHY, HOUR, open_fence) is None


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"sbatch": ["echo 'Unable to contact slurm controller' >&2; exit 1"]}, Unreachable),
        ({"sbatch": ["echo 'Batch job submission failed: Invalid account' >&2; exit 1"]}, Refused),
        ({"sbatch": ["echo Submitted"]}, BadAnswer),
        ({"squeue": ["echo oops >&2; exit 1"]}, BadAnswer),
    ],
)
async def test_an_answer_that_leaves_it_open_is_an_error_and_what_is_known_of_a_job_is_ended(tmp_path, changes, error):
    slurm = stubbed(tmp_path, **changes)

    with pytest.raises(error):
        await slurm.driver().borrow("n1", WHY, HOUR, open_fence)
    assert (["scancel 7"] if "squeue" in changes else []) == cancelled(slurm)


@pytest.mark.parametrize(("host", "why"), [("ALL", WHY), ("-w", WHY), ("n1", "a b"), ("n1", "$(id)"), ("n1", "")])
async def test_what_is_no_host_or_no_operation_never_reaches_a_command(tmp_path, host, why):
    slurm = stubbed(tmp_path)

    with pytest.raises(InvalidInput):
        await slurm.driver().borrow(host, why, HOUR, open_fence)
    assert [] == [call for call in slurm.calls() if call.startswith("sbatch")]
