"""Every committed history replays on today's workflows; `make histories` records them anew after a wanted change."""

from pathlib import Path

import pytest
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from runtime.codec import data_converter
from runtime.workers import workflow_runner
from tests.replay.changed import HostMaintenance as Changed
from tests.replay.keeping import STORIES
from tests.replay.stories import FOLDER, Story, read, read_all
from workflows.registry import ALL

NAMES = sorted(STORIES)


def replayer(*workflows: type) -> Replayer:
    """With the converter and sandbox of the worker."""
    return Replayer(workflows=workflows, data_converter=data_converter(None), workflow_runner=workflow_runner())


def story(name: str) -> Story:
    return read(FOLDER / f"{name}.json")


@pytest.mark.parametrize("name", NAMES)
async def test_a_recorded_run_replays(name):
    told = story(name)

    result = await replayer(*ALL).replay_workflow(told.history)

    assert None is result.replay_failure


def test_every_workflow_has_a_recorded_run():
    assert {w.__temporal_workflow_definition.name for w in ALL} == {s.kind for s in read_all()}


def test_every_story_is_recorded_and_nothing_else():
    assert NAMES == sorted(path.stem for path in FOLDER.iterdir())


async def test_a_workflow_that_commands_in_another_order_does_not_replay():
    """Verification before the drain: what the replay above would catch."""
    with pytest.raises(NondeterminismError):
        await replayer(Changed).replay_workflow(story("host-normal").history)


@pytest.mark.parametrize("name", NAMES)
def test_a_story_says_nothing_of_the_machine_it_was_recorded_on(name):
    text = Path(FOLDER / f"{name}.json").read_text()

    assert {"worker"} == _values(text, "identity")
    assert set() == _values(text, "stackTrace") - {""}


def _values(text: str, key: str) -> set[str]:
    return {part.split('"')[0] for part in text.split(f'"{key}":"')[1:]}
