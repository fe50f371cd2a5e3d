"""When a job of Slurm is over at the latest: the end that its limit sets, told of running jobs alone."""

from datetime import UTC, datetime

import pytest

from drivers.slurm.jobs import parse_jobs
from fleet.errors import BadAnswer
from tests.drivers.slurm.newer import answer, job, number

END = 1_772_400_000


def ends_by(**changes):
    return parse_jobs(answer("jobs", job(7, **changes)), "squeue --json")["7"].ends_by


def test_a_running_job_is_over_when_its_limit_ends_it():
    expected = datetime.fromtimestamp(END, UTC)
    assert [expected, expected] == [ends_by(end_time=END), ends_by(end_time=number(END))]


def test_no_end_is_no_end():
    never = {"set": True, "infinite": True, "number": 0}
    assert [None] * 4 == [ends_by(), ends_by(end_time=0), ends_by(end_time=never), ends_by(end_time=2**32 - 2)]


def test_a_job_that_does_not_run_has_none():
    assert ends_by(end_time=END, job_state=["COMPLETED"]) is None


def test_an_end_that_is_no_time_is_a_bad_answer():
    with pytest.raises(BadAnswer):
        ends_by(end_time="tomorrow")
