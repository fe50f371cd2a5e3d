"""What the commands do when all is well, against a real store and the simulated cluster."""

import json

import pytest

from starter.fleetfile import read_fleet
from tests.cli.conftest import LOOPBACK, LOOPBACK_LAB, SIMULATED

POOL = "sim/gpu-train"
BECAUSE = ("--reason", "a try")


@pytest.mark.parametrize("path", [SIMULATED, LOOPBACK, LOOPBACK_LAB], ids=lambda path: path.stem)
def test_the_examples_are_valid_and_load(maintrain, path):
    fleet, text = read_fleet(path)

    assert len(fleet.clusters) == 1
    assert text == path.read_text()
    assert maintrain("fleet", "load", path).code == 0


def test_the_schema_describes_every_field_of_the_example(maintrain):
    schema = json.loads(maintrain("fleet", "schema").out)

    assert set(schema["properties"]) == {"version", "clusters", "notify", "events"}
    assert schema["$defs"]["Pool"]["properties"]["cycle_bound"]["pattern"].startswith("^")
    assert schema["additionalProperties"] is False


def test_a_dry_run_of_a_load_shows_the_change_and_makes_none(loaded, tmp_path):
    path = tmp_path / "new.yaml"
    path.write_text(SIMULATED.read_text().replace("failure_buffer: 6", "failure_buffer: 4"))
    before = loaded.facts()

    result = loaded("fleet", "load", path, "--dry-run", "--diff")

    assert result.code == 0
    assert "changed  clusters.sim.pools.gpu-train.failure_buffer: 6 -> 4" in result.out
    assert "-        failure_buffer: 6" in result.out
    assert loaded.facts() == before


def test_a_load_puts_a_new_revision_in_force_and_the_same_file_does_not(loaded, tmp_path):
    path = tmp_path / "new.yaml"
    path.write_text(SIMULATED.read_text().replace("550.127.08", "550.144.03"))

    first, second = loaded("fleet", "load", path), loaded("fleet", "load", path)

    assert "changed  clusters.sim.desired.gpu-driver: '550.127.08' -> '550.144.03'" in first.out
    assert "revision 2 is in force" in first.out
    assert "no change\nrevision 2 was in force already" in second.out


def test_a_load_is_audited_with_actor_and_reason(maintrain):
    maintrain("fleet", "load", SIMULATED, "--actor", "grace", "--reason", "first light")

    newest = json.loads(maintrain("log", "--json").out)[0]

    assert (newest["actor"], newest["reason"]) == ("grace", "first light")


def test_a_sync_reads_the_hosts_and_their_states(loaded):
    result = loaded("fleet", "sync")

    assert "sim: added: gpu[001-064] (64)" in result.out
    assert "sim/gpu-train: 64 hosts by the scheduler:" in result.out
    assert "no host added, removed or changed" in loaded("fleet", "sync").out


def test_a_dry_run_of_a_sync_writes_nothing(loaded):
    before = loaded.facts()

    result = loaded("fleet", "sync", "--dry-run")

    assert "sim: added: gpu[001-064] (64)" in result.out
    assert loaded.facts() == before


def test_domains_follow_the_racks(synced):
    formed = json.loads(synced("fleet", "domains", POOL, "--json").out)[POOL]

    assert [len(d["hosts"]) for d in formed] == [8] * 8
    assert formed[0]["hosts"] == [f"gpu{n:03d}" for n in range(1, 9)]


def test_a_plan_names_stops_hosts_upgrades_reboots_time_and_jobs(synced):
    plan = json.loads(synced("train", "plan", POOL, "--json").out)

    order = [v["domain"] for v in json.loads(synced("train", "plan", POOL, "--days", "14", "--json").out)["visits"]]
    by_name = {stop["domain"]: stop for stop in plan["stops"]}
    assert sorted(order) == sorted(by_name)
    first = by_name["d001"]
    assert first["hosts"] == [f"gpu{n:03d}" for n in range(1, 9)]
    assert first["upgrades"] == {"gpu-driver 550.127.08": 8, "nic-firmware 28.43.2026": 8}
    assert first["reboots"] == 8
    assert first["expected_seconds"] == 13.0
    assert len(plan["stops"]) == 8
    assert all(
        job["at_deadline"] in ("requeue", "give_back", "cancel") for stop in plan["stops"] for job in stop["jobs"]
    )
    assert "gpu053" in by_name["d007"]["left_out"]


