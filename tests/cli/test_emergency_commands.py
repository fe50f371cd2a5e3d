"""Emergencies from the command line: plans, refusals in one error each, and orders that are rows first."""

import asyncio
import json
from datetime import UTC, datetime
from typing import cast

import pytest
import yaml
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from fleet.models.emergency import Emergency, EmergencyHost, EmergencySpec, EmergencyState
from fleet.models.ledger import Request, RequestClass
from fleet.models.rollout import RolloutSpec
from runtime.settings import load_settings
from starter.emergency_orders import taken_up
from store import open_store
from tests.cli.conftest import SIMULATED

BECAUSE = ("--reason", "a hole in the driver")
SPEC = {
    "name": "hole",
    "cluster": "sim",
    "upgrades": [{"component": "gpu-driver", "version": "550.163.01"}],
    "hosts": {"names": "gpu[001-016]"},
    "width": 2,
}
EMERGENCY = "emergency/sim/hole"

# What is changed in the spec, and what the error says.
BAD_SPECS = {
    "a cluster that is not there": ({"cluster": "moon"}, "cluster: expected one of the clusters sim, found 'moon'"),
    "a pool that is not there": ({"pools": ["gpu"]}, "pools[0]: expected one of the pools gpu-train"),
    "a component that is not there": (
        {"upgrades": [{"component": "gpu-drivr", "version": "1"}]},
        "upgrades[0].component: expected a host-facing component",
    ),
    "a pinned component": (
        {"upgrades": [{"component": "cuda", "version": "1"}]},
        "upgrades[0].component: expected a host-facing component",
    ),
    "no version": ({"upgrades": [{"component": "gpu-driver"}]}, "upgrades[0].version: expected either version or"),
    "a rollout that is not there": (
        {"upgrades": [{"component": "gpu-driver", "roll_back": "gpu-driver/1"}]},
        "upgrades[0].roll_back: expected a rollout (none was started), found 'gpu-driver/1'",
    ),
    "a hostlist that is none": ({"hosts": {"names": "gpu[1-"}}, "hosts.names: expected a hostlist such as"),
    "a host that is none": (
        {"hosts": {"names": "gpu[001-016],gpu999"}},
        "hosts.names: expected members of its pools (gpu-train), and not gpu999",
    ),
    "a notice without its unit": ({"notice": 60}, "notice: expected a duration with"),
    "an unknown field": ({"widht": 3}, "widht: expected"),
}


def write(folder, **changes):
    path = folder / "emergency.yaml"
    path.write_text(yaml.safe_dump({**SPEC, **changes}))
    return path


@pytest.mark.parametrize("what", BAD_SPECS)
def test_a_bad_spec_is_one_error_with_place_and_what_was_expected(synced, tmp_path, what):
    changes, told = BAD_SPECS[what]
    before = synced.facts()

    result = synced("emergency", "start", write(tmp_path, **changes), *BECAUSE)

    assert 2 == result.code
    assert told in result.err
    assert before == synced.facts()


BAD_NUMBERS = {
    ("--planned-buffer", "8"): "expected more than pool gpu-train's 8 and at most its 64 members, found 8",
    ("--floor", "64"): "--floor: expected less than pool gpu-train's",
    ("--floor", "storage=3"): "expected a pool of the emergency (gpu-train), found 'storage'",
    ("--floor", "50", "--floor", "gpu-train=40"): "--floor: expected each pool once, found gpu-train again",
    ("--planned-buffer", "many"): "expected a number of hosts, or POOL=N, found 'many'",
}


@pytest.mark.parametrize("numbers", BAD_NUMBERS, ids=str)
def test_an_override_says_how_far_or_is_refused(synced, tmp_path, numbers):
    result = synced("emergency", "start", write(tmp_path), *numbers, *BECAUSE)

    assert 2 == result.code
    assert BAD_NUMBERS[numbers] in result.err


def test_a_plan_tells_hosts_numbers_and_what_boards_and_changes_nothing(synced, tmp_path):
    before = synced.facts()

    told = synced("emergency", "plan", write(tmp_path), "--planned-buffer", "40").out
    plain = json.loads(synced("emergency", "plan", write(tmp_path), "--json").out)
    dry = synced("emergency", "start", write(tmp_path), "--dry-run", *BECAUSE)

    assert "not read yet, which the stop does: 16 hosts" in told
    assert (16, 8, 40) == (plain["pools"][0]["hosts"], plain["pools"][0]["at_once"], _at_once(told))
    assert (0, True) == (dry.code, dry.out.endswith("nothing was changed\n"))
    assert before == synced.facts()


def test_the_example_is_a_plan_for_the_simulated_fleet(synced):
    assert "gpu-train  32" in synced("emergency", "plan", SIMULATED.parent / "emergency.yaml").out


def _at_once(told: str) -> int:
    return int(next(line for line in told.splitlines() if line.startswith("gpu-train")).split()[3])


def test_without_temporal_nothing_is_started(synced, tmp_path):
    before = synced.facts()

    result = synced("emergency", "start", write(tmp_path), *BECAUSE)

    assert (1, True) == (result.code, "the emergency was not started" in result.err)
    assert before == synced.facts()


def test_a_spec_that_selects_nobody_is_refused(synced, tmp_path):
    result = synced("emergency", "start", write(tmp_path, installed={"gpu-driver": "550.90.07"}), *BECAUSE)

    assert 1 == result.code
    assert "no host is selected" in result.err


