"""What a size of domains costs in the simulator, against what can be counted on one's fingers."""

import pytest

from fleet.errors import InvalidInput
from simulation.validation.sizes import PoolToSize, Standing, placed_host_hours, simulated_cost

POOL = PoolToSize(hosts=64, jobs=(Standing(8, 7, restart_s=900.0, checkpoint_s=0.0),), visit_s=3600.0, cycle_days=5.0)
"""Seven gangs of eight hosts that lose a quarter of an hour, and nothing else, by each visit that meets them."""


def test_jobs_that_fill_whole_domains_are_met_once_a_cycle() -> None:
    cost = simulated_cost(POOL, domain=8, cycles=4)

    assert 24.0 * 8 == cost.reserved
    assert 7 * 8 * 0.25 / 5 == pytest.approx(cost.interruptions, rel=0.01)
    assert 7 * 8 * 0.25 == placed_host_hours(POOL, 8)
    assert 8 / 24 == pytest.approx(cost.cycle_days or 0.0, rel=0.2)


def test_jobs_over_two_domains_are_put_down_as_met_twice() -> None:
    assert 2 * 7 * 8 * 0.25 == placed_host_hours(POOL, 4)


def test_without_jobs_a_size_costs_what_it_reserves() -> None:
    cost = simulated_cost(PoolToSize(64, (), 3600.0, 5.0), domain=16)

    assert (384.0, 0.0, 384.0) == (cost.reserved, cost.interruptions, cost.total)


def test_a_pool_whose_jobs_leave_no_domain_free_is_refused() -> None:
    with pytest.raises(InvalidInput, match="pool to size: jobs: expected at most 48 busy hosts, a domain is free"):
        simulated_cost(POOL, domain=16)
