"""Scenarios so small that their answers can be worked out on paper."""

import dataclasses
import time

import numpy as np
import pytest

from simulation import Policy, Upgrade, run
from simulation.chance import Shape, Spread
from simulation.hosts import Hosts
from simulation.meter import Meter
from simulation.running import Simulation
from tests.simulation.conserving import HOUR, check, jobs, quiet


def ended(scenario):
    simulation = Simulation(scenario)
    simulation.run()
    return simulation, simulation.gangs.done_at


def test_a_job_alone_takes_its_restart_and_its_work():
    found = run(quiet(jobs((0, 2, 3600), restart_s=600)))
    assert found.goodput.effective == pytest.approx(3600 / 4200, abs=1e-6)
    assert found.goodput.ettr == pytest.approx(3600 / 4200, abs=1e-6)
    assert found.goodput.productive == pytest.approx(2 * 3600 / (8 * 86_400), abs=1e-6)
    assert found.jobs.done == 1


def test_checkpoints_that_take_time_lengthen_a_run():
    _, done = ended(quiet(jobs((0, 1, 3600), checkpoint_s=600), checkpoint_write_s=60))
    assert done == [pytest.approx(3960)]


def test_an_interrupted_gang_goes_back_to_its_last_checkpoint():
    # The window opens at 6 h: 21,000 s are done after the restart, of which the checkpoints hold 18,000.
    scenario = quiet(jobs((0, 8, 30_000), restart_s=600, checkpoint_s=3600), policy=Policy.LOCK_STEP)
    scenario = scenario.model_copy(update={"cycle_days": 0.5, "window_s": HOUR, "days": 0.7})
    simulation, done = ended(scenario)
    assert done == [6 * HOUR + HOUR + 600 + 12_000]
    assert simulation.gangs.lost[True] == pytest.approx(8 * 3000)
    assert simulation.gangs.hits == ([0], [1])


def test_one_that_checkpoints_on_notice_loses_nothing_but_its_restart():
    scenario = quiet(
        jobs((0, 8, 30_000), restart_s=600), policy=Policy.LOCK_STEP, cycle_days=0.5, window_s=HOUR, days=0.7
    )
    _, done = ended(scenario)
    _, noticed = ended(scenario.model_copy(update={"checkpoint_on_notice": True}))
    assert (done, noticed) == ([7 * HOUR + 600 + 30_000], [7 * HOUR + 600 + 9000])


def test_a_later_job_is_backfilled_only_if_the_first_one_is_not_delayed():
    # Three of four hosts are busy until 100; the second job needs all four, so that 100 is reserved for it.
    workload = jobs((0, 3, 100), (1, 4, 50), (2, 1, 150), (3, 1, 90))
    _, done = ended(quiet(workload, hosts=4, domain=4))
    assert done == [100, 150, 300, 93]


def test_a_gang_goes_to_the_domain_that_it_fits_best():
    scenario = quiet(jobs((0, 1, 1)), hosts=12)
    hosts = Hosts(scenario, Meter(scenario))
    assert hosts.place(3) == [(0, 3)]
    assert hosts.place(1) == [(0, 1)]
    assert hosts.place(6) == [(1, 4), (2, 2)]
    assert (hosts.free, hosts.total_free) == ([0, 0, 2], 2)


def test_a_cycle_of_trains_takes_as_long_as_its_visits():
    found = run(quiet(jobs((0, 1, 60)), hosts=24, policy=Policy.TRAINS, cycle_days=1.0, upgrade=Upgrade()))
    assert found.cycles.closed == 1
    assert found.cycles.longest_days == pytest.approx(6 / 24, abs=1e-5)
    assert found.cycles.host_visits == 24
    assert (found.reach.half, found.reach.all) == (pytest.approx(3 / 24, abs=1e-5), pytest.approx(6 / 24, abs=1e-5))
    assert found.capacity.up_min == 20
    assert found.capacity.planned_mean == pytest.approx(4 * 6 / 24, abs=1e-5)


def test_a_domain_that_jobs_leave_before_the_deadline_is_visited_at_once():
    # The first domain is visited for an hour; the job on the other one has half an hour left then.
    found = run(quiet(jobs((0, 4, 5400)), policy=Policy.TRAINS, drain_s=7200.0))
    assert found.cycles.longest_days == pytest.approx(2.5 / 24, abs=1e-5)
    assert found.interruptions.planned_a_day == 0


