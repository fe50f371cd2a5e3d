"""Operations from the command line: plans, refusals in one error each, and rows that are in force without Temporal."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from fleet.models.operation import OperationChange, OperationState
from runtime.settings import load_settings
from starter.op_spec import Asked
from starter.operations import Operations
from starter.times import moment
from store import open_store
from tests.cli.conftest import CommandLine

BECAUSE = ("--reason", "a try")
HOLD = ("op", "submit", "replace-nic", "sim/host/gpu[001-002]")
UPGRADE = ("op", "submit", "upgrade-host", "sim/host/gpu001", "--upgrade")

# What is asked for, and what the error says.
BAD = {
    "a kind that is not there": (("op", "submit", "replace-nics", "sim/rack/x"), "did you mean 'replace-nic'?"),
    "a cluster that is not there": ((*HOLD[:3], "moon/host/gpu001"), "expected one of the clusters sim, found 'moon'"),
    "a scope of no kind": ((*HOLD[:3], "sim/rak/r1"), "expected one of host, rack, nvlink_domain"),
    "a scope without its name": ((*HOLD[:3], "sim/rack"), "expected sim/rack/NAME"),
    "a rack that is not there": ((*HOLD[:3], "sim/rack/r9"), "expected one of the racks rack001, rack002"),
    "a host that is not there": ((*HOLD[:3], "sim/host/gpu999"), "expected members of sim, not gpu999"),
    "a switch nobody knows": ((*HOLD[:3], "sim/switch/s1"), "expected one of the switches leaf1, leaf2"),
    "a work that is none": ((*HOLD, "--work", "dance"), "--work: expected one of hold, reboot"),
    "a class that is none": ((*HOLD, "--class", "urgent"), "--class: expected one of emergency, train, ad_hoc"),
    "a duration without its unit": ((*HOLD, "--duration", "30"), "--duration: expected a duration with its unit"),
    "a time without its zone": ((*HOLD, "--latest", "2030-01-31T08:00"), "--latest: expected a time with its zone"),
    "a time that no clock can show": (
        (*HOLD, "--earliest", "0001-01-01T00:00:00+10:00"),
        "--earliest: expected a time that any clock can show",
    ),
    "a duration of ages": ((*HOLD, "--duration", "99999999999999d"), "--duration: expected a duration of ten years"),
    "more than its pool ever lets out": ((*HOLD[:3], "sim/cluster"), "it would wait for ever, cut it into several"),
    "a time beyond all planning": ((*HOLD, "--earliest", "9999-12-31T23:59:59Z"), "expected a year from 2000 to 2199"),
    "a zone that is none": ((*HOLD, "--latest", "2030-01-31T08:00 Mars/Olympus"), "expected a zone such as"),
    "a window before it begins": (
        (*HOLD, "--earliest", "2030-02-01T08:00Z", "--latest", "2030-01-31T08:00Z"),
        "--latest: expected a time after the earliest",
    ),
    "a window shorter than the drain": (
        (*HOLD, "--earliest", "2030-01-31T08:00Z", "--latest", "2030-01-31T08:01Z"),
        "drain, work and verification take that long",
    ),
    "a window that has passed": ((*HOLD, "--latest", "2020-01-31T08:00Z"), "between earliest and latest, found 0s"),
    "an upgrade without its version": ((*UPGRADE, "nic-firmware"), "--upgrade: expected COMPONENT=VERSION"),
    "an upgrade of what is pinned": ((*UPGRADE, "nccl=2.0"), "expected a host-facing component of sim"),
    "a recipe for a switch": (
        ("op", "submit", "reboot-host", "sim/switch/s1"),
        "expected hosts, a rack, an NVLink domain, a pool or a cluster",
    ),
    "no reason": ((*HOLD, "--reason", " "), "--reason: expected 1 to 500 printable characters"),
}


def test_bad_input_is_one_error_and_changes_nothing(synced):
    before, wrong = synced.facts(), {}
    for case, (arguments, why) in BAD.items():
        result = synced(*arguments, *(() if "--reason" in arguments else BECAUSE))
        if (result.code, result.out, result.err.startswith("error: "), why in result.err) != (2, "", True, True):
            wrong[case] = result

    assert {} == wrong
    assert before == synced.facts()


def test_a_dry_run_tells_what_it_would_take_and_changes_nothing(synced):
    before = synced.facts()
    result = synced(*HOLD, *BECAUSE, "--dry-run")

    assert 0 == result.code
    assert "takes gpu[001-002]" in result.out
    assert result.out.endswith("nothing was changed\n")
    assert before == synced.facts()


def test_a_submission_is_a_row_before_temporal_hears_of_it(synced):
    result = synced(*HOLD, *BECAUSE)
    assert (0, "submitted: op/1, replace-nic on sim/host/gpu[001-002]") == (result.code, result.out.splitlines()[0])
    assert "Temporal does not answer; it is in force in the store" in result.out

    shown = json.loads(synced("op", "show", "1", "--json").out)
    assert ("op/1", "submitted", "ada", "hold") == (
        shown["id"],
        shown["state"],
        shown["spec"]["actor"],
        shown["spec"]["work"],
    )


def test_the_same_key_again_is_the_same_operation_and_another_content_is_refused(synced):
    first = synced(*HOLD, *BECAUSE, "--key", "ticket-1")
    again = synced(*HOLD, *BECAUSE, "--key", "ticket-1")
    other = synced(*HOLD, "--reason", "another", "--key", "ticket-1")

    assert ("submitted: op/1", "submitted before: op/1") == (first.out.split(",")[0], again.out.split(",")[0])
    assert 2 == other.code
    assert "op/1 was submitted with it before, with another reason" in other.err


def test_a_list_shows_what_is_under_way_and_a_cancel_is_in_force_at_once(synced):
    assert "no operation is under way" in synced("op", "list").out
    synced(*HOLD, *BECAUSE)
    assert "op/1" in synced("op", "list").out

    assert "would be cancelled: op/1" in synced("op", "cancel", "op/1", *BECAUSE, "--dry-run").out
    dry = json.loads(synced("op", "cancel", "op/1", *BECAUSE, "--dry-run", "--json").out)
    assert ("op/1", True, "cancel") == (dry["id"], dry["dry_run"], dry["word"]["said"])
    assert 0 == synced("op", "cancel", "op/1", *BECAUSE).code
    assert "ada" == json.loads(synced("op", "show", "op/1", "--json").out)["word"]["actor"]
    again = synced("op", "cancel", "op/1", "--reason", "once more")
    assert (1, True) == (again.code, "op/1 has its word: cancelled by ada: a try" in again.err)


def test_a_report_before_the_work_began_is_refused(synced):
    synced(*HOLD, *BECAUSE)
    result, dry = synced("op", "done", "op/1", *BECAUSE), synced("op", "done", "op/1", *BECAUSE, "--dry-run")

    assert (1, True) == (result.code, "its work has not begun" in result.err)
    assert (1, "", result.err) == (dry.code, dry.out, dry.err)


def test_an_operation_that_is_not_there_is_refused_with_those_there_are(synced):
    assert "expected one that was submitted (none was submitted yet), found '9'" in synced("op", "show", "9").err
    synced(*HOLD, *BECAUSE)
    assert "(op/1)" in synced("op", "explain", "op/9").err


def test_an_operation_that_has_not_asked_yet_explains_that(synced):
    synced(*HOLD, *BECAUSE)

    assert "op/1: submitted: not looked at yet\n" == synced("op", "explain", "1").out
    assert [] == json.loads(synced("op", "explain", "1", "--json").out)["waits"]


def test_programs_submit_by_the_same_door(synced: CommandLine):
    async def submit():
        async with Operations.open() as door:
            asked = Asked("verify-host", ["sim/host/gpu007"], "dcim", "ticket 4711", key="ticket-4711")
            return await door.submit(asked)

    made = asyncio.run(submit())

    assert ("op/1", True, "verify") == (made.operation.id, made.new, made.operation.spec.work)
    assert "dcim" in synced("op", "list").out


def test_a_state_that_is_over_is_listed_when_asked_for(synced):
    synced(*HOLD, *BECAUSE)

    async def end():
        store = await open_store(load_settings().store_url)
        expired = {"state": OperationState.EXPIRED}
        await store.change_operation("op/1", lambda op: OperationChange(op.model_copy(update=expired)))
        await store.close()

    asyncio.run(end())
    assert "no operation is under way" in synced("op", "list").out
    assert "expired" in synced("op", "list", "--state", "expired").out
    assert "expected one of submitted" in synced("op", "list", "--state", "odd").err


def test_a_list_says_that_there_are_more_and_finds_a_state_however_old(synced):
    for number in range(3):
        synced("op", "submit", "verify-host", f"sim/host/gpu00{number + 1}", *BECAUSE)

    async def end():
        store = await open_store(load_settings().store_url)
        expired = {"state": OperationState.EXPIRED}
        await store.change_operation("op/1", lambda op: OperationChange(op.model_copy(update=expired)))
        await store.close()

    asyncio.run(end())
    newest, every = synced("op", "list", "--limit", "1").out, synced("op", "list", "--all").out
    assert ["op/3"] == [line.split()[0] for line in newest.splitlines() if line.startswith("op/")]
    assert newest.endswith("and older ones: maintrain op list --limit N shows more than 1\n")
    assert "older ones" not in every
    (old,) = json.loads(synced("op", "list", "--state", "expired", "--limit", "1", "--json").out)
    assert "op/1" == old["id"]


TIMES = {
    "2026-03-28T03:30 Europe/Berlin": datetime(2026, 3, 28, 2, 30, tzinfo=UTC),
    "2026-03-29T03:30 Europe/Berlin": datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
    "2026-10-25T03:30 Europe/Berlin": datetime(2026, 10, 25, 2, 30, tzinfo=UTC),
    "2026-10-25T02:30+02:00": datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    "2026-10-25T02:30+01:00": datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    "2026-01-31T08:00:00Z": datetime(2026, 1, 31, 8, tzinfo=UTC),
}
BAD_TIMES = {
    "2026-03-29T02:30 Europe/Berlin": "clocks of Europe/Berlin go forward then, and 2026-03-29T02:30:00 does not come",
    "2026-10-25T02:30 Europe/Berlin": "expected 2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00",
    "2026-10-25T02:30+02:00 Europe/Berlin": "expected either an offset or the name of a zone",
    "tonight": "expected a time with its zone",
    "0001-01-01T00:00:00+10:00": "expected a time that any clock can show",
    "9999-12-31T23:59:59-10:00": "expected a time that any clock can show",
    "9999-12-31T23:59:59 America/New_York": "expected a time that any clock can show",
}


@pytest.mark.parametrize("text", TIMES)
def test_a_window_survives_daylight_saving(text):
    assert TIMES[text] == moment("--earliest", text)


@pytest.mark.parametrize("text", BAD_TIMES)
def test_a_time_that_a_clock_skips_or_shows_twice_is_refused(text):
    with pytest.raises(Exception, match="--earliest") as error:
        moment("--earliest", text)
    assert BAD_TIMES[text] in str(error.value)
