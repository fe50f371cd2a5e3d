"""When the cycles of several pools open, and what a host in repair gets of a version that comes out meanwhile."""

import pytest

from simulation import Policy, Upgrade, run
from simulation.chance import Shape, Spread
from simulation.hosts import UP
from simulation.reckoning import outcome
from simulation.running import Simulation
from tests.simulation.conserving import HOUR, jobs, quiet


@pytest.mark.parametrize("policy", [Policy.TRAINS, Policy.SLIDING, Policy.MAX_UNAVAILABLE])
def test_pools_open_their_cycles_evenly_spread_over_the_time_between_two(policy):
    # Two pools of four domains, an hour each, once a day: never out together, and both twice in two days.
    spec = {"hosts": 16, "pool_hosts": 8, "domain": 2, "days": 2.0, "cycle_days": 1.0, "upgrade": Upgrade()}
    simulation = Simulation(quiet(jobs((0, 1, 60)), policy=policy, **spec))
    simulation.run()
    whole = [c for c in simulation.policy.cycles if c.opened_s >= 0]
    assert [(0, 0), (1, 12 * HOUR), (0, 24 * HOUR), (1, 36 * HOUR)] == [(c.pool, c.opened_s) for c in whole]
    found = outcome(simulation)
    assert (found.capacity.up_min, found.cycles.closed, found.cycles.host_visits) == (14, 4, 32)
    assert found.cycles.longest_days == pytest.approx(4 / 24, abs=1e-5)
    assert found.reach.all == pytest.approx(16 / 24, abs=1e-5)


@pytest.mark.parametrize("policy", [Policy.TRAINS, Policy.SLIDING])
def test_a_cycle_that_opened_before_time_began_is_where_it_would_be_by_then(policy):
    # Each pool's eight visits of two hours take 16 h of its day: the second one's last two are left at first.
    spec = {"hosts": 16, "pool_hosts": 8, "domain": 1, "days": 3.0, "cycle_days": 1.0}
    spec["visit"] = Spread(mean_s=2 * HOUR, shape=Shape.FIXED)
    simulation = Simulation(quiet(jobs((0, 1, 60)), policy=policy, **spec))
    simulation.run()
    (first,) = (c for c in simulation.policy.cycles if c.opened_s < 0)
    assert (first.pool, first.opened_s) == (1, -12 * HOUR)
    assert first.closed_s == pytest.approx(4 * HOUR, abs=1)
    assert simulation.visits.count == 3 * 8 + (2 + 8 + 8 + 5)  # one more would end just then
    assert outcome(simulation).cycles.mean_days == pytest.approx(16 / 24, abs=1e-4)


def test_how_long_floors_are_kept_is_a_mean_over_the_pools():
    # One of two pools is out for an hour of the day; the other one's cycle opens on day 15.
    spec = {"hosts": 16, "pool_hosts": 8, "domain": 2, "policy": Policy.MAX_UNAVAILABLE, "unavailable": "100%"}
    found = run(quiet(jobs((0, 1, 60)), **spec, floor=4))
    assert found.capacity.at_or_above_floor == pytest.approx(1 - 1 / 48, abs=1e-5)
    assert found.capacity.least_margin == -4


@pytest.mark.parametrize(("before_end_h", "boards"), [(5.0, True), (0.5, False)])
def test_a_repair_boards_what_was_released_when_its_last_try_began(before_end_h, boards):
    # A repair of ten hours, whose last try takes an hour as a visit does.
    spec = {"days": 9.0, "cycle_days": 30.0, "policy": Policy.LOCK_STEP, "failures_per_1000_node_days": 50.0}
    spec["repair"] = Spread(mean_s=10 * HOUR, shape=Shape.FIXED)
    failed_s = Simulation(quiet(jobs((0, 1, 60)), **spec)).visits.usual.at_s[0]
    back_s = failed_s + 10 * HOUR
    upgrade = Upgrade(at_days=(back_s - before_end_h * HOUR) / 86_400)
    simulation = Simulation(quiet(jobs((0, 1, 60)), **spec, upgrade=upgrade))
    while simulation.clock.now < back_s:
        assert simulation.step()
    assert simulation.hosts.set[simulation.visits.usual.host[0]] == UP
    assert bool(simulation.visits.upgrades.count) == boards
