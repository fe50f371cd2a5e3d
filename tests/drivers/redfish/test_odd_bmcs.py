"""BMCs that show things in another way, and some that show them wrongly."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from fleet.errors import BadAnswer, OutcomeUnknown, Refused, Unreachable
from fleet.models.hardware import TaskState
from fleet.ports.fence import open_fence
from fleet.ports.mechanism import Activation
from tests.drivers.redfish.build import IMAGE, odd_mechanism
from tests.drivers.redfish.oddbmc import INVENTORY, ROOT, TASKS, UPDATES, OddBmc, collection, link, member, task

PAYLOAD = {"TargetUri": "/mfwupdate", "HttpHeaders": ["User-Agent: maintrain (bios; 2.1)"]}


async def test_members_told_within_the_collection_are_not_read_again(bmc: OddBmc, tmp_path: Path) -> None:
    bmc.resources[f"{ROOT}/"]["ProtocolFeaturesSupported"] = {"ExpandQuery": {"NoLinks": True, "Levels": True}}
    whole = collection(member("BMC", "1.0"), member("BIOS", "2.0"))
    bmc.resources[f"{INVENTORY}?$expand=.($levels=1)"] = whole
    assert {"bmc": "1.0", "bios": "2.0"} == await odd_mechanism(bmc, tmp_path).versions("one")
    assert f"{INVENTORY}/BMC" not in bmc.asked


async def test_a_list_of_several_pages_is_read_whole(bmc: OddBmc, tmp_path: Path) -> None:
    first = {"Members": [link(f"{INVENTORY}/BMC")], "Members@odata.count": 2}
    bmc.resources[INVENTORY] = first | {"Members@odata.nextLink": f"{INVENTORY}?$skip=1"}
    bmc.resources[f"{INVENTORY}?$skip=1"] = {"Members": [link(f"{INVENTORY}/BIOS")], "Members@odata.count": 2}
    assert {"bmc": "1.0", "bios": "2.0"} == await odd_mechanism(bmc, tmp_path).versions("one")


def _endless(bmc: OddBmc) -> None:
    bmc.resources[INVENTORY]["Members@odata.nextLink"] = INVENTORY


def _short(bmc: OddBmc) -> None:
    bmc.resources[INVENTORY]["Members@odata.count"] = 3


def _empty(bmc: OddBmc) -> None:
    bmc.resources[INVENTORY] = collection()


def _gone(bmc: OddBmc) -> None:
    del bmc.resources[f"{INVENTORY}/BIOS"]


def _no_version(bmc: OddBmc) -> None:
    bmc.resources[f"{INVENTORY}/BIOS"] = member("BIOS", None)


def _error_inside(bmc: OddBmc) -> None:
    bmc.resources[f"{INVENTORY}/BIOS"] = {"error": {"message": "try later"}}


def _elsewhere(bmc: OddBmc) -> None:
    bmc.resources[INVENTORY] = collection(link("//evil.example/redfish/v1"))


def _a_list(bmc: OddBmc) -> None:
    bmc.resources[INVENTORY] = [1, 2]


def _two_systems(bmc: OddBmc) -> None:
    bmc.resources[f"{ROOT}/Systems"] = collection(link(f"{ROOT}/Systems/1"), link(f"{ROOT}/Systems/2"))
    bmc.resources[f"{ROOT}/Systems/2"] = bmc.resources[f"{ROOT}/Systems/1"] | {"Id": "HGX"}


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_endless, "in a circle"),
        (_short, "partial answer"),
        (_empty, "inventory is empty"),
        (_gone, "HTTP 404"),
        (_no_version, "expected a version of BIOS"),
        (_error_inside, "an error inside the answer: try later"),
        (_elsewhere, "expected a path under /redfish/"),
        (_a_list, "expected a JSON object"),
        (_two_systems, "fits several systems, 1, HGX"),
    ],
)
async def test_an_answer_that_can_t_be_believed_is_none(
    bmc: OddBmc, tmp_path: Path, spoil: Callable[[OddBmc], None], told: str
) -> None:
    spoil(bmc)
    with pytest.raises(BadAnswer, match=told):
        await odd_mechanism(bmc, tmp_path).versions("one")


async def test_the_model_says_which_of_several_systems_is_meant(bmc: OddBmc, tmp_path: Path) -> None:
    _two_systems(bmc)
    assert await odd_mechanism(bmc, tmp_path, {"system": "HGX"}).is_on("one")


async def test_an_image_is_pushed_where_the_bmc_says_whole_and_with_our_name(bmc: OddBmc, tmp_path: Path) -> None:
    def accepted(path: str) -> tuple[int, dict[str, str], Any]:
        bmc.show_tasks(task("0", TaskState="Running", PercentComplete=5, Payload=PAYLOAD))
        return 202, {"Location": f"{TASKS}/0/Monitor"}, None

    bmc.answer = accepted
    begun = await odd_mechanism(bmc, tmp_path).start_apply("one", "bios", "2.1", open_fence)
    [(path, headers, body)] = bmc.posts
    assert ("0", "2.1", TaskState.RUNNING, 5) == (begun.id, begun.version, begun.state, begun.percent)
    assert ("/mfwupdate", "maintrain (bios; 2.1)") == (path, headers["User-Agent"])
    assert body.count(IMAGE) == 1
    assert b'name="OemParameters"\r\nContent-Type: application/json\r\n\r\n{"Preserve": true}\r\n' in body


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        ((202, {}, None), OutcomeUnknown, "accepted an update .HTTP 202.; new tasks it shows: none"),
        ((200, {}, b"no json"), BadAnswer, "expected JSON"),
        ((202, {"Location": "https://evil.example/redfish/v1/TaskService/Tasks/1"}, None), BadAnswer, "leads away"),
        ((307, {"Location": "/elsewhere"}, None), BadAnswer, "a redirection"),
        ((400, {}, {"error": {"@Message.ExtendedInfo": [{"Message": "No such target."}]}}), Refused, "No such target."),
        ((500, {}, None), Unreachable, "HTTP 500"),
    ],
)
async def test_an_update_that_is_not_plainly_accepted_has_no_task(
    bmc: OddBmc, tmp_path: Path, answer: tuple[int, dict[str, str], Any], error: type[Exception], told: str
) -> None:
    bmc.answer = lambda path: answer
    with pytest.raises(error, match=told):
        await odd_mechanism(bmc, tmp_path).start_apply("one", "bios", "2.1", open_fence)
    assert 1 == len(bmc.posts)


@pytest.mark.parametrize(
    "state", [{"HttpPushUriTargetsBusy": True}, {"ServiceEnabled": False}, {"Status": {"State": "Updating"}}]
)
async def test_an_update_service_that_takes_none_now_is_sent_none(
    bmc: OddBmc, tmp_path: Path, state: dict[str, Any]
) -> None:
    bmc.resources[UPDATES] |= state
    with pytest.raises(Refused):
        await odd_mechanism(bmc, tmp_path).start_apply("one", "bios", "2.1", open_fence)
    assert [] == bmc.posts


@pytest.mark.parametrize(
    ("running", "busy"),
    [
        ({"Payload": {"TargetUri": "/redfish/v1/UpdateService/upload"}}, True),
        ({"Messages": [{"MessageId": "Update.1.0.TransferringToComponent"}]}, True),
        ({"Name": "Job", "Description": "Firmware Update"}, True),
        ({}, True),
        ({"Name": "Collecting a log", "Payload": {"TargetUri": "/redfish/v1/Managers/1/LogServices/Dump"}}, False),
    ],
)
async def test_a_task_of_another_that_may_be_an_update_keeps_ours_away(
    bmc: OddBmc, tmp_path: Path, running: dict[str, Any], busy: bool
) -> None:
    bmc.show_tasks(task("7", TaskState="Running", **running))
    mechanism = odd_mechanism(bmc, tmp_path)
    assert busy == (await mechanism.tasks("one", "bios") != ())
    with pytest.raises(Refused if busy else OutcomeUnknown):
        await mechanism.start_apply("one", "bios", "2.1", open_fence)
    assert (0 if busy else 1) == len(bmc.posts)


async def test_a_task_that_nothing_names_belongs_to_any_component_in_an_unknown_version(
    bmc: OddBmc, tmp_path: Path
) -> None:
    bmc.show_tasks(task("7"))
    mechanism = odd_mechanism(bmc, tmp_path)
    found = [await mechanism.tasks("one", component) for component in ("bmc", "bios")]
    assert [("bmc", "unknown"), ("bios", "unknown")] == [(t.component, t.version) for (t,) in found]
    assert Activation.REBOOT is await mechanism.pending("one")


async def test_a_task_id_that_comes_back_after_a_restart_is_another_task(bmc: OddBmc, tmp_path: Path) -> None:
    mechanism, seen = odd_mechanism(bmc, tmp_path), []
    for start in ("2026-01-01T10:00:00+00:00", "2026-01-02T12:00:00+02:00"):
        bmc.show_tasks(task("0", StartTime=start, Payload=PAYLOAD))
        seen += [found.id for found in await mechanism.tasks("one", "bios")]
    assert ["0@2026-01-01T10:00:00Z", "0@2026-01-02T10:00:00Z"] == seen


async def test_an_update_that_ended_long_ago_by_the_bmc_s_clock_keeps_no_other_away(
    bmc: OddBmc, tmp_path: Path
) -> None:
    resetting = [{"component": "bios", "members": {"id": "BIOS"}, "activation": "bmc_resets_itself"}]
    mechanism = odd_mechanism(bmc, tmp_path, {"components": resetting})
    bmc.resources[f"{ROOT}/Managers"] = collection(link(f"{ROOT}/Managers/1"))
    bmc.resources[f"{ROOT}/Managers/1"] = {"Id": "1", "DateTime": "2026-01-01T10:20:00Z"}
    states = []
    for start, end in (("09:50:00", "10:00:00"), ("10:18:00", "10:19:00")):
        times = {"StartTime": f"2026-01-01T{start}Z", "EndTime": f"2026-01-01T{end}Z"}
        bmc.show_tasks(task("0", Payload=PAYLOAD, **times))
        states += [found.state for found in await mechanism.tasks("one", "bios")]
    assert [TaskState.DONE, TaskState.RUNNING] == states


@pytest.mark.parametrize(
    ("state", "booting", "free"),
    [("Running", False, False), ("Running", True, False), ("Pending", False, False), ("Pending", True, True)],
)
async def test_a_boot_cuts_what_writes_and_not_what_waits_for_it(
    bmc: OddBmc, tmp_path: Path, state: str, booting: bool, free: bool
) -> None:
    bmc.show_tasks(task("0", TaskState=state, Payload=PAYLOAD))
    mechanism = odd_mechanism(bmc, tmp_path)
    with nullcontext() if free else pytest.raises(Refused, match=r"is updating bios 2\.1"):
        await mechanism.check_free("one", booting=booting)


AGAIN = PAYLOAD | {"HttpHeaders": ["User-Agent: maintrain (bios; 2.0; again)"]}


async def test_the_version_that_was_there_is_written_with_a_word_for_that(bmc: OddBmc, tmp_path: Path) -> None:
    bmc.resources[f"{INVENTORY}/BIOS"] = member("BIOS", "2.1")

    def accepted(path: str) -> tuple[int, dict[str, str], Any]:
        bmc.show_tasks(task("0", EndTime="2026-01-01T10:00:00Z", Payload={"TargetUri": "/mfwupdate"}))
        return 202, {"Location": f"{TASKS}/0/Monitor"}, None

    bmc.answer = accepted
    mechanism = odd_mechanism(bmc, tmp_path, {"components": _bios("power_cycle")})
    await mechanism.start_apply("one", "bios", "2.1", open_fence)
    assert "maintrain (bios; 2.1; again)" == bmc.posts[0][1]["User-Agent"]
    # This BMC remembers no headers: the process that began it knows.
    assert Activation.POWER_CYCLE is await mechanism.pending("one")


def _bios(activation: str) -> list[dict[str, Any]]:
    return [{"component": "bios", "members": {"id": "BIOS"}, "activation": activation}]


async def test_what_was_written_again_is_pending_until_the_system_was_reset(bmc: OddBmc, tmp_path: Path) -> None:
    bmc.show_tasks(task("0", EndTime="2026-01-01T10:00:00Z", Payload=AGAIN))
    mechanism = odd_mechanism(bmc, tmp_path, {"components": _bios("power_cycle")})
    assert Activation.POWER_CYCLE is await mechanism.pending("one")
    bmc.resources[f"{ROOT}/Systems/1"]["LastResetTime"] = "2026-01-01T11:00:00Z"
    assert Activation.NOTHING is await mechanism.pending("one")


async def test_the_bmc_is_reset_for_what_was_written_again_and_the_update_ends_with_its_restart(
    bmc: OddBmc, tmp_path: Path
) -> None:
    manager, end = f"{ROOT}/Managers/1", "2026-01-01T10:00:00Z"
    reset = {"#Manager.Reset": {"target": f"{manager}/Actions/Manager.Reset"}}
    bmc.resources[f"{ROOT}/Managers"] = collection(link(manager))
    bmc.resources[manager] = {"Id": "1", "DateTime": "2026-01-01T10:00:10Z", "Actions": reset}
    bmc.show_tasks(task("0", EndTime=end, Payload=AGAIN))
    mechanism = odd_mechanism(bmc, tmp_path, {"components": _bios("bmc_reset")})
    for _ in range(2):
        assert [TaskState.RUNNING] == [t.state for t in await mechanism.tasks("one", "bios", open_fence)]
    assert [f"{manager}/Actions/Manager.Reset"] == [path for path, _, _ in bmc.posts]
    bmc.resources[manager]["LastResetTime"] = "2026-01-01T10:00:20Z"
    assert [TaskState.DONE] == [t.state for t in await mechanism.tasks("one", "bios", open_fence)]


async def test_a_reboot_since_the_update_leaves_nothing_pending(bmc: OddBmc, tmp_path: Path) -> None:
    bmc.show_tasks(task("0", EndTime="2026-01-01T10:00:00Z", Payload=PAYLOAD))
    mechanism = odd_mechanism(bmc, tmp_path)
    assert Activation.REBOOT is await mechanism.pending("one")
    bmc.resources[f"{ROOT}/Systems/1"]["LastResetTime"] = "2026-01-01T11:00:00Z"
    assert Activation.NOTHING is await mechanism.pending("one")


@pytest.mark.parametrize("wrong", [{"TaskState": "Dreaming"}, {"PercentComplete": 101}, {"PercentComplete": "half"}])
async def test_a_task_that_makes_no_sense_is_a_bad_answer(bmc: OddBmc, tmp_path: Path, wrong: dict[str, Any]) -> None:
    bmc.show_tasks(task("0", **wrong))
    with pytest.raises(BadAnswer):
        await odd_mechanism(bmc, tmp_path).tasks("one", "bios")


async def test_completed_with_a_critical_status_has_failed(bmc: OddBmc, tmp_path: Path) -> None:
    bmc.show_tasks(task("0", TaskStatus="Critical", Payload=PAYLOAD))
    assert [TaskState.FAILED] == [found.state for found in await odd_mechanism(bmc, tmp_path).tasks("one", "bios")]


async def test_a_secret_that_is_not_there_is_told_by_its_place(bmc: OddBmc, tmp_path: Path) -> None:
    mechanism = odd_mechanism(bmc, tmp_path)
    (tmp_path / "password").unlink()
    with pytest.raises(Unreachable, match="one: secret: file password: expected a readable file"):
        await mechanism.versions("one")
