"""What may reach Slurm's command lines, and how the complaints of its commands about jobs are judged."""

import pytest

from fleet.errors import BadAnswer, InvalidInput, Refused, Unreachable
from fleet.ports.fence import open_fence
from tests.drivers.slurm.newer import answer, node
from tests.drivers.slurm.stubs import StubSlurm, says

OURS = "maintrain:planned:visit/c/p/1/d/1#gpu001"
IDLE = says(answer("nodes", node()))


@pytest.mark.parametrize(
    "host", ["", "-x", "gpu001,gpu002", "gpu[001-016]", "ALL", "all", "a b", "x" * 64, "a\nb", "a\n"]
)
async def test_a_name_that_is_no_single_host_never_reaches_a_command(tmp_path, host):
    slurm = StubSlurm(tmp_path, scontrol=[IDLE])

    with pytest.raises(InvalidInput):
        await slurm.driver().drain(host, OURS, open_fence)
    with pytest.raises(InvalidInput):
        await slurm.driver().undrain(host, OURS, open_fence, rebooted=True)

    assert [] == slurm.calls()


@pytest.mark.parametrize("reason", ["", "lunch", "maintrain:planned:", "maintrain:planned:a'b", "maintrain:hold:a\nb"])
async def test_a_reason_that_is_not_ours_is_never_written(tmp_path, reason):
    slurm = StubSlurm(tmp_path, scontrol=[IDLE])

    with pytest.raises(InvalidInput):
        await slurm.driver().drain("gpu001", reason, open_fence)

    assert [] == slurm.calls()


@pytest.mark.parametrize("jobs", [("1 2",), ("-u",), ("1", "x"), ("1_",), ("1\n",)])
async def test_a_job_id_that_is_none_never_reaches_a_command(tmp_path, jobs):
    slurm = StubSlurm(tmp_path, scontrol=[IDLE], scancel=["true"])

    with pytest.raises(InvalidInput):
        await slurm.driver().cancel(jobs, open_fence)
    with pytest.raises(InvalidInput):
        await slurm.driver().signal_jobs(("1",), "USR1 --full")

    assert [] == slurm.calls()


async def test_many_jobs_are_cancelled_in_few_commands(tmp_path):
    slurm = StubSlurm(tmp_path, scancel=["true"])

    await slurm.driver().cancel(tuple(str(n) for n in range(1, 501)), open_fence)

    assert 3 == len(slurm.calls())


@pytest.mark.parametrize(
    ("complaint", "error"),
    [
        ("scancel: error: Kill job error on job id 1: Invalid job id specified", None),
        ("scancel: error: Kill job error on job id 1: Job/step already completing or completed", None),
        ("scancel: error: Kill job error on job id 1: Access/permission denied", Refused),
        ("scancel: error: Kill job error on job id 1: Unable to contact slurm controller", Unreachable),
        ("", BadAnswer),
    ],
)
async def test_a_complaint_of_scancel_is_judged(tmp_path, complaint, error):
    slurm = StubSlurm(tmp_path, scancel=[f"echo '{complaint}' >&2; exit 1"])

    if error is None:
        await slurm.driver().cancel(("1",), open_fence)
    else:
        with pytest.raises(error):
            await slurm.driver().cancel(("1",), open_fence)
    assert ["scancel 1"] == slurm.calls()
