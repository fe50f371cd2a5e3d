"""Large-scale maintenances from the command line: plans, refusals in one error each, and orders that are rows first."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from fleet.models.emergency import Emergency, EmergencyHost, EmergencySpec, EmergencyState
from fleet.models.large import LargePhase, LargeProgress
from runtime.settings import load_settings
from store import open_store
from tests.cli.conftest import SIMULATED

BECAUSE = ("--reason", "the winter's drivers")
NUMBERS = ("--planned-buffer", "16", "--floor", "40")
AT = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
PLAN = {"at": AT.isoformat(), "steps": [{"domains": 1}, {"domains": 2, "gate": "approval"}]}
SPEC = {
    "name": "winter",
    "cluster": "sim",
    "upgrades": [{"component": "gpu-driver", "version": "550.163.01"}],
    "plan": PLAN,
}
LARGE = "large/sim/winter"

# What is changed in the plan, and what the error says.
BAD_PLANS = {
    "no plan at all": (None, "plan: expected a plan: at, steps"),
    "a date that has passed": ({"at": "2020-01-01T00:00:00Z"}, "plan.at: expected a time to come, found 2020-01-01"),
    "a date without its zone": ({"at": "2099-01-01T00:00:00"}, "plan.at: expected a time with its zone"),
    "a zone that is none": ({"at": "2099-01-01T00:00 Mars/Base"}, "plan.at: expected a zone such as Europe/Berlin"),
    "an hour that is skipped": ({"at": "2099-03-29T02:30 Europe/Berlin"}, "plan.at: expected another time"),
    "an end that is too early": (
        {"until": (AT + timedelta(minutes=1)).isoformat()},
        "plan.until: expected a time when it can be over: 5 rounds end at",
    ),
    "a year that can't be meant": ({"at": "9999-12-31T23:30:00Z"}, "at: expected a year from 2000 to 2199, found 9999"),
    "a first year by a zone's clock": ({"at": "0001-01-01T00:00 Europe/Berlin"}, "plan.at: expected"),
    "a last year by a zone's clock": ({"until": "9999-12-31T23:30 America/New_York"}, "plan.until: expected"),
    "no steps": ({"steps": []}, "plan.steps: expected"),
    "a step of nothing": ({"steps": [{"domains": 0}]}, "domains: expected at least 1, or a share"),
    "a gate that is none": ({"steps": [{"domains": 1, "gate": "maybe"}]}, "plan.steps[0].gate: expected"),
    "an unknown field": ({"stepps": 3}, "plan.stepps: expected"),
    "upgrades and a work": ({"work": "reboot"}, "upgrades: expected at least one component and its version, or"),
    "steps wider than may be": (
        {"steps": [{"domains": "50%"}]},
        "plan.steps: expected steps within pool gpu-train's limits (a planned buffer of 16 and a floor of 40), or how"
        " far it may go (--planned-buffer gpu-train=32 --floor gpu-train=32); round 1 takes 32 of 64 hosts",
    ),
}


def write(folder, plan: dict[str, Any] | None = PLAN, **changes):
    path = folder / "large.yaml"
    spec = {**SPEC, **changes, "plan": {**PLAN, **(plan or {})}}
    if plan is None:
        del spec["plan"]
    path.write_text(yaml.safe_dump(spec))
    return path


@pytest.mark.parametrize("what", BAD_PLANS)
def test_a_bad_plan_is_one_error_with_place_and_what_was_expected(synced, tmp_path, what):
    plan, told = BAD_PLANS[what]
    before = synced.facts()

    result = synced("large", "start", write(tmp_path, plan), *NUMBERS, *BECAUSE)

    assert 2 == result.code
    assert told in result.err
    assert "large.yaml:" in result.err
    assert before == synced.facts()


def test_a_floor_that_it_goes_below_is_named_or_it_is_refused_at_once(synced, tmp_path):
    file = write(tmp_path, {"steps": [{"domains": "50%"}]})
    unnamed = synced("large", "start", file, *BECAUSE)
    wrong = synced("large", "start", write(tmp_path), "--planned-buffer", "storage=3", *BECAUSE)

    assert (2, True) == (unnamed.code, "(--planned-buffer gpu-train=32 --floor gpu-train=32)" in unnamed.err)
    assert (2, True) == (wrong.code, "found 'storage'" in wrong.err)


def test_a_plan_tells_its_rounds_its_limits_and_its_end_and_changes_nothing(synced, tmp_path):
    before = synced.facts()

    told = synced("large", "plan", write(tmp_path), *NUMBERS).out
    plain = json.loads(synced("large", "plan", write(tmp_path), *NUMBERS, "--json").out)
    dry = synced("large", "start", write(tmp_path), "--dry-run", *NUMBERS, *BECAUSE)

    assert [(1, 8, 16), (2, 16, 16)] == [(p["round"], p["out"], p["planned_buffer"]) for p in plain["rounds"][:2]]
    assert 5 == len(plain["rounds"])
    assert "not read yet, which the stop does: 64 hosts" in told
    assert "is expected to end at" in told
    assert (0, True) == (dry.code, dry.out.endswith("nothing was changed\n"))
    assert before == synced.facts()


@pytest.mark.parametrize("at", ["2099-01-31T02:00 Europe/Berlin", "2099-01-31 01:00 UTC", "2099-01-31 02:00+01:00"])
def test_a_date_by_a_zones_clock_is_that_instant(synced, tmp_path, at):
    file = write(tmp_path, {"at": at})

    plain = json.loads(synced("large", "plan", file, *NUMBERS, "--json").out)

    assert datetime(2099, 1, 31, 1, tzinfo=UTC) == datetime.fromisoformat(plain["at"])


def test_the_example_is_a_plan_for_the_simulated_fleet(synced):
    told = synced("large", "plan", SIMULATED.parent / "large.yaml", *NUMBERS).out

    assert "begins at 2099-11-28 02:00:00+00:00" in told


def test_without_temporal_nothing_is_started(synced, tmp_path):
    before = synced.facts()

    result = synced("large", "start", write(tmp_path), *NUMBERS, *BECAUSE)

    assert (1, True) == (result.code, "the large-scale maintenance was not started" in result.err)
    assert before == synced.facts()


def test_a_file_with_a_plan_starts_no_emergency(synced, tmp_path):
    result = synced("emergency", "start", write(tmp_path), *BECAUSE)

    assert (2, True) == (result.code, "plan: expected no plan" in result.err)


@pytest.fixture
def started(synced):
    """The command line beside a maintenance at the gate of its first round, and no Temporal."""

    async def begin() -> None:
        now = datetime.now(UTC)
        spec = EmergencySpec.model_validate({**SPEC, "plan": {**PLAN, "at": now.isoformat()}})
        domains = {"gpu-train": ("d001",)}
        found = Emergency(
            id=LARGE,
            spec=spec,
            targets={"gpu-driver": "550.163.01"},
            state=EmergencyState.RUNNING,
            progress=LargeProgress(round=1, domains=domains, phase=LargePhase.GATE, since=now),
            reason="round 1 of 1 domains: a person is to say go",
            started_at=now,
            started_by="ada",
            why="the winter's drivers",
            changed_at=now,
        )
        store = await open_store(load_settings().store_url)
        await store.start_emergency(found, [EmergencyHost(host="gpu001", pool="gpu-train", domain="d001")])
        await store.close()

    asyncio.run(begin())
    return synced


def shown(line):
    return json.loads(line("large", "status", "winter", "--json").out)[0]


def test_orders_are_rows_first_and_refused_where_they_make_no_sense(started):
    other = started("large", "approve", "winter", "--round", "2", *BECAUSE)
    assert (1, True) == (other.code, "is at the gate of round 1, and the go names round 2" in other.err)
    later = started("large", "approve", "winter", "--round", "1.1", *BECAUSE)
    assert (1, True) == (later.code, "is at the gate of round 1, and the go names round 1.1" in later.err)
    bad = [started("large", "approve", "winter", "--round", text, *BECAUSE) for text in ("0", "1.", "one", "-1")]
    assert [2] * 4 == [found.code for found in bad]
    assert "--round: expected the round that waits for a go, such as 2 or 2.1, found 'one'" in bad[2].err
    approved = started("large", "approve", "winter", "--round", "1", *BECAUSE)

    assert (0, "ada") == (approved.code, shown(started)["progress"]["approved_by"])
    assert "Temporal does not answer; the word is in force in the store" in approved.out
    assert 0 == started("large", "stop", LARGE, *BECAUSE).code
    again = started("large", "approve", "winter", *BECAUSE)
    assert (1, True) == (again.code, "is at no gate" in again.err)
    assert 0 == started("large", "resume", "winter", *BECAUSE).code
    dry = started("large", "abort", "winter", "--dry-run", *BECAUSE)
    assert ("would be aborted: large/sim/winter" in dry.out, "running") == (True, shown(started)["state"])
    assert 0 == started("large", "abort", "winter", *BECAUSE).code
    assert "aborted" == shown(started)["state"]
    late = started("large", "resume", "winter", *BECAUSE)
    assert (1, True) == (late.code, "large/sim/winter is aborted: aborted by ada" in late.err)


def test_status_and_history_tell_its_round_its_hosts_and_who_did_what(started):
    started("large", "approve", "winter", "--reason", "they look fine")

    status, history = started("large", "status").out, started("large", "history", "winter").out
    plain = json.loads(started("large", "history", "winter", "--json").out)

    assert "large/sim/winter: winter in sim (gpu-driver 550.163.01): running" in status
    assert "round 1 (gpu-train d001): gate" in status
    assert "they look fine" in history
    assert ["large approve", "large start"] == [e["action"] for e in plain["entries"]]
    assert ["gpu001"] == [h["host"] for h in plain["hosts"]]


def test_large_scale_maintenances_and_emergencies_are_told_apart(started):
    assert "no emergency was started yet" in started("emergency", "status").out
    other = started("emergency", "stop", LARGE, *BECAUSE)
    assert (2, True) == (other.code, "expected an emergency (none was started yet)" in other.err)
    unknown = started("large", "status", "summer")
    assert "expected a large-scale maintenance (large/sim/winter), found 'summer'" in unknown.err


def test_the_ledger_tells_which_pools_it_has_to_itself(started):
    assert f"{LARGE} goes before all others in pool gpu-train" in started("ledger", "sim").out
