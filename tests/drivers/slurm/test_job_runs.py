"""Where and when a job ran, by squeue of old and new Slurms, and by their accounting."""

from datetime import UTC, datetime

import pytest

from fleet.errors import BadAnswer, InvalidInput, Refused, Unreachable
from tests.drivers.slurm.newer import answer, job, number
from tests.drivers.slurm.stubs import StubSlurm, says

START, END = 1795339245, 1795342845
NO_JOBS = says(answer("jobs"))


def at(seconds):
    return datetime.fromtimestamp(seconds, UTC)


async def run(slurm, job_id="7"):
    return await slurm.driver().job_run(job_id)


async def test_a_running_job_is_told_by_squeue_without_the_end_that_its_limit_sets(tmp_path):
    shown = job(7, nodes="gpu[001-002]", start_time=number(START), end_time=number(END))
    found = await run(StubSlurm(tmp_path, squeue=[says(answer("jobs", job(6), shown))]))

    assert (("gpu001", "gpu002"), at(START), None, "scheduler") == (
        found.hosts,
        found.started,
        found.ended,
        found.source,
    )


async def test_a_job_that_ended_is_told_by_squeue_while_it_remembers(tmp_path):
    shown = job(7, job_state=["COMPLETED"], start_time=number(START), end_time=number(END))
    found = await run(StubSlurm(tmp_path, squeue=[says(answer("jobs", shown))]))

    assert (at(START), at(END)) == (found.started, found.ended)


async def test_a_task_of_an_array_goes_by_its_own_id(tmp_path):
    shown = job(12, array_job_id=number(9), array_task_id=number(3), start_time=number(START), end_time=number(END))
    found = await run(StubSlurm(tmp_path, squeue=[says(answer("jobs", shown))]), "9_3")

    assert "9_3" == found.id


async def test_the_accounting_is_asked_for_the_last_run_of_a_job_that_squeue_forgot(tmp_path):
    rows = f"{START - 9}|{START - 1}|gpu009\n{START}|{END}|gpu[001-002]"
    slurm = StubSlurm(tmp_path, squeue=[NO_JOBS], sacct=[says(rows)])
    found = await run(slurm)

    assert (("gpu001", "gpu002"), at(START), at(END), "accounting") == (
        found.hosts,
        found.started,
        found.ended,
        found.source,
    )
    expected = "sacct --noheader --parsable2 --allocations --jobs=7 --format=Start,End,NodeList"
    assert expected == slurm.calls()[-1]
    assert "SLURM_TIME_FORMAT=%s" in (tmp_path / "env").read_text()


@pytest.mark.parametrize(
    ("snippet", "error", "message"),
    [
        ("echo 'Slurm accounting storage is disabled' >&2; exit 1", Refused, "keeps no accounting"),
        ("true", Refused, "neither squeue nor sacct knows job 7"),
        ("echo 'Unknown|Unknown|None assigned'", Refused, "has not run"),
        (f"echo '{START}|{END}'", BadAnswer, "expected Start,End,NodeList"),
        (f"echo '{START}|{END}|gpu[1'", BadAnswer, "hostlist"),
        ("echo 'Unable to contact slurm controller' >&2; exit 1", Unreachable, "sacct"),
    ],
)
async def test_an_accounting_that_does_not_tell_is_an_error(tmp_path, snippet, error, message):
    with pytest.raises(error, match=message):
        await run(StubSlurm(tmp_path, squeue=[NO_JOBS], sacct=[snippet]))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"job_state": ["PENDING"], "nodes": "", "start_time": number(0), "end_time": number(0)}, Refused),
        ({"job_state": ["FAILED"], "nodes": "", "start_time": number(START), "end_time": number(END)}, Refused),
        ({"job_state": ["COMPLETED"], "start_time": number(START), "end_time": number()}, BadAnswer),
    ],
)
async def test_a_job_that_never_ran_or_is_told_in_part_is_an_error(tmp_path, changes, error):
    with pytest.raises(error):
        await run(StubSlurm(tmp_path, squeue=[says(answer("jobs", job(7, **changes)))]))


@pytest.mark.parametrize("job_id", ["", "-u", "7;reboot", "7,8", "7.batch", "7\n", "x"])
async def test_what_is_no_job_id_never_reaches_a_command(tmp_path, job_id):
    slurm = StubSlurm(tmp_path, squeue=[NO_JOBS])

    with pytest.raises(InvalidInput):
        await run(slurm, job_id)
    assert [] == slurm.calls()
