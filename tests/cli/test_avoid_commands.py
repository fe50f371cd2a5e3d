"""Avoidance from the command line: asked, planned, listed, taken back, with rows that are in force without Temporal."""

import json
from pathlib import Path

import pytest

from drivers.simulated import SimulatedCluster
from runtime.avoidance_keys import job_key

BECAUSE = ("--reason", "no checkpoint yet", "--actor", "ann")
REQUEST = ("avoid", "request", "sim")
HOSTS = (*REQUEST, "--hosts", "gpu[001-002]", *BECAUSE)

# What is asked for, and what the error says.
BAD = {
    "a cluster that is not there": (("avoid", "request", "moon", "--job", "1", "--until", "+2h"), "expected one of"),
    "neither job nor hosts": ((*REQUEST, "--until", "+2h"), "expected either --job or --hosts"),
    "both": ((*REQUEST, "--job", "1", "--hosts", "gpu001", "--until", "+2h"), "expected either --job or --hosts"),
    "no hostlist": ((*REQUEST, "--hosts", "gpu[", "--until", "+2h"), "expected a hostlist such as"),
    "hosts that are nobody's": ((*REQUEST, "--hosts", "x1", "--until", "+2h"), "expected members of a pool, found x1"),
    "a misspelt host": ((*REQUEST, "--hosts", "gpu001,gpu01", "--until", "+2h"), "a pool, found gpu01\n"),
    "a key that no row takes": ((*REQUEST, "--hosts", "gpu001", "--until", "+2h", "--key", "k" * 700), "a key of"),
    "a date without its sign": ((*REQUEST, "--hosts", "gpu001", "--until", "2h"), "expected a date such as +2h"),
    "a date without its zone": ((*REQUEST, "--hosts", "gpu001", "--until", "2030-01-31T08:00"), "with its zone"),
}


def a_job(maintrain) -> str:
    """A job without an end, on an idle host: what was started in a folder made earlier may be over."""
    world = SimulatedCluster.at(Path(maintrain.data) / "sim" / "cluster.sqlite")
    return world.submit_job()


def test_bad_input_is_one_error_and_changes_nothing(synced):
    before, wrong = synced.facts(), {}
    for case, (arguments, why) in BAD.items():
        result = synced(*arguments, *BECAUSE)
        if (result.code, result.out, why in result.err) != (2, "", True):
            wrong[case] = result
    absent = synced(*REQUEST, "--job", "99999", "--until", "+2h", *BECAUSE)

    assert {} == wrong
    assert (1, "error: job 99999 holds no hosts now\n") == (absent.code, absent.err)
    assert before == synced.facts()


def test_hosts_are_asked_for_listed_and_given_back(synced):
    dry = synced(*HOSTS, "--until", "+2h", "--dry-run")
    assert (0, []) == (dry.code, json.loads(synced("avoid", "list", "--json").out))
    assert "sim/gpu-train, gpu[001-002]: would be kept away until" in dry.out

    asked = synced(*HOSTS, "--until", "+2h", "--key", "k1")
    again = synced(*HOSTS, "--until", "+3h", "--key", "k1", "--json")
    assert "sim/gpu-train, gpu[001-002]: granted: kept away until" in asked.out
    assert "Temporal does not answer; the answer is in force in the store" in asked.out
    (row,) = json.loads(synced("avoid", "list", "sim", "--json").out)
    assert [row] == json.loads(again.out)
    assert ("granted", "ann", ["gpu001", "gpu002"]) == (row["state"], row["ask"]["user"], row["ask"]["hosts"])
    assert "gpu[001-002]" in synced("avoid", "list").out
    told = synced(*HOSTS, "--until", "+3h", "--key", "k1", "--dry-run").out
    assert f"would be as it was answered before: granted: {row['reason']}" in told

    key = row["ask"]["id"]
    assert "/sim/k1/" in key, "the same key in another cluster is another request"
    assert "nothing was changed" in synced("avoid", "withdraw", "sim", key, *BECAUSE, "--dry-run").out
    (would,) = json.loads(synced("avoid", "withdraw", "sim", key, *BECAUSE, "--dry-run", "--json").out)
    assert {**row, "dry_run": True} == would
    assert "withdrawn: withdrawn by ann" in synced("avoid", "withdraw", "sim", key, *BECAUSE).out
    late = synced("avoid", "withdraw", "sim", key, *BECAUSE)
    assert (1, True) == (late.code, "stands" in late.err)
    assert "trains keep away from nobody" in synced("avoid", "list").out
    assert "withdrawn by ann: no checkpoint yet" in synced("avoid", "list", "--all").out


