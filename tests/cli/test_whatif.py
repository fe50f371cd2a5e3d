"""`maintrain whatif`: the same answer each time, as a table, as JSON and as pictures; bad input is one clear error."""

import json
from xml.etree import ElementTree

import pytest

from simulation import Scenario
from simulation.workloads import named
from starter.whatif_text import Answer, assumptions
from tests.cli.conftest import ROOT, SIMULATED

SMALL = ("whatif", "--hosts", "200", "--days", "2", "--domain", "10", "--cycle", "1d", "--processes", "1")


def test_policies_are_compared_with_their_assumptions_first(maintrain):
    found = maintrain(*SMALL, "--policy", "trains", "--policy", "nothing")
    assert found.code == 0
    assert found.out.startswith("Assumptions\n- 200 hosts in 1 pool, domains of 10; 2 days, seed 0.")
    assert found.out.splitlines()[found.out.splitlines().index("") + 1].split() == ["trains", "nothing"]
    assert "floor kept, share of time" in found.out
    assert "jobs, " in found.out.splitlines()[-1]
    assert "Traceback" not in found.err


def test_the_same_seed_gives_the_same_answer(maintrain):
    first, again, other = (
        json.loads(maintrain(*SMALL, "--policy", "trains", "--seed", seed, "--json").out) for seed in ("3", "3", "4")
    )
    assert first["outcomes"] == again["outcomes"]
    assert first["workload"] == again["workload"]
    assert first["outcomes"] != other["outcomes"]
    assert first["outcomes"][0]["work"]["decisions"] > 0
    assert set(first["cost"]["trains"]) == {"wall_s", "cpu_s", "peak_mib"}


def test_all_policies_are_drawn_into_a_page_and_files(maintrain, tmp_path):
    page, folder = tmp_path / "page.html", tmp_path / "pictures"
    assert maintrain(*SMALL, "--bad-version", "20%", "--html", page, "--svg", folder).code == 0
    text = page.read_text()
    assert text.index("<h2>Assumptions</h2>") < text.index("<h2>Pictures</h2>")
    assert "<script" not in text
    drawn = sorted(folder.iterdir())
    assert [path.name for path in drawn] == [
        "whatif-interruptions.svg",
        "whatif-reach.svg",
        "whatif-time.svg",
        "whatif-up.svg",
    ]
    for path in drawn:
        ElementTree.fromstring(path.read_text())


def test_a_page_that_cant_be_written_does_not_cost_the_answer(maintrain, tmp_path):
    found = maintrain(*SMALL, "--policy", "nothing", "--html", tmp_path)
    assert found.code == 2
    assert "expected a file to write" in found.err
    assert "floor kept, share of time" in found.out


def test_size_and_promises_come_from_a_fleet_file(maintrain):
    found = maintrain("whatif", "--fleet", SIMULATED, "--days", "1", "--policy", "trains", "--processes", "1", "--json")
    scenario = json.loads(found.out)["scenario"]
    assert (scenario["hosts"], scenario["domain"], scenario["failure_buffer"]) == (64, 8, 6)


def test_a_site_replays_its_own_history(maintrain):
    log = ROOT / "examples" / "workloads" / "sacct.txt"
    found = maintrain(*SMALL, "--policy", "nothing", "--workload", log, "--json")
    answer = json.loads(found.out)
    assert (found.code, answer["workload"]["name"]) == (0, str(log))
    assert answer["outcomes"][0]["jobs"]["submitted"] > 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--days", "2"), "expected --hosts N or --fleet FILE"),
        (("--hosts", "10", "--workload", "nope"), "expected a file, or one of acme"),
        (("--hosts", "10", "--pool", "x"), "expected --fleet FILE, whose pool it is"),
        (("--hosts", "10", "--cycle", "30"), "expected a duration with its unit"),
        (("--hosts", "10", "--cycle", "1ms"), "--cycle: expected at least 1m"),
        (("--hosts", "10", "--visit", "0s"), "visit.mean_s: Input should be greater than 0"),
        (("--hosts", "9000", "--domain", "1", "--visit", "3650d"), "visit: expected the visits of a cycle"),
        (("--hosts", "10", "--load", "many"), "expected a percentage such as 5%"),
        (("--fleet", SIMULATED, "--pool", "other"), "expected a pool of"),
        (("--hosts", "10", "--policy", "hope"), "'hope' is not one of"),
    ],
)
def test_bad_input_is_one_clear_error(maintrain, arguments, told):
    found = maintrain("whatif", *arguments)
    assert found.code == 2
    assert told in found.err
    assert "Traceback" not in found.err
    assert found.out == ""


def test_what_of_a_pool_is_not_simulated_is_said(maintrain):
    kinds = ROOT / "examples" / "kinds.yaml"
    found = maintrain(
        "whatif",
        *("--fleet", kinds, "--pool", "gpu-inference", "--hosts", "64"),
        *("--days", "1", "--policy", "nothing", "--processes", "1", "--json"),
    )
    assert found.code == 0, found.err
    assumptions = json.loads(found.out)["assumptions"]
    assert any(
        said.endswith("(here: hosts side by side) and windows of gpu-inference are not simulated.")
        for said in assumptions
    )
    assert any("every job is requeued" in said for said in assumptions)


def test_when_cycles_open_is_said():
    def said(hosts):
        scenario = Scenario(hosts=hosts, days=1, domain=50, workload=named("batch", hosts=10, days=1))
        return " ".join(assumptions(Answer(scenario, "batch", (), [])))

    assert "once in 30 days, from day 0 on, lock-step in the middle" in said(4096)
    assert "Floor kept is a mean over the pools." not in said(4096)
    assert "once in 30 days: pools open their cycles evenly spread over that time" in said(4097)
    assert "Floor kept is a mean over the pools." in said(4097)


def test_jobs_of_a_history_cost_what_the_pool_says_and_its_train_has_no_end(maintrain):
    log = ROOT / "examples" / "workloads" / "acme.csv"
    asked = ("whatif", "--fleet", SIMULATED, "--days", "1", "--policy", "nothing", "--processes", "1", "--json")
    found = json.loads(maintrain(*asked, "--workload", log).out)
    assert any("Every job restarts in 5s and saves every 20s" in said for said in found["assumptions"])
    scenario = found["scenario"]
    assert scenario["cycle_days"] * 2 == scenario["bound_days"]
    own = json.loads(maintrain(*asked, "--cycle", "1d").out)["scenario"]
    assert (own["cycle_days"], own["bound_days"]) == (1.0, None)


def test_how_many_jobs_are_told_as_one_is_said():
    chained, every = (
        Answer(Scenario(hosts=100, days=10, domain=5, workload=jobs), "training", (), [])
        for jobs in (named("training", hosts=100, days=10, most_jobs=most) for most in (100, 100_000))
    )
    count = chained.scenario.workload.summary().stands_for
    assert count > 1000
    assert any(sentence.startswith(f"They stand for {count:,} jobs, ") for sentence in assumptions(chained))
    assert not any("stand for" in sentence for sentence in assumptions(every))