def test_a_gang_over_two_domains_is_hit_by_both_visits_and_by_every_host_that_slides():
    # One of three domains is out when the job comes; it moves to the one that is back, twice.
    spec = {"hosts": 12, "days": 2.0, "cycle_days": 2.0}
    workload = jobs((0, 8, 20 * HOUR), checkpoint_s=0)
    trains = run(quiet(workload, policy=Policy.TRAINS, **spec))
    sliding = run(quiet(workload, policy=Policy.SLIDING, domain=1, **spec))
    assert trains.interruptions.worst == 2
    assert sliding.interruptions.worst > 4


def test_lock_step_takes_everything_once_a_cycle():
    found = run(quiet(jobs((0, 1, 60)), policy=Policy.LOCK_STEP, cycle_days=0.5, window_s=2 * HOUR, upgrade=Upgrade()))
    assert found.capacity.up_min == 0
    assert found.capacity.up_mean == pytest.approx(8 * 20 / 24, abs=1e-5)
    assert found.cycles.closed == 2
    assert found.reach.all == pytest.approx(8 / 24, abs=1e-5)


def test_a_quarter_of_the_hosts_is_out_at_once():
    found = run(quiet(jobs((0, 1, 60)), policy=Policy.MAX_UNAVAILABLE, upgrade=Upgrade()))
    assert found.capacity.up_min == 6
    assert found.reach.all == pytest.approx(4 / 24, abs=1e-5)


def test_nothing_upgrades_nothing():
    found = run(quiet(jobs((0, 1, 60)), upgrade=Upgrade()))
    assert (found.reach.half, found.reach.carried, found.cycles.host_visits) == (None, 0, 0)


def test_trains_stop_while_the_failure_buffer_is_exhausted():
    # Every visit of the first domain's four hosts fails, and repairs take longer than the simulation.
    scenario = quiet(
        jobs((0, 1, 60)), hosts=16, policy=Policy.TRAINS, visit_fails=1.0, failure_buffer=4, cycle_days=0.5
    ).model_copy(update={"repair": Spread(mean_s=30 * 86_400.0, shape=Shape.FIXED)})
    found = run(scenario)
    assert (found.cycles.host_visits, found.cycles.handovers) == (4, 4)
    assert (found.cycles.closed, found.cycles.late) == (0, 1)


def test_a_failure_takes_the_whole_gang_and_repair_brings_the_host_back():
    scenario = quiet(jobs((0, 8, 50 * HOUR), checkpoint_s=0), days=20, failures_per_1000_node_days=100.0)
    scenario = scenario.model_copy(update={"repair": Spread(mean_s=HOUR, shape=Shape.FIXED)})
    simulation, done = ended(scenario)
    check(simulation)
    lost = simulation.gangs.hits[0][0]
    assert simulation.visits.failures > lost > 0
    assert done[0] >= 50 * HOUR + lost * HOUR - 1e-6


def test_a_version_that_fails_visits_is_offboarded_by_trains_alone():
    spec = {"hosts": 400, "days": 12.0, "domain": 10, "cycle_days": 6.0, "visit_fails": 0.01, "failure_buffer": 200}
    spec |= {"upgrade": Upgrade(at_days=6.0, fails=0.3), "repair": Spread(mean_s=HOUR)}
    trains = run(quiet(jobs((0, 1, 60)), policy=Policy.TRAINS, **spec))
    everywhere = run(quiet(jobs((0, 1, 60)), policy=Policy.LOCK_STEP, **spec))
    assert trains.reach.blamed_days is not None
    assert everywhere.reach.blamed_days is None
    assert trains.reach.harmed * 3 < everywhere.reach.harmed


