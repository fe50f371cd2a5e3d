"""`maintrain events`: the schema that receivers read, the log, the sinks, a try."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from fleet.models.event import Event, EventKind, event
from store import open_store
from tests.cli.conftest import SIMULATED
from tests.parts.receiver import Receiver

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def load(maintrain, folder, *lines):
    path = folder / "fleet.yaml"
    path.write_text("\n".join([SIMULATED.read_text(), "events:", *lines, ""]))
    return maintrain("fleet", "load", path)


def happen(maintrain, *numbers):
    async def write():
        store = await open_store(f"sqlite:///{maintrain.data}/facts.db")
        for n in numbers:
            kind = EventKind.HOST_BACK if n % 2 else EventKind.DRAIN_BEGUN
            await store.record_event(event(kind, f"op-{n}", AT, ("sim", "gpu-train"), hosts=(f"gpu{n}",), reason="due"))
        await store.close()

    asyncio.run(write())


def test_the_schema_tells_kinds_and_is_open_to_more(maintrain):
    schema = json.loads(maintrain("events", "schema").out)

    assert {"id", "sequence", "kind", "at", "cluster", "hosts", "reason"} <= set(schema["properties"])
    assert {kind.value for kind in EventKind} == set(schema["properties"]["kind"]["examples"])
    assert "enum" not in schema["properties"]["kind"]
    assert schema.get("additionalProperties", True) is True


def test_the_log_is_newest_first_by_kind_and_as_json(loaded):
    assert "no events yet" in loaded("events", "list").out
    happen(loaded, 1, 2, 3)

    everything = json.loads(loaded("events", "list", "--json").out)
    assert ["op-3", "op-2", "op-1"] == [e["subject"] for e in everything]
    assert 3 == Event.model_validate(everything[0]).sequence
    only = loaded("events", "list", "sim", "--kind", "drain_begun")
    assert "gpu2" in only.out
    assert "gpu3" not in only.out


def test_sinks_are_listed_with_what_they_missed(maintrain, tmp_path):
    assert load(maintrain, tmp_path, "  - {name: chat, apprise: CHAT}").code == 0

    assert "not begun" in maintrain("events", "sinks").out
    assert [{"sink": "chat", "cluster": "sim", "way": "apprise", "state": None}] == json.loads(
        maintrain("events", "sinks", "--json").out
    )


def test_a_try_reaches_the_receiver_and_a_failure_is_told(maintrain, tmp_path):
    with Receiver() as receiver:
        load(maintrain, tmp_path, f"  - {{name: hook, webhook: {{url: '{receiver.url}'}}}}")
        taken = maintrain("events", "test", "hook")
        receiver.statuses = [500]
        failed = maintrain("events", "test", "hook")

    assert (0, ["test"]) == (taken.code, receiver.kinds())
    assert "took the event evt_" in taken.out
    assert (1, "error: sink hook: HTTP 500\n") == (failed.code, failed.err)


def test_a_sink_that_is_not_there_is_named_with_those_that_are(maintrain, tmp_path):
    load(maintrain, tmp_path, "  - {name: chat, apprise: CHAT}")

    assert "SINK: chap: expected one of chat" in maintrain("events", "test", "chap").err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("  - {name: a, apprise: A, clusters: [nowhere]}", "expected clusters of the file, found 'nowhere'"),
        ("  - {name: a, apprise: A, webhook: {url: 'https://x'}}", "expected either webhook or apprise"),
        ("  - {name: a, webhook: {url: 'http://hooks.example.org'}}", "expected https"),
        ("  - {name: a, apprise: A, kinds: [drain_begin]}", "kinds"),
        ("  - {name: a, apprise: A, timeout: 5m}", "expected at most 1m"),
    ],
)
def test_a_wrong_sink_is_refused_with_its_place(maintrain, tmp_path, line, told):
    refused = load(maintrain, tmp_path, line)

    assert refused.code == 2
    assert told in refused.err