def test_a_roll_back_means_the_prior_version_of_its_rollout(synced, tmp_path):
    spec = {"component": "gpu-driver", "version": "550.127.08", "prior": "550.90.07", "phases": [{"name": "all"}]}

    async def begin() -> None:
        store = await open_store(load_settings().store_url)
        await store.start_rollout(RolloutSpec.model_validate(spec), "ada", "go", datetime.now(UTC))
        await store.close()

    asyncio.run(begin())
    back = {"component": "gpu-driver", "roll_back": "gpu-driver/550.127.08"}

    assert 0 == synced("emergency", "plan", write(tmp_path, upgrades=[back])).code


def _emergency() -> Emergency:
    now = datetime.now(UTC)
    return Emergency(
        id=EMERGENCY,
        spec=EmergencySpec.model_validate(SPEC),
        targets={"gpu-driver": "550.163.01"},
        state=EmergencyState.RUNNING,
        reason="16 hosts asked for",
        started_at=now,
        started_by="ada",
        why="a hole in the driver",
        changed_at=now,
    )


@pytest.fixture
def started(synced):
    """The command line beside an emergency whose rows are there, and no Temporal."""

    async def begin() -> None:
        store = await open_store(load_settings().store_url)
        await store.start_emergency(_emergency(), [EmergencyHost(host="gpu001", pool="gpu-train", domain="d001")])
        await store.close()

    asyncio.run(begin())
    return synced


def state(line) -> str:
    return json.loads(line("emergency", "status", "hole", "--json").out)[0]["state"]


def test_orders_are_rows_first_and_refused_where_they_make_no_sense(started):
    stopped = started("emergency", "stop", "hole", *BECAUSE)
    again = started("emergency", "stop", EMERGENCY, *BECAUSE)

    assert (0, "stopped") == (stopped.code, state(started))
    assert "Temporal does not answer; the word is in force in the store" in stopped.out
    assert (1, True) == (again.code, "is stopped already" in again.err)
    assert 0 == started("emergency", "resume", "hole", *BECAUSE).code
    dry = started("emergency", "end", "hole", "--dry-run", *BECAUSE)
    assert "would be ended: emergency/sim/hole" in dry.out
    assert "running" == state(started)
    assert 0 == started("emergency", "end", "hole", *BECAUSE).code
    assert (1, True) == (
        (refused := started("emergency", "resume", "hole", *BECAUSE)).code,
        "has ended" in refused.err,
    )


def test_a_name_is_used_once(started, tmp_path):
    started("emergency", "end", "hole", *BECAUSE)

    result = started("emergency", "start", write(tmp_path), *BECAUSE)

    assert (1, True) == (result.code, "choose another name" in result.err)


def test_status_goes_on_when_the_cluster_of_one_that_is_over_has_left_the_fleet(started, tmp_path):
    keeps = started("fleet", "load", _renamed(tmp_path))
    assert (2, True) == (keeps.code, f"are not over ({EMERGENCY})" in keeps.err)
    started("emergency", "end", "hole", *BECAUSE)
    assert 0 == started("fleet", "load", _renamed(tmp_path)).code

    told = started("emergency", "status")

    assert (0, True) == (told.code, "emergency/sim/hole: hole in sim (gpu-driver 550.163.01): ended" in told.out)


def _renamed(folder):
    path = folder / "sun.yaml"
    path.write_text(SIMULATED.read_text().replace("name: sim", "name: sun"))
    return path


def test_what_waits_in_a_cluster_is_told_once_however_many_emergencies_it_had(started):
    stop = f"{EMERGENCY}/1"

    async def more() -> None:
        store = await open_store(load_settings().store_url)
        one = _emergency()
        for name in ("before", "long-ago"):
            spec = one.spec.model_copy(update={"name": name})
            other = one.model_copy(update={"id": f"emergency/sim/{name}", "spec": spec})
            await store.start_emergency(other, [EmergencyHost(host="gpu009", pool="gpu-train", domain="d002")])
        values = {"id": stop, "holder": stop, "cluster": "sim", "asked_at": one.started_at, "hosts": ("gpu001",)}
        await store.request(Request(kind=RequestClass.EMERGENCY, **values))
        await store.close()

    asyncio.run(more())

    assert 1 == started("emergency", "status").out.count(f"{stop} waits: ")


def test_status_and_history_tell_hosts_and_who_did_what(started):
    started("emergency", "stop", "hole", "--reason", "it hangs")

    status, history = started("emergency", "status").out, started("emergency", "history", "hole").out
    plain = json.loads(started("emergency", "history", "hole", "--json").out)

    assert "emergency/sim/hole: hole in sim (gpu-driver 550.163.01): stopped" in status
    assert "it hangs" in history
    assert ["emergency stop", "emergency start"] == [e["action"] for e in plain["entries"]]
    assert ["gpu001"] == [h["host"] for h in plain["hosts"]]


def test_an_unknown_name_is_bad_input(started):
    result = started("emergency", "status", "whole")

    assert (2, True) == (result.code, "expected an emergency (emergency/sim/hole), found 'whole'" in result.err)


def test_the_ledger_tells_which_pools_an_emergency_goes_first_in(started):
    told, plain = started("ledger", "sim").out, json.loads(started("ledger", "sim", "--json").out)

    assert "emergency/sim/hole goes before all others in pool gpu-train" in told
    assert {"gpu-train": EMERGENCY} == plain["urgent"]


class Gone:
    """A server that answered a moment ago, and does not any more."""

    def get_workflow_handle(self, _):
        raise RPCError("", RPCStatusCode.UNAVAILABLE, b"")


async def test_an_emergency_whose_row_is_written_and_whose_start_is_lost_says_so_and_how_it_is_called_off():
    said = await taken_up(cast("Client", Gone()), _emergency())

    assert "it is written, and the dispatcher takes it up at its next look" in said
    assert "maintrain emergency end hole" in said