def test_a_plan_changes_nothing(synced):
    before = synced.facts()

    assert synced("train", "plan", POOL).code == 0
    assert synced.facts() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["fleet", "show", "--json"],
        ["fleet", "domains", "--json"],
        ["train", "status", "--json"],
        ["train", "plan", POOL, "--json"],
        ["host", "show", "gpu001", "--json"],
        ["ledger", "--json"],
        ["compat", "list", "--json"],
        ["compat", "check", "gpu-driver=550.90.07", "nic-firmware=28.39.1002", "--json"],
        ["log", "--json"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_every_read_speaks_json_with_temporal_down(synced, arguments):
    result = synced(*arguments)

    assert result.code == 0
    assert result.err == ""
    assert json.loads(result.out)


@pytest.mark.parametrize("verb", ["stop", "freeze"])
@pytest.mark.parametrize("scope", [[POOL], ["sim"], ["--everything"]], ids=["pool", "cluster", "everything"])
def test_a_stop_is_in_force_with_temporal_down(synced, verb, scope):
    result = synced(verb, *scope, "--reason", "smoke in the room")

    assert result.code == 0
    assert "Temporal does not answer" in result.out
    assert "is in force in the store, every step reads it" in result.out
    found = json.loads(synced("ledger", "--json").out)["stops"]
    assert [(s["kind"], s["actor"], s["reason"]) for s in found] == [(verb, "ada", "smoke in the room")]


def test_who_says_stop_second_reads_who_was_first_and_stands_in_the_log(synced):
    synced("stop", "sim", "--actor", "grace", "--reason", "smoke in the room")

    again = synced("stop", "sim", "--reason", "a leak")

    assert "was stopped before: cluster sim, by grace (smoke in the room); one resume lifts both\n" in again.out
    said = [(e["actor"], e["reason"]) for e in json.loads(synced("log", "--json").out) if e["action"] == "stop"]
    assert [("ada", "a leak"), ("grace", "smoke in the room")] == said


def test_everything_can_be_stopped_before_a_fleet_file_is_loaded(maintrain):
    assert maintrain("stop", "--everything", *BECAUSE).code == 0


def test_a_resume_lifts_its_own_scope_and_names_what_remains(synced):
    synced("stop", "--everything", "--reason", "power work")
    synced("stop", POOL, "--reason", "a slow rack")

    result = synced("resume", POOL, *BECAUSE)

    assert "lifted: stop of pool sim/gpu-train, set by ada (a slow rack)" in result.out
    assert "still in force: stop of everything, set by ada (power work)" in result.out
    left = json.loads(synced("ledger", "--json").out)["stops"]
    assert [s["reason"] for s in left] == ["power work"]


def test_a_resume_of_what_is_not_stopped_says_so(synced):
    assert "nothing to lift for pool sim/gpu-train" in synced("resume", POOL, *BECAUSE).out


@pytest.mark.parametrize(
    "arguments",
    [
        ["stop", POOL, *BECAUSE],
        ["freeze", "--everything", *BECAUSE],
        ["train", "stop", POOL, *BECAUSE],
        ["train", "start", POOL],
        ["compat", "adopt", *BECAUSE],
        ["resume", "sim", *BECAUSE],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_every_command_that_changes_something_can_be_tried_dry(synced, arguments):
    synced("stop", "sim", "--reason", "to be resumed")
    before = synced.facts()

    result = synced(*arguments, "--dry-run")

    assert result.code == 0
    assert synced.facts() == before


def test_a_train_is_not_started_with_temporal_down_and_nothing_is_written(synced):
    before = synced.facts()

    result = synced("train", "start", POOL)

    assert result.code == 1
    assert result.err.startswith("error: the train was not started: ")
    assert synced.facts() == before


def test_an_adoption_publishes_what_runs_in_production_once(synced):
    first, second = synced("compat", "adopt", *BECAUSE), synced("compat", "adopt", *BECAUSE)

    assert "tested: gpu-driver 550.90.07 with cuda 12.4.1 (a try)" in first.out
    assert "2 new entries published, 0 were there already" in first.out
    assert "0 new entries published, 2 were there already" in second.out


def test_a_check_says_whether_versions_are_allowed_and_why(synced):
    good = synced("compat", "check", "gpu-driver=550.127.08", "nic-firmware=28.43.2026")
    bad = synced("compat", "check", "gpu-driver=550.54.15", "nic-firmware=28.43.2026")

    assert (good.code, bad.code) == (0, 1)
    assert good.out.startswith("allowed: ")
    assert "broken" in bad.out


def test_published_entries_are_listed_with_their_author(synced, tmp_path):
    path = tmp_path / "entries.yaml"
    path.write_text('- components: {kernel: "6.11.*"}\n  pins: {cuda: "12.4.1"}\n  evidence: run 12\n')

    assert synced("compat", "publish", path, *BECAUSE).code == 0

    entry = json.loads(synced("compat", "list", "--json").out)[-1]
    assert (entry["source"], entry["author"], entry["evidence"]) == ("published", "ada", "run 12")


def test_a_watch_in_a_pipe_prints_lines_and_ends_when_idle(synced):
    result = synced("watch", "--until-idle", "--every", "0.2")

    assert result.code == 0
    assert "gpu-train: up 63 (floor 48), planned 0/8, failed 0/6, foreign 1, unknown 0" in result.out
    assert "gpu053: foreign, drained by another: admin: disk check" in result.out
    assert result.out.splitlines()[-1].endswith(" idle")


def test_a_watch_in_json_prints_an_object_a_look_and_ends_when_idle(synced):
    result = synced("watch", "--json", "--until-idle", "--every", "0.2")

    looks = [json.loads(line) for line in result.out.splitlines()]
    assert (0, "", 1) == (result.code, result.err, len(looks))
    assert ("sim", True, {"gpu-train": None}) == (looks[0]["cluster"], looks[0]["idle"], looks[0]["cycles"])
    assert (63, ["gpu053"]) == (looks[0]["pools"][0]["counts"]["up"], [o["host"] for o in looks[0]["out"]])


def test_a_host_is_shown_with_set_and_owner(synced):
    result = synced("host", "show", "gpu053")

    assert result.out.startswith("sim/gpu053, pool gpu-train: foreign, drained by another: admin: disk check")
