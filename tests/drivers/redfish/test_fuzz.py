"""Damaged answers of a BMC end in `BadAnswer` or `Refused`: no crash, no version that is not there, no task that ended.

A case is one damaged answer; at least 10,000 a parser, drawn from seeds.
"""

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.redfish.bmctask import moment, named, parse_tasks, sender
from drivers.redfish.connection import Bmc
from drivers.redfish.document import Document, checked_path, parse
from drivers.redfish.reading import inventory, look, task_documents
from fleet.errors import BadAnswer, Refused
from fleet.models.images import Image
from fleet.models.redfish import HardwareModel
from fleet.policy.inventory import component_versions
from tests.drivers.redfish.build import rules
from tests.drivers.redfish.oddbmc import INVENTORY, ROOT, TASKS, UPDATES, collection, link, member, plain_bmc, task
from tests.parts import mutate

HOST, NEW = "gpu001", "1.1.0"
CASES = 5
fuzz = settings(max_examples=2000, deadline=None, derandomize=True, database=None)
seeds = given(st.integers(0, 2**48))
MODEL = HardwareModel.model_validate(
    {
        "name": "hgx",
        "manufacturer": "Odd",
        "components": [rule for rule in rules() if rule["component"] in ("bmc", "bios")],
    }
)
EXPANDS = {"ProtocolFeaturesSupported": {"ExpandQuery": {"NoLinks": True, "Levels": True}}}
EXPANDED = "?$expand=.($levels=1)"
IMAGES = (Image(component="bmc", version=NEW, file="bmc-1.1.0.fw", sha256="0" * 64),)
LOOP = asyncio.new_event_loop()


@pytest.fixture(scope="module", autouse=True)
def _loop() -> Iterator[None]:
    yield
    LOOP.close()


class Told(Bmc):
    """A BMC whose answers are given: what lies above the connection, without one."""

    def __init__(self, bodies: dict[str, bytes]) -> None:
        self.host, self._bodies = HOST, bodies

    async def get(self, path: str) -> Document:
        if path not in self._bodies:
            raise BadAnswer(f"{path}: HTTP 404")
        return parse(path, self._bodies[path])


def bodies() -> dict[str, bytes]:
    """A sound BMC's answers: old firmware; one task that runs and one that failed, of ours both."""
    told = plain_bmc()
    told[f"{ROOT}/"] |= EXPANDS
    told[UPDATES] |= {"@odata.id": UPDATES}
    told[INVENTORY + EXPANDED] = collection(
        member("BMC", "1.0.0", Status={"State": "Enabled"}),
        member("BIOS", "2.1.0"),
        member("NIC_0", "28.39", SoftwareId="x"),
    )
    payload = {"TargetUri": f"{UPDATES}/update", "HttpHeaders": [f"User-Agent: {sender('bmc', NEW)}"], "JsonBody": "{}"}
    times = {"StartTime": "2026-11-22T09:00:00+00:00", "EndTime": "2026-11-22T09:01:00Z"}
    said = {"Messages": [{"MessageId": "Update.1.2.ApplyFailed", "Message": "no", "MessageArgs": ["BMC", 7]}]}
    told[TASKS + EXPANDED] = collection(
        task("1", TaskState="Exception", TaskStatus="Critical", PercentComplete=40, Payload=payload, **times, **said),
        task("2", TaskState="Running", PercentComplete=50, Payload=payload, TaskMonitor=f"{TASKS}/2/Monitor"),
    )
    return {path: json.dumps(body).encode() for path, body in told.items()}


SOUND = bodies()


def only_told_errors() -> AbstractContextManager[None]:
    return suppress(BadAnswer, Refused)


def damaged(path: str, chance: random.Random) -> Iterator[dict[str, bytes]]:
    """The sound answers but for one, which is damaged in each of the ways."""
    text = SOUND[path].decode()
    for way in (
        mutate.characters(text, chance, 3),
        mutate.characters(text, chance, 1),
        mutate.cut(text, chance),
        mutate.parts(text, chance),
        mutate.noise(chance),
    ):
        yield SOUND | {path: way.encode(errors="surrogatepass")}


def versions(told: dict[str, bytes]) -> dict[str, str]:
    async def read() -> dict[str, str]:
        site = await look(Told(told), (MODEL,))
        return component_versions(await inventory(site), MODEL.components)

    return LOOP.run_until_complete(read())


def tasks(told: dict[str, bytes]) -> Any:
    async def read() -> Any:
        site = await look(Told(told), (MODEL,))
        return parse_tasks(await task_documents(site), f"{UPDATES}/")

    return LOOP.run_until_complete(read())


def test_sound_answers_are_read() -> None:
    found = tasks(SOUND)

    assert {"bmc": "1.0.0", "bios": "2.1.0"} == versions(SOUND)
    assert ["Exception", "Running"] == [t.state for t in found]
    assert [("bmc", NEW)] * 2 == [named(t, MODEL, IMAGES, ()) for t in found]


