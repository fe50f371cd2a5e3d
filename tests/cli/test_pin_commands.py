"""Pin switches from the command line: plans, refusals in one error each, and orders that are rows first."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from fleet.models.pin import PinChange, PinHost, PinHostState, PinSpec, PinState, PinSwitch
from runtime.settings import load_settings
from store import open_store
from tests.cli.conftest import SIMULATED, CommandLine

BECAUSE = ("--reason", "a try")
SWITCH = ("pin", "switch", "sim", "nccl", "2.23.4", "--window", "30m", "--override-floor")
ID = "pin/sim/nccl/1"

# What is asked for, and what the error says.
BAD_SWITCHES = {
    "a cluster that is not there": ((*SWITCH[:2], "moon", *SWITCH[3:]), "expected one of sim"),
    "a component that is not pinned": ((*SWITCH[:3], "gpu-driver", *SWITCH[4:]), "expected one of cuda, nccl"),
    "a misspelt component": ((*SWITCH[:3], "ncl", *SWITCH[4:]), "did you mean 'nccl'?"),
    "the version that is pinned": ((*SWITCH[:4], "2.21.5", *SWITCH[5:]), "expected another version than 2.21.5"),
    "a version that is none": ((*SWITCH[:4], "new version", *SWITCH[5:]), "VERSION: expected a version of letters"),
    "a window without its unit": (
        (*SWITCH[:6], "30", "--override-floor"),
        "--window: expected a duration with its unit",
    ),
    "a window of nothing": ((*SWITCH[:6], "0s", "--override-floor"), "--window: expected a length of time above 0"),
    "a fate that jobs do not have": ((*SWITCH, "--jobs", "kill"), "--jobs: expected one of 'await' or 'requeue'"),
    "a time without its zone": ((*SWITCH, "--at", "2026-01-31T08:00:00"), "--at: expected a time with its zone"),
    "a time that is none": ((*SWITCH, "--at", "tonight"), "--at: expected a time with its zone"),
    "a date without its dashes": ((*SWITCH, "--at", "20990131"), "--at: expected a time with its zone"),
    "seconds since an epoch": ((*SWITCH, "--at", "4102444800"), "--at: expected a time with its zone"),
    "a time beyond all planning": ((*SWITCH, "--at", "9999-12-31T23:59:59Z"), "--at: expected a year from 2000 to"),
    "a time before all planning": ((*SWITCH, "--at", "0001-01-01T00:00:00Z"), "--at: expected a year from 2000 to"),
    "a number that is none": ((*SWITCH, "--max-failed", "few"), "--max-failed: expected a number of hosts"),
    "jobs for the whole window": ((*SWITCH, "--clear-within", "30m"), "--clear-within: expected less than the window"),
    "jobs that are requeued when their time is over": (
        (*SWITCH, "--jobs", "requeue", "--clear-within", "4s"),
        "--clear-within: expected more than 4s, the longest drain deadline of sim",
    ),
    "no word on the floor": (SWITCH[:-1], "--override-floor: expected it"),
    "a pair that is none": ((*SWITCH, "--together", "gpu-driver"), "--together: expected COMPONENT=VERSION"),
    "a job-facing version with it": (
        (*SWITCH, "--together", "cuda=13.0"),
        "--together: expected a host-facing component",
    ),
    "no reason": ((*SWITCH, "--reason", " "), "--reason: expected 1 to 500 printable characters"),
}


@pytest.fixture
def started(synced: CommandLine):
    """The command line beside a switch whose row is there, and no Temporal."""

    async def begin() -> None:
        store = await open_store(load_settings().store_url)
        spec = PinSpec(cluster="sim", component="nccl", version="2.23.4", window=timedelta(minutes=30))
        await store.start_pin_switch(spec, "2.21.5", "ada", "nccl 2.23 is out", datetime.now(UTC))
        await store.close()

    asyncio.run(begin())
    return synced


def become(hosts: tuple[PinHost, ...] | None = None, **changes: object) -> None:
    """What its looks would have made of the switch."""

    def change(before: PinSwitch) -> PinChange:
        return PinChange(switch=before.model_copy(update=changes), hosts=hosts)

    async def write() -> None:
        store = await open_store(load_settings().store_url)
        await store.change_pin_switch(ID, change)
        await store.close()

    asyncio.run(write())


def status(line: CommandLine) -> dict:
    return json.loads(line("pin", "status", ID, "--json").out)[0]


@pytest.mark.parametrize("case", sorted(BAD_SWITCHES))
def test_bad_input_is_one_error_and_changes_nothing(loaded, case):
    arguments, why = BAD_SWITCHES[case]
    before = loaded.facts()
    result = loaded(*arguments, *(() if "--reason" in arguments else BECAUSE))
    assert (result.code, result.out) == (2, "")
    assert why in result.err
    assert result.err.startswith("error: ")
    assert before == loaded.facts()


def test_a_dry_run_tells_the_plan_and_changes_nothing(synced):
    before = synced.facts()
    result = synced(*SWITCH, *BECAUSE, "--dry-run")
    assert 0 == result.code
    assert "nccl 2.21.5 to 2.23.4 on 63 hosts of sim" in result.out
    assert result.out.endswith("nothing was changed\n")
    assert before == synced.facts()


def test_a_plan_and_the_status_name_hosts_that_are_late_for_an_earlier_switch(started):
    late = PinHost(host="gpu001", pool="gpu-train", state=PinHostState.LATE, batch=0, reason="drained by another")
    become(state=PinState.LATE, hosts=(late,))
    told = started(*SWITCH, *BECAUSE, "--dry-run").out
    assert f"1 hosts (gpu001) stay late for {ID}: closed to jobs until they carry the pins then in force" in told

    async def again() -> None:
        store = await open_store(load_settings().store_url)
        spec = PinSpec(cluster="sim", component="nccl", version="2.21.5", window=timedelta(minutes=30))
        await store.start_pin_switch(spec, "2.23.4", "ada", "back", datetime.now(UTC))
        await store.close()

    asyncio.run(again())
    told = started("pin", "status", "sim").out
    assert "pin/sim/nccl/2: nccl 2.23.4 to 2.21.5 in sim: checking" in told
    assert "gpu001 late: drained by another" in told
    assert "pin/sim/nccl/1" not in started("pin", "status", "pin/sim/nccl/2").out


def test_beside_one_that_is_not_over_a_dry_run_is_refused_as_the_start_would_be(started):
    result = started(*SWITCH, *BECAUSE, "--dry-run")
    assert (1, "") == (result.code, result.out)
    assert result.err.startswith(f"error: {ID} (nccl 2.21.5 to 2.23.4 in sim) is not over: ")


def test_without_temporal_nothing_is_started(synced):
    before = synced.facts()
    result = synced(*SWITCH, *BECAUSE)
    assert 1 == result.code
    assert result.err.startswith("error: the pin switch was not started: ")
    assert before == synced.facts()


def test_a_plan_groups_the_hosts_that_may_not_go(synced):
    found = json.loads(synced("pin", "plan", "sim", "nccl", "2.23.4", "--json").out)
    assert (63, "2.21.5", False) == (found["hosts"], found["pinned"], found["check"]["ok"])
    assert 63 == sum(len(gap["hosts"]) for gap in found["check"]["gaps"])


def test_a_status_tells_where_it_stands_and_why(started):
    result = started("pin", "status")
    assert result.out.startswith(f"{ID}: nccl 2.21.5 to 2.23.4 in sim: checking\n")
    assert ("checking", {}, []) == tuple(status(started)[key] for key in ("state", "hosts", "behind"))


def test_no_switch_is_said(synced):
    assert "no pin was switched yet" in synced("pin", "status").out
    result = synced("pin", "approve", ID, *BECAUSE)
    assert 2 == result.code
    assert "expected a pin switch (none was started yet)" in result.err


def test_orders_are_rows_before_temporal_hears_of_them(started):
    become(state=PinState.ASKING)
    result = started("pin", "approve", "sim", *BECAUSE)
    assert 0 == result.code
    assert f"approved: {ID} (a try)\nTemporal does not answer; the word is in force in the store" in result.out
    assert "ada" == status(started)["approved_by"]
    assert 0 == started("pin", "abort", ID, *BECAUSE).code
    assert "aborted by ada: a try" == status(started)["aborted"]

    again = started("pin", "abort", ID, *BECAUSE)
    assert 1 == again.code
    assert "was aborted before: aborted by ada: a try" in again.err


def test_an_order_that_comes_too_late_is_refused(started):
    become(state=PinState.RELEASING, reason="every host that returns carries nccl 2.23.4")
    result = started("pin", "abort", ID, *BECAUSE)
    assert 1 == result.code
    assert "is past the point where it could go back" in result.err


def test_nothing_is_approved_before_it_asks(started):
    result = started("pin", "approve", "sim", *BECAUSE)
    assert 1 == result.code
    assert f"{ID} is checking: it asks for an approval once every host is prepared" in result.err
    assert "" == status(started)["approved_by"]


def test_a_dry_run_of_an_order_changes_nothing(started):
    become(state=PinState.ASKING)
    before = started.facts()
    assert (
        "would be approved: pin/sim/nccl/1 (a try); nothing was changed\n"
        == started("pin", "approve", ID, *BECAUSE, "--dry-run").out
    )
    assert before == started.facts()


def test_a_history_tells_who_did_what_and_why(started):
    history = json.loads(started("pin", "history", ID, "--json").out)
    assert [("ada", "pin switch", "nccl 2.23 is out")] == [
        (e["actor"], e["action"], e["reason"]) for e in history["entries"]
    ]
    assert "pin switch" in started("pin", "history", ID).out


def with_pins(tmp_path, **pins):
    document = yaml.safe_load(SIMULATED.read_text())
    document["clusters"][0]["pins"] |= pins
    path = tmp_path / "fleet.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def test_no_load_changes_a_pin_while_a_switch_is_under_way(started, tmp_path):
    for pins in ({"nccl": "2.23.4"}, {"cuda": "12.6"}):
        result = started("fleet", "load", with_pins(tmp_path, **pins), *BECAUSE)
        assert 2 == result.code
        assert f"expected the same pins while {ID} is under way (nccl 2.21.5 to 2.23.4 in sim, by ada)" in result.err


def test_a_switch_that_went_back_is_in_no_loads_way_while_hosts_are_late_for_it(started, tmp_path):
    """Nobody could abort it, and a host may be in others' hands for weeks."""
    become(state=PinState.LATE)
    result = started("fleet", "load", with_pins(tmp_path, cuda="12.6"), *BECAUSE)
    assert (0, "") == (result.code, result.err), "nobody has read its hosts: nothing else is against it"


def test_a_load_that_still_says_the_old_pin_is_refused_and_names_the_switch(started, tmp_path):
    become(state=PinState.MOVING)

    async def commit() -> None:
        store = await open_store(load_settings().store_url)
        await store.commit_pin_switch(ID, "no drift", datetime.now(UTC))
        await store.close()

    asyncio.run(commit())
    for dry in ((), ("--dry-run",)):
        result = started("fleet", "load", SIMULATED, *BECAUSE, *dry)
        assert 2 == result.code
        assert f"expected 2.23.4, which {ID} (by ada) put in force" in result.err
        assert "To go back: maintrain pin switch sim nccl 2.21.5" in result.err
    assert 0 == started("fleet", "load", with_pins(tmp_path, nccl="2.23.4"), *BECAUSE).code