def test_a_visit_of_a_domain_ends_with_its_slowest_host_and_the_others_are_back_before():
    scenario = quiet(jobs((0, 1, 60)), policy=Policy.TRAINS, cycle_days=0.5, visit=Spread(mean_s=HOUR, sigma=0.5))
    simulation = Simulation(scenario)
    simulation.run()
    lengths = simulation.visits.chances(0).length_s
    expected = max(lengths[:4]) + max(lengths[4:])
    assert simulation.policy.cycles[0].closed_s == pytest.approx(expected, abs=0.1)
    assert simulation.meter.sums[1] == pytest.approx(sum(lengths) + sum(simulation.visits.chances(1).length_s), abs=0.1)
    whole = Simulation(scenario.model_copy(update={"whole_visits": True}))
    whole.run()
    assert whole.policy.cycles[0].closed_s == pytest.approx(lengths[0] + lengths[4], abs=0.1)


def test_a_visit_that_began_before_the_release_neither_brings_the_upgrade_nor_its_harm():
    # The window opens on day 15 and closes 8 h later; the version comes out within it.
    spec = {"hosts": 40, "days": 20.0, "cycle_days": 30.0, "policy": Policy.LOCK_STEP, "window_s": 8 * HOUR}
    found = run(quiet(jobs((0, 1, 60)), **spec, upgrade=Upgrade(at_days=15.1, fails=0.5)))
    assert found.cycles.host_visits == 40
    assert (found.reach.carried, found.reach.harmed) == (0, 0)


def test_how_fast_an_upgrade_is_everywhere_is_told_as_the_mean_of_releases_over_a_cycle():
    # One window a day, at noon, an hour long: half a day on average until it opens, whenever the release is.
    daily = quiet(jobs((0, 1, 60)), policy=Policy.LOCK_STEP, days=3.0, cycle_days=1.0, window_s=HOUR, upgrade=Upgrade())
    reach = run(daily).reach
    assert reach.half == pytest.approx(13 / 24, abs=1e-4)
    assert reach.mean_half == pytest.approx(13 / 24, abs=0.03)
    trains = run(daily.model_copy(update={"policy": Policy.TRAINS})).reach
    assert trains.half == pytest.approx(1 / 24, abs=1e-4)
    assert trains.mean_half > 10 * trains.half


def test_hosts_are_taken_by_name_unless_another_order_is_asked_for():
    for policy in (Policy.SLIDING, Policy.MAX_UNAVAILABLE):
        scenario = quiet(jobs((0, 1, 60)), hosts=40, policy=policy)
        assert Simulation(scenario).visits.order(3, 0) == list(range(40))
        drawn = Simulation(scenario.model_copy(update={"random_order": True})).visits.order(3, 0)
        assert drawn != sorted(drawn) == list(range(40))
        simulation = Simulation(scenario)
        taken = [host for host in range(40) if simulation.hosts.set[host]]
        assert taken == list(range(len(taken)))


def test_small_jobs_without_a_limit_do_not_pass_a_gang_for_ever():
    inf = float("inf")
    small = [(n * 300.0, 1, 3600.0, inf) for n in range(100)]
    simulation, done = ended(quiet(jobs(*small, (2000.0, 4, 600.0, inf)), hosts=4, domain=4))
    gang = simulation.gangs.need.index(4)
    assert done[gang] <= 2000 + 2 * 3600 + 600  # three were there before it


def test_each_job_of_a_chain_has_its_restart():
    workload = dataclasses.replace(jobs((0, 2, 3600), restart_s=600), link_s=np.array([900.0], np.float32))
    simulation, done = ended(quiet(workload))
    assert done == [pytest.approx(600 + 3600 + 4 * 600)]
    assert simulation.gangs.restarting == pytest.approx(2 * 5 * 600)
    assert simulation.gangs.writing == pytest.approx(0, abs=1e-6)


def test_what_a_job_has_waited_counts_though_it_never_starts():
    # The second job needs all four hosts, of which the first one holds one for ever.
    found = run(quiet(jobs((0, 1, 90_000), (0, 4, 60)), hosts=4))
    assert (found.jobs.started, found.jobs.wait_hours_mean) == (1, pytest.approx(12.0))


def test_many_jobs_that_are_to_end_at_the_same_time_take_no_longer_than_others():
    simulation = Simulation(quiet(jobs(*[(0, 1, 3600, 86_400)] * 20_000), hosts=20_000, domain=500))
    began = time.process_time()
    simulation.run()
    assert time.process_time() - began < 4
    assert simulation.gangs.done_at == [3600.0] * 20_000