def test_a_jobs_hosts_and_user_are_the_schedulers_and_it_may_say_that_it_is_ready(synced):
    job = a_job(synced)
    asked = json.loads(synced(*REQUEST, "--job", job, "--until", "+10m", *BECAUSE, "--json").out)
    assert {("sim", job, "ann")} == {(row["ask"]["user"], row["ask"]["job"], row["ask"]["actor"]) for row in asked}

    assert f"job {job} would be noted as ready" in synced("avoid", "ready", "sim", job, "--dry-run").out
    would = json.loads(synced("avoid", "ready", "sim", job, "--dry-run", "--json").out)
    assert {(job, True)} == {(row["ask"]["job"], row["dry_run"]) for row in would}
    said = json.loads(synced("avoid", "ready", "sim", job, "--json").out)
    assert {"ready"} == {row["state"] for row in said}
    standing = json.loads(synced("avoid", "list", "--json").out)
    assert {"ready"} == {row["state"] for row in standing}


def test_of_a_misspelt_cluster_nothing_is_said(synced):
    found = synced("avoid", "list", "sin")
    assert (2, "", True) == (found.code, found.out, "expected one of sim" in found.err)


def test_what_would_be_done_for_a_job_that_holds_nothing_is_refused_as_it_would_be(synced):
    found = synced("avoid", "ready", "sim", "99999", "--dry-run")
    assert (1, "error: job 99999 holds no hosts now\n") == (found.code, found.err)


def test_a_prolog_gets_the_key_of_a_job(synced, monkeypatch):
    assert (2, True) == ((told := synced("avoid", "key", "sim", "7")).code, "MAINTRAIN_AVOID_KEY" in told.err)
    monkeypatch.setenv("MAINTRAIN_AVOID_KEY", "env:SITE_KEY")
    monkeypatch.setenv("SITE_KEY", "a key of enough bytes")
    assert job_key(b"a key of enough bytes", "sim", "7") == synced("avoid", "key", "sim", "7").out.strip()


@pytest.mark.parametrize("name", ["SITE_KEY", "env:", "env:1x"])
def test_a_secret_is_named_and_never_given(maintrain, monkeypatch, name):
    monkeypatch.setenv("MAINTRAIN_AVOID_KEY", name)
    told = maintrain("avoid", "list")
    assert (2, True) == (told.code, "MAINTRAIN_AVOID_KEY: expected env:NAME" in told.err)


def test_a_script_hears_by_the_exit_code_that_a_train_does_not_keep_away(synced):
    past = (*HOSTS, "--until", "2020-01-31T08:00:00Z")
    dry, asked = synced(*past, "--dry-run"), synced(*past)
    assert (1, True) == (dry.code, "would be refused: expected a date to come" in dry.out)
    assert (1, True) == (asked.code, "refused: expected a date to come" in asked.out)
    assert (1, "refused") == ((told := synced(*past, "--json")).code, json.loads(told.out)[0]["state"])

    kept = (*HOSTS, "--until", "+2h", "--key", "k1")
    assert [0, 0] == [synced(*kept, "--dry-run").code, synced(*kept).code]
    synced("avoid", "withdraw", "sim", json.loads(synced("avoid", "list", "--json").out)[0]["ask"]["id"], *BECAUSE)
    assert [1, 1] == [synced(*kept, "--dry-run").code, synced(*kept).code], "it was taken back since"
