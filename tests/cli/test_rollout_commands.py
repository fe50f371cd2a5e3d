"""Rollouts from the command line: plans, refusals in one error each, and orders that are rows first."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
import yaml

from fleet.models.rollout import RolloutSpec
from fleet.models.rollouts import Trial
from runtime.settings import load_settings
from store import open_store
from tests.cli.conftest import SIMULATED, CommandLine

BECAUSE = ("--reason", "a try")
DRIVER = "gpu-driver/550.127.08"
SPEC = {
    "component": "gpu-driver",
    "version": "550.127.08",
    "prior": "550.90.07",
    "phases": [
        {"name": "canary", "cohort": {"count": 8}, "min_successes": 4, "soak": "1h"},
        {"name": "everywhere", "approval": True},
    ],
}

# What is changed in the spec, and what the error says.
BAD_SPECS = {
    "a component that is not there": ({"component": "gpu-drivr"}, "component: expected a host-facing component"),
    "a pinned component": ({"component": "cuda"}, "component: expected a host-facing component of some cluster"),
    "a cluster that is not there": ({"clusters": ["moon"]}, "clusters[0]: expected one of the clusters sim"),
    "a pool that is not there": ({"pools": ["gpu"]}, "pools[0]: expected one of the pools gpu-train, found 'gpu'"),
    "no phases": ({"phases": []}, "phases: expected at least 1 entry"),
    "a phase of nobody": (
        {"phases": [{"name": "a", "cohort": {"count": 0}}, {"name": "b"}]},
        "phases[0].cohort.count: expected a number of at least 1, found 0",
    ),
    "a last phase of some": (
        {"phases": [{"name": "a", "cohort": {"count": 8}}]},
        "phases[0].cohort: expected none, the last phase reaches every host",
    ),
    "a soak without its unit": ({"phases": [{"name": "a", "soak": 60}]}, "phases[0].soak: expected a duration with"),
    "a rate beyond all": (
        {"phases": [{"name": "a", "max_failure_rate": "500%"}]},
        "phases[0].max_failure_rate: expected a percentage",
    ),
    "the same version before": ({"prior": "550.127.08"}, "stages: expected prior, stages and version to differ"),
    "an unknown field": ({"canary": 3}, "canary: expected"),
    "a digest that is none": (
        {"image": {"url": "https://images/x", "sha256": "1234"}},
        "image.sha256: expected text that matches",
    ),
    "a hostlist that is none": ({"hosts": {"names": "gpu[1-"}}, "hosts.names: expected a hostlist such as"),
}


def write(folder, **changes):
    path = folder / "rollout.yaml"
    path.write_text(yaml.safe_dump({**SPEC, **changes}))
    return path


@pytest.fixture
def started(synced: CommandLine):
    """The command line beside a rollout whose row is there, and no Temporal."""

    async def begin() -> None:
        store = await open_store(load_settings().store_url)
        spec = RolloutSpec.model_validate({**SPEC, "clusters": ["sim"]})
        await store.start_rollout(spec, "ada", "go", datetime.now(UTC))
        await store.close()

    asyncio.run(begin())
    return synced


def status(line: CommandLine) -> dict:
    return json.loads(line("rollout", "status", DRIVER, "--json").out)[0]


@pytest.mark.parametrize("name", BAD_SPECS)
def test_a_bad_spec_is_told_in_one_error_with_file_and_place(synced, tmp_path, name):
    changes, message = BAD_SPECS[name]
    path, before = write(tmp_path, **changes), synced.facts()

    found = synced("rollout", "start", path, *BECAUSE)

    assert 2 == found.code
    assert "" == found.out
    assert f"error: {path}:" in found.err
    assert message in found.err
    assert 1 == len(found.err.splitlines())
    assert before == synced.facts()


def test_a_plan_says_which_hosts_in_which_phase_and_what_needs_testing(synced, tmp_path):
    found = synced("rollout", "plan", write(tmp_path))
    plain = json.loads(synced("rollout", "plan", write(tmp_path), "--json").out)

    assert 0 == found.code
    assert "opens when approved" in found.out
    assert "cycles at most" in found.out
    assert [8, 56] == [sum(map(len, p["hosts"].values())) for p in plain["phases"]]
    assert "gpu-driver 550.127.08" in found.out.split("the matrix")[1]


def test_a_dry_run_and_a_start_without_temporal_change_nothing(synced, tmp_path):
    path, before = write(tmp_path), synced.facts()

    dry = synced("rollout", "start", path, *BECAUSE, "--dry-run")
    without = synced("rollout", "start", path, *BECAUSE)

    assert (
        f"would be started: {DRIVER}, 8 hosts in phase canary, 56 in the phases after it; nothing was changed\n"
        == dry.out
    )
    assert 1 == without.code
    assert "error: the rollout was not started: no Temporal server runs" in without.err
    assert before == synced.facts()


def test_of_one_that_was_started_before_a_dry_run_says_so(started, tmp_path):
    dry = started("rollout", "start", write(tmp_path), *BECAUSE, "--dry-run")
    assert (0, True) == (dry.code, dry.out.startswith(f"was started before: {DRIVER}, "))


def test_a_rollout_without_hosts_in_its_scope_is_refused(synced, tmp_path):
    found = synced("rollout", "start", write(tmp_path, hosts={"model": "h100"}), *BECAUSE)

    assert (1, "") == (found.code, found.out)
    assert "no host is in its scope" in found.err


def test_a_phase_that_no_host_fits_is_refused_before_it_is_waited_for(synced, tmp_path):
    phases = [{"name": "b200", "cohort": {"hosts": {"model": "b200"}}}, {"name": "everywhere"}]

    plan = synced("rollout", "plan", write(tmp_path, phases=phases))
    found = synced("rollout", "start", write(tmp_path, phases=phases), *BECAUSE)

    assert "can't be started: phase b200: no host fits its cohort" in plan.out
    assert (1, "", f"error: {DRIVER}: phase b200: no host fits its cohort\n") == (found.code, found.out, found.err)


def test_a_prior_version_that_no_host_carries_is_a_problem_of_the_plan(synced, tmp_path):
    synced("compat", "adopt", *BECAUSE)
    known = synced("rollout", "plan", write(tmp_path))
    unknown = synced("rollout", "plan", write(tmp_path, prior="550.0"))

    assert "carry neither" not in known.out
    assert "hosts carry neither 550.0 nor what it brings" in unknown.out


def test_an_image_that_the_drivers_do_not_use_is_a_problem_of_the_plan(synced, tmp_path):
    found = synced("rollout", "plan", write(tmp_path, image={"url": "https://images/x.bin", "sha256": "0" * 64}))

    assert "problem: its image is not used in sim, whose drivers bring gpu-driver another way" in found.out


def test_an_offboarded_version_is_not_started_again_nor_what_goes_over_it_or_back_to_it(started, tmp_path):
    started("rollout", "offboard", DRIVER, *BECAUSE)

    again = started("rollout", "start", write(tmp_path, clusters=["sim"]), *BECAUSE)
    over = write(tmp_path, version="560.1", stages=["550.127.08"])
    staged = started("rollout", "start", over, *BECAUSE)
    back = started("rollout", "start", write(tmp_path, version="560.1", prior="550.127.08"), *BECAUSE)

    assert f"error: {DRIVER} was started before, and is offboarded: ada: a try\n" == again.err
    for found in (staged, back):
        assert (1, "") == (found.code, found.out)
        assert f"550.127.08 was offboarded by {DRIVER}" in found.err


def test_orders_are_in_force_in_the_store_though_temporal_does_not_answer(started):
    paused = started("rollout", "pause", DRIVER, *BECAUSE)
    assert paused.out.splitlines() == [
        f"paused: {DRIVER} (a try)",
        "Temporal does not answer; the word is in force in the store, every step reads it",
    ]
    assert "paused" == status(started)["state"]
    assert "hold: paused: ada: a try" in started("rollout", "status").out

    assert 0 == started("rollout", "resume", DRIVER, *BECAUSE).code
    assert 0 == started("rollout", "approve", DRIVER, *BECAUSE).code
    assert 1 == status(started)["approved"]
    gone = started("rollout", "offboard", DRIVER, *BECAUSE)
    assert "hosts that carry it: with_trains back to 550.90.07; it boards nowhere any more" in gone.out
    assert "offboarded" == status(started)["state"]
    told = started("rollout", "history", DRIVER).out
    for deed in ("rollout start", "rollout pause", "rollout resume", "rollout approve", "rollout offboard"):
        assert deed in told


@pytest.mark.parametrize("verb", ["approve", "pause", "offboard", "rollback"])
def test_a_dry_run_of_an_order_changes_nothing(started, verb):
    before = started.facts()

    found = started("rollout", verb, DRIVER, *BECAUSE, "--dry-run")

    assert found.out.startswith("would be ")
    assert found.out.endswith("nothing was changed\n")
    assert before == started.facts()


def test_an_order_that_makes_no_sense_is_refused(started):
    found = started("rollout", "resume", DRIVER, *BECAUSE)

    assert (1, f"error: {DRIVER} is running already: go\n") == (found.code, found.err)


def test_a_rollout_that_is_not_there_is_told_with_those_that_are(started):
    found = started("rollout", "pause", "gpu-driver/550.127.8", *BECAUSE)

    assert 2 == found.code
    assert f"did you mean '{DRIVER}'?" in found.err


def test_the_same_version_with_another_spec_is_refused(started, tmp_path):
    found = started("rollout", "start", write(tmp_path, priority=7), *BECAUSE)

    assert (1, "") == (found.code, found.out)
    assert "was started before with another spec" in found.err


def test_a_train_plans_without_what_was_offboarded(started):
    started("rollout", "offboard", DRIVER, *BECAUSE)

    found = started("train", "plan", "sim/gpu-train", "--stops", "1")

    assert "nic-firmware" in found.out
    assert "gpu-driver 550.127.08 on" not in found.out


def test_the_example_can_be_planned(synced):
    found = synced("rollout", "plan", SIMULATED.parent / "rollout.yaml")

    assert 0 == found.code
    assert "rollout nic-firmware/28.43.2026" in found.out


def test_hosts_that_keep_failing_are_listed_with_where_they_are_and_why(synced):
    assert "no host fails more than bad luck explains\n" == synced("host", "lemons").out

    async def visits() -> None:
        store = await open_store(load_settings().store_url)
        now = await store.clock()
        boarded = ({"bmc": "1"}, {"kernel": "2"}, {"nic-firmware": "3"})
        told = [("gpu007", True, versions) for versions in boarded]
        told += [(f"gpu{n:03}", False, versions) for n in range(8, 65) for versions in boarded]
        trials = [
            Trial(cluster="sim", host=host, operation=f"visit/{n}", at=now, versions=versions, failed=failed)
            for n, (host, failed, versions) in enumerate(told)
        ]
        await store.record_trials(tuple(trials))
        await store.close()

    asyncio.run(visits())
    (found,) = json.loads(synced("host", "lemons", "sim", "--json").out)

    assert ("sim", "gpu007", 3) == (found["cluster"], found["host"], found["failures"])
    assert found["standing"]["set"] in ("up", "unknown")
    assert "gpu007 failed 3 times" in synced("host", "lemons").out
