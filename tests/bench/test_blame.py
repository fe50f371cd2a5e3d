"""The measurement of blame: the simulation is the policy itself, and a small run fills every figure and the page."""

import json

import numpy as np
import pytest
from scipy.stats import binom

from bench import limits
from bench.blame import flaky_page, rules
from bench.blame.measuring import measure
from bench.blame.slow_burn import PHASES, SOAK, calendar
from bench.blame.supply import BEGIN, Supply, match, when
from bench.blame.worlds import RECORD, World, draw, grown
from fleet.models.blame import HostRecord, Suspect, Trial
from fleet.models.blame_rule import BlameRule
from fleet.models.blame_state import BlameState
from fleet.models.verification import Verdict
from fleet.policy.blame import judge
from fleet.policy.sequential import hardware_shares, log_odds

RULE = BlameRule()
SUSPECT = Suspect(component="gpu-driver", version="2")


def as_trials(world, matching, drawn, scenario):
    """One simulated rollout as the policy is told it, call by call."""
    control = 0

    def one(host, failed, weight, at, model, versions=()):
        failures = weight * (RULE.host_spread + RECORD * RULE.usual_failures) - RULE.host_spread
        return Trial(
            host=host,
            hardware=f"model{model}",
            versions=versions,
            verdict=Verdict.FAILED if failed else Verdict.PASSED,
            at=at,
            record=HostRecord(visits=RECORD, failures=round(failures)),
        )

    def arrive(count, at):
        nonlocal control
        for number in range(control, control + count):
            failed, weight = drawn.control_failed[scenario, number], drawn.control_weight[scenario, number]
            yield one(f"c{number:06}", failed, weight, at, number % world.models)
        control += count

    yield list(arrive(matching.history, BEGIN))
    for visit, count in enumerate(matching.arrivals):
        failed, weight = drawn.failed[scenario, visit], drawn.weight[scenario, visit]
        with_it = one(f"v{visit:06}", failed, weight, when(visit), visit % world.models, (SUSPECT,))
        yield [*arrive(count, when(visit)), with_it]


@pytest.mark.parametrize("supply", [Supply(300, ((30, 3.0), (10**6, 0.25))), Supply(0, ((10**6, 0.5),))])
def test_the_simulation_and_the_policy_agree_on_the_odds_of_a_rollout(supply):
    world = World(visits=60, models=2, bad=0.1, bad_models=(0,), lemons=0.05, supply=supply)
    matching = match(supply, world.visits, world.models, RULE)
    drawn = draw(np.random.default_rng(5), world, matching, 3, RULE)
    simulated = log_odds(grown(world, matching, drawn, RULE), hardware_shares(2, 0), RULE)

    for scenario in range(3):
        state = BlameState(declared=("model0", "model1"))
        judged = []
        for trials in as_trials(world, matching, drawn, scenario):
            blame = judge([SUSPECT], trials, state)
            state = blame.state
            judged.append(np.log(blame.evidence[0].odds))
        assert simulated[scenario].tolist() == pytest.approx(judged[1:])


def test_a_small_run_writes_every_figure_and_the_page(tmp_path):
    found = measure(scenarios=20, visits=160, hosts=300)
    (tmp_path / "blame.json").write_text(json.dumps(found))
    (tmp_path / "throughput.json").write_text((limits.RESULTS / "throughput.json").read_text())
    limits.write_anew(tmp_path / "limits.md", tmp_path)

    assert (2, 8, 8) == (len(found["good"]), len(found["bad"]), len(found["supply"]))
    assert all(row["rules"]["blame"]["found"]["share"] > 0.8 for row in found["bad"])
    assert all(row["stopped"]["blame"]["share"] <= 0.05 for row in found["good"])
    assert 300 == found["cost"]["hosts"]
    found_by_bound = [[r["found"]["share"] for r in row["bad"]] for row in found["bounds"]["rows"]]
    harmed_by_bound = [[r["of_gate"] for r in row["bad"]] for row in found["bounds"]["rows"]]
    assert sorted(found_by_bound) == found_by_bound
    assert sorted(harmed_by_bound, reverse=True) == harmed_by_bound
    page = (tmp_path / "limits.md").read_text()
    assert "## Blame" in page
    assert "two boarded together, one bad, from their separation: 20% fail, found within 60 hosts" in page


def test_the_other_rules_stop_where_they_say():
    failed = np.zeros((3, 200), dtype=bool)
    failed[0, [4, 5, 6]] = True
    failed[1, [10, 30, 50, 55]] = True

    assert [6, 200, 200] == rules.in_a_row(failed).tolist()
    assert [200, 59, 200] == rules.gate_at_phase_end(failed).tolist()
    assert [19, 30, 200] == rules.gate_running(failed).tolist()


def test_one_look_spends_the_whole_chance_of_a_false_alarm():
    assert 0.01 == pytest.approx(rules.one_look(60, 0.01, 0.01, 0.01))
    assert float(binom.sf(3, 60, 0.2)) < rules.one_look(60, 0.01, 0.2, 0.01) < 1


def test_a_share_has_its_exact_interval():
    assert {"share": 0.0, "low": 0.0, "high": 0.00184} == rules.share(0, 2000)
    assert {"share": 0.5, "low": 0.39832, "high": 0.60168} == rules.share(50, 100)


def test_a_phase_begins_when_the_one_before_has_soaked():
    days = calendar()

    assert sum(hosts for hosts, _ in PHASES) == len(days)
    assert SOAK + 1 == days[PHASES[0][0]] - days[PHASES[0][0] - 1]


def test_flaky_work_gets_no_good_version_blamed_and_a_version_that_fails_jobs_is_found():
    rows = flaky_page.measure(good=6, bad=3)["rows"]

    assert [0, 0, 0, 0] == [row["blamed"] for row in rows[:4]]
    assert [3, 3] == [row["blamed"] for row in rows[-2:]]
    assert "| bad version, 20% of runs fail" in flaky_page.section({"rows": rows})