@fuzz
@seeds
def test_an_inventory(seed: int) -> None:
    for told in damaged(INVENTORY + EXPANDED, random.Random(seed)):
        with only_told_errors():
            assert versions(told).get("bmc") != NEW


@fuzz
@seeds
def test_the_way_to_an_inventory(seed: int) -> None:
    chance = random.Random(seed)
    way = chance.choice((f"{ROOT}/", f"{ROOT}/Systems", f"{ROOT}/Systems/1", UPDATES))
    for told in damaged(way, chance):
        with only_told_errors():
            # Without its word that it expands collections, members are read one by one: another sample's answers.
            assert versions(told) in ({"bmc": "1.0.0", "bios": "2.1.0"}, {"bmc": "1.0", "bios": "2.0"})


@fuzz
@seeds
def test_tasks(seed: int) -> None:
    for told in damaged(TASKS + EXPANDED, random.Random(seed)):
        with only_told_errors():
            found = tasks(told)
            assert not [t for t in found if t.done]
            for one in found:
                named(one, MODEL, IMAGES, ())


READS: tuple[Callable[[Document], object], ...] = (
    lambda d: d.text("Id"),
    lambda d: d.text_or("Name"),
    lambda d: d.number_or("PercentComplete", 0),
    lambda d: d.flag("Updateable"),
    lambda d: d.part("Status"),
    lambda d: d.parts("Messages"),
    lambda d: d.texts("MessageArgs"),
    lambda d: d.path(),
    lambda d: d.link("Tasks"),
    lambda d: d.members(),
    lambda d: d.next_page(),
    lambda d: d.with_members(d),
)
NAMES = ("Id", "Name", "PercentComplete", "Updateable", "Status", "Messages", "MessageArgs", "@odata.id", "Tasks")
NAMES += ("Members", "Members@odata.count", "Members@odata.nextLink")


TEXTS = ("", "1.0", "/redfish/v1/x", "\x00", "\ud800", "é" * 2000, "2026-11-22T09:00:00Z")
PATHS = ("/redfish/v1/Systems", "//elsewhere/redfish/", "/redfish/../x", "https://x", 5)
SIMPLE = (None, True, False, 0, -1, 2**70, 1.5, float("nan"), 1e300, *TEXTS, *map(link, PATHS), [link(PATHS[0])] * 2)


def made_up(chance: random.Random, depth: int = 0) -> Any:
    """Some JSON value, with the names that are looked for among its keys."""
    kind = chance.randrange(9 if depth < 3 else 6)
    if kind < 6:
        return chance.choice(SIMPLE)
    if kind < 8:
        return {name: made_up(chance, depth + 1) for name in chance.sample(NAMES, chance.randrange(1, 5))}
    return [made_up(chance, depth + 1) for _ in range(chance.randrange(4))]


@fuzz
@seeds
def test_a_documents_fields_are_of_their_type_or_no_answer(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(CASES):
        body = json.dumps({name: made_up(chance) for name in NAMES}).encode()
        with only_told_errors():
            document = parse("gpu001 /x", body)
            for read in READS:
                with only_told_errors():
                    found = read(document)
                    if isinstance(found, str):
                        assert found.encode() is not None


@fuzz
@given(st.lists(st.text(alphabet="/redfish.v1\\ \t\n:@%é#?", max_size=40), min_size=CASES, max_size=CASES))
def test_a_path_never_leads_away_from_the_bmc(values: list[str]) -> None:
    for value in (*values, *(f"/redfish/{value}" for value in values)):
        with only_told_errors():
            path = checked_path(value, "it")
            assert path.startswith("/redfish/")
            assert ".." not in path
            assert not {"\\", " ", "\n", "\t"} & set(path)


@fuzz
@given(st.lists(st.text(alphabet="0123456789-+:TZ. ", max_size=32), min_size=CASES, max_size=CASES))
def test_a_time_is_one_or_none(values: list[str]) -> None:
    for value in values:
        found = moment(value)
        assert found is None or found.tzinfo is not None


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_beyond_the_calendar_is_none(text: str) -> None:
    assert moment(text) is None


@pytest.mark.parametrize("depth", [100, 400, 511])
def test_a_request_remembered_in_endless_brackets_is_no_crash(depth: int) -> None:
    shown = task("1", TaskState="Running", Payload={"JsonBody": "[" * depth + "]" * depth})

    assert ["Running"] == [t.state for t in parse_tasks([parse("it", json.dumps(shown).encode())], "/x/")]


@pytest.mark.parametrize("depth", [200, 900, 990, 100_000])
def test_an_answer_in_endless_brackets_is_a_bad_one(depth: int) -> None:
    with pytest.raises(BadAnswer):
        parse("it", b'{"Id": ' + b"[" * depth + b"]" * depth + b"}").text("Id")


def test_half_a_character_is_a_bad_answer() -> None:
    with pytest.raises(BadAnswer):
        parse("it", b'{"Id": "\\ud800"}').text("Id")
