"""The rollout over a large fleet: its fleet and spec are files that Maintrain takes; its page tells what was missed.

The run itself takes about an hour; `tests/workflows/test_long_rollout.py` holds the bound on histories.
"""

import pytest

from bench.instant import CLUSTER
from bench.rollout.page import section
from bench.rollout.plan import RolloutPlan
from fleet.models.fleetfile import FleetFile
from fleet.models.rollout import RolloutSpec
from fleet.policy.rollout_checks import spec_problems

FOUND = {
    "at": "2026-11-22T13:00:00+00:00",
    "hosts": 10000,
    "pools": 10,
    "domain": 50,
    "phases": ["canary", "everywhere"],
    "cycles": 2,
    "took_s": 3600.4,
    "upgraded": 10000,
    "violations": 0,
    "histories": {"Rollout": {"runs": 2, "mean": 1500.0, "longest": 3005}},
    "machine": {"cores": 2, "processor": "a processor"},
    "load_average_before": 0.5,
    "load_average_after": 3.1,
}


def test_the_fleet_of_the_bench_has_ten_thousand_hosts_in_ten_pools():
    plan = RolloutPlan()
    fleet, spec = FleetFile.model_validate(plan.fleet()), RolloutSpec.model_validate(plan.spec())

    assert 10_000 == plan.all_hosts
    assert plan.pool_names == tuple(p.name for p in fleet.cluster(CLUSTER).pools)
    assert [] == spec_problems(spec, fleet)


@pytest.mark.parametrize(("longest", "mark"), [(3005, ""), (4001, "**missed**")])
def test_the_page_says_whether_the_longest_history_is_within_the_goal(longest, mark):
    text = section({**FOUND, "longest_history": longest})

    assert f"| ≤ 4000 | {longest} | {mark} |" in text
    assert "10000 hosts upgraded in 2 cycles and 1h" in text
    assert "| Rollout | 2 | 1500.0 | 3005 |" in text
