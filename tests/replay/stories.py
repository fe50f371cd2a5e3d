"""The recorded histories: a file a story, told by a real run, free of the machine that it ran on."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory

FOLDER = Path(__file__).parent / "histories"
MACHINES_OWN = {
    "identity": "worker",
    "binaryChecksum": "",
    "stackTrace": "",
}
"""What a history says of the machine, and what stands there instead."""


@dataclass(frozen=True)
class Story:
    """One run of one workflow."""

    name: str
    history: WorkflowHistory

    @property
    def kind(self) -> str:
        """Type of the workflow."""
        return self.history.events[0].workflow_execution_started_event_attributes.workflow_type.name

    @property
    def length(self) -> int:
        """Events."""
        return len(self.history.events)


def read_all() -> list[Story]:
    """Every committed story, by name."""
    return [read(path) for path in sorted(FOLDER.glob("*.json"))]


def read(path: Path) -> Story:
    """One story."""
    document = json.loads(path.read_text())
    return Story(path.stem, WorkflowHistory.from_json(document["workflow_id"], document))


def write(name: str, history: WorkflowHistory) -> Path:
    """Keep a history as a story: an event a line."""
    events = [json.dumps(_scrubbed(event), separators=(",", ":")) for event in history.to_json_dict()["events"]]
    path = FOLDER / f"{name}.json"
    path.write_text(f'{{"workflow_id":{json.dumps(history.workflow_id)},"events":[\n' + ",\n".join(events) + "\n]}\n")
    return path


def _scrubbed(found: Any) -> Any:
    if isinstance(found, list):
        return [_scrubbed(one) for one in found]
    if not isinstance(found, dict):
        return found
    if found.get("kind") == "TASK_QUEUE_KIND_STICKY":
        return {**found, "name": "sticky"}  # it is named after the host
    return {key: MACHINES_OWN.get(key, _scrubbed(value)) for key, value in found.items()}
