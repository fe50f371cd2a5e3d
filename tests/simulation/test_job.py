"""Workloads as arrays: what they take, and what they refuse."""

import numpy as np
import pytest

from fleet.errors import InvalidInput
from simulation.job import Workload


def workload(**more):
    return Workload.of(**({"submit_s": [200, 0, 100], "hosts": [1, 8, 2], "run_s": [86_400, 43_200, 3600]} | more))


def test_jobs_are_put_in_the_order_of_submission():
    found = workload()
    assert (found.submit_s.tolist(), found.hosts.tolist()) == ([0, 100, 200], [8, 2, 1])
    assert np.isinf(found.limit_s).all()


def test_a_summary_counts_the_work():
    found = workload().summary()
    assert (found.jobs, found.largest) == (3, 8)
    assert found.host_days == pytest.approx(1 + 4 + 2 / 24)
    assert found.load(hosts=10, days=2) == pytest.approx((5 + 2 / 24) / 20)
    assert sum(found.share_of_work_by_size.values()) == pytest.approx(1, abs=1e-3)


def test_an_empty_workload_has_a_summary():
    assert workload().clip(0).summary().jobs == 0


def test_clipping_keeps_what_comes_in_time_and_fits():
    found = workload().clip(150 / 86_400, largest=4)
    assert found.hosts.tolist() == [2]


def test_workloads_are_put_together_by_submission():
    found = Workload.concat(workload(), workload(hosts=[5, 6, 7]))
    assert found.hosts.tolist() == [8, 6, 2, 7, 1, 5]


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"hosts": [0, 1, 1]}, "hosts"),
        ({"run_s": [0, 1, 1]}, "run_s"),
        ({"run_s": [np.inf, 1, 1]}, "run_s"),
        ({"limit_s": [1, 1, 1]}, "limit_s"),
        ({"restart_s": [-1, 1, 1]}, "restart_s"),
        ({"checkpoint_s": [-1, 1, 1]}, "checkpoint_s"),
        ({"kind": [3, 1, 1]}, "kind"),
    ],
)
def test_values_that_no_job_can_have_are_refused_by_name(wrong, name):
    with pytest.raises(InvalidInput, match=f"workload: {name}"):
        workload(**wrong)
