"""How jobs of Slurm ended: by the words of their state, and by the node that newer versions name."""

import pytest

from drivers.slurm.jobs import parse_jobs_and_ends
from fleet.ids import BORROW_JOB
from fleet.models.scheduler import JobEnding
from tests.drivers.slurm.newer import answer, job, number

GANG = "gpu[001-002]"


def ends(**changes):
    return parse_jobs_and_ends(answer("jobs", job(7, **changes)), "squeue --json")[1]


@pytest.mark.parametrize(
    ("words", "ending"),
    [
        (["COMPLETED"], JobEnding.PASSED),
        (["FAILED"], JobEnding.FAILED),
        (["NODE_FAIL"], JobEnding.HOST_FAILED),
        (["BOOT_FAIL"], JobEnding.HOST_FAILED),
        (["TIMEOUT"], JobEnding.OTHER),
        (["OUT_OF_MEMORY"], JobEnding.OTHER),
        (["CANCELLED"], JobEnding.OTHER),
        (["FAILED", "LAUNCH_FAILED"], JobEnding.OTHER),
    ],
)
def test_a_state_tells_how_a_job_ended(words, ending):
    (end,) = ends(job_state=words, restart_cnt=2)

    assert (ending, ("gpu001",), "ada/llm", "7.2") == (end.ending, end.hosts, end.work, end.key)


@pytest.mark.parametrize(
    "changes",
    [
        {"job_state": ["RUNNING"]},
        {"job_state": ["FAILED", "COMPLETING"]},
        {"job_state": ["PENDING"], "nodes": ""},
        {"job_state": ["CANCELLED"], "nodes": ""},
        {"job_state": ["NODE_FAIL", "REQUEUED"]},
        {"job_state": ["SOMETHING_NEW"]},
        {"job_state": ["COMPLETED"], "name": BORROW_JOB},
    ],
    ids=["runs", "is ending", "waits", "never ran", "runs again", "unknown", "ours"],
)
def test_what_has_not_ended_or_never_ran_or_is_ours_has_no_end(changes):
    assert () == ends(**changes)


@pytest.mark.parametrize(
    ("named", "nodes", "expected"),
    [
        ({}, GANG, None),
        ({"failed_node": ""}, GANG, None),
        ({"failed_node": "gpu002"}, GANG, "gpu002"),
        ({"failed_node": "gpu009"}, GANG, None),
        ({"failed_node": "gpu009"}, "gpu001", None),
        ({}, "gpu001", "gpu001"),
    ],
)
def test_the_host_that_failed_is_the_one_that_is_named_or_the_only_one(named, nodes, expected):
    (end,) = ends(job_state=["NODE_FAIL"], nodes=nodes, **named)

    assert expected == end.failed_host


def test_a_task_of_an_array_is_an_end_of_its_own():
    (end,) = ends(job_state=["COMPLETED"], array_job_id=number(5), array_task_id=number(3))

    assert "5_3" == end.job
