"""The same seed gives the same answer, and every policy meets the same luck."""

from simulation import Policy, Scenario, Upgrade, run
from simulation.comparing import compare
from simulation.running import Simulation
from simulation.workloads import named


def scenario(**more):
    spec = {"hosts": 300, "days": 5.0, "seed": 4, "domain": 20, "cycle_days": 5.0, "upgrade": Upgrade()}
    jobs = named("training", hosts=300, days=5.0, seed=4, most_jobs=500)
    return Scenario(workload=jobs, failures_per_1000_node_days=40.0, **(spec | more))


def test_the_same_scenario_gives_the_same_answer_in_this_process_and_in_others():
    here = run(scenario())
    there = compare(scenario(), [Policy.TRAINS, Policy.NOTHING], processes=2)
    assert here == run(scenario())
    assert [m.outcome for m in there] == [here, run(scenario(policy=Policy.NOTHING))]


def test_another_seed_gives_another_answer():
    assert run(scenario()) != run(scenario(seed=5))


def test_every_policy_meets_the_same_failures_and_the_same_visits():
    found = [Simulation(scenario(policy=policy)) for policy in Policy]
    first = found[0].visits
    for other in (s.visits for s in found[1:]):
        assert other.usual.at_s == first.usual.at_s
        assert other.usual.host == first.usual.host
        assert other.chances(1).length_s == first.chances(1).length_s
        assert other.chances(1).luck == first.chances(1).luck


def test_progress_is_told_and_changes_nothing():
    told = []
    found = run(scenario(days=5.0), told.append)
    assert found == run(scenario(days=5.0))
    assert all(0 <= share <= 1 for share in told)
    assert told == sorted(told)
