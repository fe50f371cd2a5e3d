"""What a BMC's tasks say, and the same mangled: nothing but `BadAnswer` comes of it, and no false success."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.redfish.bmctask import named, parse_tasks, sender
from drivers.redfish.document import Document, parse
from fleet.errors import BadAnswer
from fleet.models.images import Image
from fleet.models.redfish import HardwareModel
from fleet.policy.inventory import Member
from tests.drivers.redfish.oddbmc import INVENTORY, task

UPDATES = "/redfish/v1/UpdateService/"
MEMBERS = tuple(Member(path=f"{INVENTORY}/{name}", id=name, version="1") for name in ("BMC", "HGX_0"))
MODEL = HardwareModel.model_validate(
    {
        "name": "any",
        "components": [
            {"component": "bmc", "members": {"id": "BMC"}, "targets": [f"{INVENTORY}/BMC"]},
            {"component": "fpga", "members": {"id": "HGX_0"}, "targets": [f"{INVENTORY}/HGX_0"]},
        ],
    }
)


def image(component: str, version: str, file: str) -> Image:
    return Image(component=component, version=version, file=file, sha256="0" * 64)


IMAGES = (
    image("bmc", "2.0", "bmc_2.0.bin"),
    image("bmc", "2.0.1", "bmc_2.0.1.bin"),
    image("bmc", "3.0", "bundle.fwpkg"),
    image("fpga", "7.0", "bundle.fwpkg"),
)


def payload(**fields: Any) -> dict[str, Any]:
    return {"Payload": {"TargetUri": f"{UPDATES}update", **fields}}


def message(*arguments: str) -> dict[str, Any]:
    return {"Messages": [{"MessageId": "Update.1.0.TransferringToComponent", "MessageArgs": list(arguments)}]}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (payload(HttpHeaders=["Host: bmc", f"User-Agent: {sender('bmc', '2.0')}"]), ("bmc", "2.0")),
        (payload(JsonBody='{"ImageURI": "http://store/fw/bmc_2.0.bin"}'), ("bmc", "2.0")),
        (payload(JsonBody='{"ImageURI": "http://store/fw/bmc_2.0.1.bin"}'), ("bmc", "2.0.1")),
        (payload(JsonBody='{"ImageURI": "http://store/fw/other-bmc_2.0.bin"}'), None),
        (payload(JsonBody=f'{{"ImageURI": "bundle.fwpkg", "Targets": ["{INVENTORY}/HGX_0"]}}'), ("fpga", "7.0")),
        (payload(JsonBody='{"ImageURI": "bundle.fwpkg"}'), None),
        (payload(JsonBody="cut of"), None),
        (message("bmc_2.0.bin", "somewhere"), ("bmc", "2.0")),
        (message("2.0.1", "BMC"), ("bmc", "2.0.1")),
        (message("2.0.1", "BIOS"), None),
        ({}, None),
    ],
)
def test_a_task_is_named_by_what_the_bmc_remembers(fields: dict[str, Any], expected: tuple[str, str] | None) -> None:
    (found,) = parse_tasks([Document("bmc", task("0", **fields))], UPDATES)
    assert (True, expected) == (found.is_update, named(found, MODEL, IMAGES, MEMBERS))


def test_tasks_are_told_oldest_first() -> None:
    starts = {"3": "2026-01-02T00:00:00Z", "4": "2026-01-01T23:00:00Z", "5": "2026-01-02T00:30:00+01:00"}
    found = parse_tasks([Document("bmc", task(name, StartTime=start)) for name, start in starts.items()], UPDATES)
    assert ["4", "5", "3"] == [shown.path.rpartition("/")[2] for shown in found]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from(["Completed", "Critical", "BMC"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
WHOLE = (
    task("0", StartTime="2026-01-01T00:00:00Z", EndTime="2026-01-01T00:01:00Z") | message("a") | payload(JsonBody="{}")
)


@settings(max_examples=1500, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(WHOLE)), JSON, min_size=1, max_size=4))
def test_a_mangled_task_is_a_bad_answer_or_what_it_says(mangled: dict[str, Any]) -> None:
    shown = WHOLE | mangled
    try:
        (found,) = parse_tasks([Document("bmc", shown)], UPDATES)
        named(found, MODEL, IMAGES, MEMBERS)
    except BadAnswer:
        return
    assert found.done == (shown["TaskState"] == "Completed" and shown["TaskStatus"] != "Critical")


@settings(max_examples=1000, deadline=None)
@given(st.binary(max_size=60) | st.just(b"[" * 100_000) | JSON.map(lambda value: json.dumps(value).encode()))
def test_only_an_object_is_an_answer(body: bytes) -> None:
    try:
        expected = isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        expected = False
    try:
        found = isinstance(parse("bmc", body), Document)
    except BadAnswer:
        found = False
    assert expected == found
