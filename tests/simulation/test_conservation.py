"""Whatever is simulated: no host is in two sets, no job holds a host that is not there, no promise of trains breaks."""

from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.chance import Shape, Spread
from simulation.running import Simulation
from simulation.scenario import Policy, Scenario, Upgrade
from simulation.workloads import named
from tests.simulation.conserving import HOUR, check

_CHECK_EVERY = 7


@st.composite
def scenarios(draw, policies=tuple(Policy)):
    hosts = draw(st.integers(4, 48))
    domain = draw(st.integers(1, max(1, hosts // 4)))
    seed = draw(st.integers(0, 10_000))
    return Scenario(
        hosts=hosts,
        days=2.0,
        seed=seed,
        policy=draw(st.sampled_from(policies)),
        pool_hosts=draw(st.sampled_from([hosts, max(domain, hosts // 2)])),
        domain=domain,
        cycle_days=draw(st.sampled_from([0.3, 1.0])),
        visit=Spread(mean_s=HOUR / 2, sigma=0.5),
        drain_s=draw(st.sampled_from([0.0, 600.0, 7200.0])),
        notice_s=draw(st.sampled_from([0.0, 900.0])),
        failure_buffer=max(1, hosts // 8),
        failures_per_1000_node_days=draw(st.sampled_from([0.0, 500.0, 3000.0])),
        repair=Spread(mean_s=HOUR, shape=Shape.EXPONENTIAL),
        visit_fails=draw(st.sampled_from([0.0, 0.2])),
        upgrade=draw(st.sampled_from([None, Upgrade(at_days=0.2, fails=0.3, factor=3.0)])),
        window_s=HOUR,
        checkpoint_write_s=draw(st.sampled_from([0.0, 30.0])),
        checkpoint_on_notice=draw(st.booleans()),
        schedule_every_s=draw(st.sampled_from([0.0, 60.0])),
        workload=named(
            "training", hosts=hosts, days=2.0, load=draw(st.sampled_from([0.5, 1.0])), seed=seed, most_jobs=40
        ),
    )


@settings(max_examples=50, deadline=None)
@given(scenarios())
def test_hosts_and_jobs_are_conserved_at_every_step(scenario):
    simulation = Simulation(scenario)
    steps = 0
    while simulation.step():
        steps += 1
        if steps % _CHECK_EVERY == 0:
            check(simulation)
    check(simulation)
    simulation.run()
    gangs, scale = simulation.gangs, scenario.hosts * scenario.until_s
    accounted = gangs.productive + sum(gangs.lost) + gangs.restarting + gangs.writing
    assert 0 <= accounted <= scale * (1 + 1e-9)
    assert all(left >= -1e-6 for left in gangs.left)
    assert abs(sum(simulation.meter.sums) - scale) <= 1e-6 * scale


@settings(max_examples=25, deadline=None)
@given(scenarios((Policy.TRAINS,)))
def test_trains_never_take_more_than_the_planned_buffer_nor_go_below_the_floor(scenario):
    simulation = Simulation(scenario)
    hosts, limits = simulation.hosts, simulation.visits.promised
    before = list(hosts.planned)
    while simulation.step():
        for pool, limit in enumerate(limits):
            if hosts.planned[pool] > before[pool]:
                assert hosts.planned[pool] <= limit.planned_buffer
                assert hosts.up(pool) >= limit.floor
                assert hosts.failed[pool] < limit.failure_buffer
        before = list(hosts.planned)


@settings(max_examples=30, deadline=None)
@given(scenarios((Policy.SLIDING,)))
def test_sliding_keeps_to_the_planned_buffer(scenario):
    simulation = Simulation(scenario)
    simulation.run()
    for most, limit in zip(simulation.meter.most_planned_in, simulation.visits.promised, strict=True):
        assert most <= limit.planned_buffer


@settings(max_examples=20, deadline=None)
@given(scenarios((Policy.MAX_UNAVAILABLE,)))
def test_max_unavailable_counts_failed_hosts_when_it_takes_more(scenario):
    simulation = Simulation(scenario)
    hosts = simulation.hosts
    before = list(hosts.planned)
    while simulation.step():
        for pool, limit in enumerate(simulation.visits.promised):
            if hosts.planned[pool] > before[pool]:
                assert hosts.planned[pool] + hosts.failed[pool] <= max(1, limit.members // 4)
        before = list(hosts.planned)
