"""What ends up in the log."""

import io
import json
import logging
import uuid

import pytest
import structlog
from temporalio.worker import Replayer, Worker

from runtime.codec import data_converter
from runtime.logging import configure_logging
from runtime.workers import workflow_runner
from tests.parts.temporal import settings_in
from tests.runtime.talkative import Talkative, look


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def log(tmp_path):
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield lambda stream, **environ: configure_logging(settings_in(tmp_path, **environ), stream)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def _lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_in_a_pipe_every_line_is_one_json_object(log):
    stream = io.StringIO()
    log(stream, MAINTRAIN_LOG_FORMAT="auto")

    structlog.stdlib.get_logger("ours").warning("drained", host="gpu001")
    logging.getLogger("theirs").error("no %s", "answer", extra={"port": 7})
    try:
        raise ValueError("of a kind")
    except ValueError:
        structlog.stdlib.get_logger("ours").exception("broke")

    ours, theirs, broke = _lines(stream)
    assert (ours["event"], ours["host"], ours["level"], ours["logger"]) == ("drained", "gpu001", "warning", "ours")
    assert (theirs["event"], theirs["port"]) == ("no answer", 7)
    assert ours["timestamp"].endswith("Z")
    assert "of a kind" in broke["exception"]


@pytest.mark.parametrize("form", ["console", "json"])
def test_an_error_shows_where_it_came_from_and_no_value_of_a_variable(log, form):
    stream = Terminal()
    log(stream, MAINTRAIN_LOG_FORMAT=form)

    def signs(key: str) -> None:
        raise ValueError("of a kind")

    for name in ("ours", "theirs"):
        try:
            signs("a key of " + "enough bytes")
        except ValueError:
            told = structlog.stdlib.get_logger(name) if name == "ours" else logging.getLogger(name)
            told.warning("broke", exc_info=True)

    shown = stream.getvalue()
    assert (2, True) == (shown.count("ValueError: of a kind"), "in signs" in shown)
    assert "a key of enough bytes" not in shown


def test_on_a_terminal_it_is_for_people(log):
    stream = Terminal()
    log(stream, MAINTRAIN_LOG_FORMAT="auto")

    structlog.stdlib.get_logger("ours").info("drained", host="gpu001")

    assert "drained" in stream.getvalue()
    with pytest.raises(json.JSONDecodeError):
        _lines(stream)


def test_the_format_and_the_level_can_be_chosen(log):
    stream = Terminal()
    log(stream, MAINTRAIN_LOG_FORMAT="json", MAINTRAIN_LOG_LEVEL="ERROR")

    structlog.stdlib.get_logger("ours").info("drained")
    structlog.stdlib.get_logger("ours").error("gone")

    assert [line["event"] for line in _lines(stream)] == ["gone"]


async def test_lines_say_which_workflow_and_activity_they_come_from_and_replay_says_nothing(log, client):
    stream = io.StringIO()
    log(stream)
    name = f"logging-{uuid.uuid4()}"
    async with Worker(
        client, task_queue=name, workflows=[Talkative], activities=[look], workflow_runner=workflow_runner()
    ):
        handle = await client.start_workflow(Talkative.run, id=name, task_queue=name)
        await handle.result()

    ours = [line for line in _lines(stream) if line.get("workflow_id") == name]
    assert [line["event"] for line in ours] == ["begins", "begins, says structlog", "looked", "looked closer", "ends"]
    assert {line["workflow_type"] for line in ours if "activity_type" not in line} == {"Talkative"}
    assert [line["activity_type"] for line in ours[2:4]] == ["look", "look"]
    assert ours[2]["host"] == "gpu001"

    stream.seek(0)
    stream.truncate()
    replayer = Replayer(workflows=[Talkative], workflow_runner=workflow_runner(), data_converter=data_converter(None))
    await replayer.replay_workflow(await handle.fetch_history())
    assert [line for line in _lines(stream) if line.get("workflow_id") == name] == []
