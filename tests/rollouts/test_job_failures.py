"""Which hosts the ends of jobs speak against."""

from datetime import timedelta

import pytest

from fleet.models.scheduler import JobEnd, JobEnding
from fleet.policy.job_failures import MOST_WORKS, host_failures, job_trial, remembered
from tests.host_policy.build import NOW
from tests.rollouts.make import trial

HOUR = timedelta(hours=1)
PASSES = {"ann/train": {"gpu007": True, "gpu008": True}}


def end(ending, *hosts, **changes):
    return JobEnd(**{"job": "7", "work": "ann/train", "hosts": hosts, "ending": ending, **changes})


def blamed(found, works=PASSES):
    return [(f.host, f.weak) for f in host_failures([found], remembered(works, [found]))]


def test_a_host_that_the_scheduler_names_is_the_one_that_failed_whatever_the_gang():
    gang = end(JobEnding.HOST_FAILED, "gpu001", "gpu002", failed_host="gpu002")

    assert [("gpu002", False)] == blamed(gang)


@pytest.mark.parametrize(
    "found",
    [
        end(JobEnding.HOST_FAILED, "gpu001", "gpu002"),
        end(JobEnding.FAILED, "gpu001", "gpu002"),
        end(JobEnding.OTHER, "gpu001"),
        end(JobEnding.PASSED, "gpu001"),
        end(JobEnding.FAILED, "gpu001", work=""),
    ],
)
def test_what_names_no_host_and_what_is_nobodys_failure_speaks_of_none(found):
    assert [] == blamed(found)


def test_a_failure_on_one_host_speaks_weakly_where_the_same_work_passes_elsewhere():
    assert [("gpu001", True)] == blamed(end(JobEnding.FAILED, "gpu001"))


@pytest.mark.parametrize(
    "works", [{}, {"ann/train": {"gpu008": True}}, {"ann/train": {f"gpu00{n}": n > 6 for n in range(2, 9)}}]
)
def test_work_that_does_not_pass_elsewhere_or_fails_as_often_speaks_of_itself(works):
    assert [] == blamed(end(JobEnding.FAILED, "gpu001"), works)


def test_only_so_many_works_are_remembered_and_the_last_ones_stay():
    ends = [end(JobEnding.PASSED, "gpu001", work=f"ann/{n}") for n in range(MOST_WORKS + 5)]

    assert (MOST_WORKS, "ann/5") == (len(works := remembered({}, ends)), next(iter(works)))


def test_a_host_that_fails_a_job_after_another_failed_by_itself_is_still_told_of():
    (host,) = host_failures([end(JobEnding.HOST_FAILED, "gpu001", failed_host="gpu001")], PASSES)
    (weak,) = host_failures([end(JobEnding.FAILED, "gpu001")], remembered(PASSES, []))
    back, now = trial("gpu001", at=1), NOW + 5 * HOUR
    job = job_trial(weak, (back,), now, 24 * HOUR, now - HOUR)

    found = job_trial(host, (back, job), now, 24 * HOUR, now)

    assert ("", True, True) == (found.category, found.failed, found.in_production)
    assert found.operation not in (back.operation, job.operation)
    assert job_trial(host, (back, job, found), now, 24 * HOUR, now) is None
    assert job_trial(weak, (back, job), now, 24 * HOUR, now) is None


def failed_after(hours, *its, before=None, soak=24):
    (failure,) = host_failures([end(JobEnding.FAILED, "gpu001")], remembered(PASSES, []))
    now = NOW + hours * HOUR
    return job_trial(failure, its, now if before is None else NOW + before * HOUR, soak * HOUR, now)


def test_it_is_told_of_all_that_soaks_on_the_host():
    early, late = trial("gpu001", at=1, rollouts=("bmc/1.1",)), trial("gpu001", at=2)

    found = failed_after(5, early, late)

    assert ("job", True, True) == (found.category, found.failed, found.in_production)
    assert {"bmc/1.1", "gpu-driver/550.90"} == set(found.rollouts)
    assert late.operation != found.operation


@pytest.mark.parametrize(
    ("hours", "before", "its"),
    [
        (40, 40, [trial("gpu001", at=2)]),
        (5, 5, [trial("gpu001", at=2, failed=True)]),
        (5, 1.5, [trial("gpu001", at=2)]),
        (5, 5, []),
    ],
    ids=["soaked", "failed before", "may be from before its return", "nothing boarded"],
)
def test_it_is_not_told_when_it_says_nothing_about_what_was_brought(hours, before, its):
    assert failed_after(hours, *its, before=before) is None
