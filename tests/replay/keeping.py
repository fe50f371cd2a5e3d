"""Which of the runs of a site are kept as histories, and by what name."""

import sys
from collections.abc import Callable

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory

from fleet import ids
from tests.replay.stories import FOLDER, write

STORIES: dict[str, Callable[["Run"], bool]] = {
    "host-normal": lambda r: r.kind == "HostMaintenance" and r.ended_as("upgraded"),
    "host-handed-over": lambda r: r.kind == "HostMaintenance" and r.continued,
    "host-given-back": lambda r: r.kind == "HostMaintenance" and r.ended_as("given_back"),
    "host-rolled-back": lambda r: r.kind == "HostMaintenance" and r.ended_as("rolled_back"),
    "host-stopped-early": lambda r: r.kind == "HostMaintenance" and r.ended_as("partly_upgraded"),
    "repair-repaired": lambda r: r.kind == "HostRepair" and r.ended_as("repaired") and not r.does("gpu_reset"),
    "repair-climbed": lambda r: r.kind == "HostRepair" and r.ended_as("repaired") and r.does("gpu_reset"),
    "repair-decommissioned": lambda r: r.kind == "HostRepair" and r.ended_as("decommissioned"),
    "repair-given-away": lambda r: r.kind == "HostRepair" and r.ended_as("given_away"),
    "repair-back": lambda r: r.kind == "HostRepair" and r.ended_as("repaired") and r.heard("back"),
    "visit-working": lambda r: r.kind == "DomainVisit" and r.does("board_hosts") and r.heard("handed_over"),
    "visit-nothing-to-take": lambda r: r.kind == "DomainVisit" and not r.does("board_hosts"),
    "train-first-run": lambda r: r.kind == "MaintenanceTrain" and r.continued and r.does("skip_domain"),
    "train-stop": lambda r: r.kind == "MaintenanceTrain" and r.heard("stop"),
    "train-mid-cycle": lambda r: r.kind == "MaintenanceTrain" and r.continues and not r.heard("stop"),
    "rollout-offboarded": lambda r: r.kind == "Rollout" and r.finished,
    "pin-switched": lambda r: r.kind == "PinSwitch" and r.does("commit_pin"),
    "pin-batch-moved": lambda r: r.kind == "PinBatch" and r.does("apply"),
    "pin-batch-released": lambda r: r.kind == "PinBatch" and r.does("return"),
    "host-held": lambda r: r.kind == "HostMaintenance" and r.does("hold") and r.ended_as("serviced"),
    "operation-done": lambda r: r.kind == "Operation" and r.does("board_operation") and r.heard("granted"),
    "emergency-stopped-and-done": lambda r: r.kind == "EmergencyTrain" and r.finished and r.heard("stop"),
    "large-approved": lambda r: r.kind == "EmergencyTrain" and r.heard("approve"),
    "large-done": lambda r: r.kind == "EmergencyTrain" and r.finished and r.is_large,
    "dispatcher-stop": lambda r: r.kind == "Dispatcher" and r.heard("stop"),
    "dispatcher-continued": lambda r: r.kind == "Dispatcher" and r.continued and r.does("observe"),
}
"""Story: the first run of which this is true."""


class Run:
    """One run as its history tells it."""

    def __init__(self, history: WorkflowHistory) -> None:
        self.history, self.events = history, history.events
        self.kind = self.events[0].workflow_execution_started_event_attributes.workflow_type.name

    @property
    def continued(self) -> bool:
        return self.events[-1].event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW

    @property
    def finished(self) -> bool:
        return self.events[-1].event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED

    @property
    def is_large(self) -> bool:
        return self.history.workflow_id.startswith(ids.LARGE)

    @property
    def continues(self) -> bool:
        return bool(self.events[0].workflow_execution_started_event_attributes.continued_execution_run_id)

    def ended_as(self, outcome: str) -> bool:
        result = self.events[-1].workflow_execution_completed_event_attributes.result
        return any(f'"outcome":"{outcome}"'.encode() in payload.data for payload in result.payloads)

    def does(self, activity: str) -> bool:
        return any(e.activity_task_scheduled_event_attributes.activity_type.name == activity for e in self.events)

    def heard(self, signal: str) -> bool:
        return any(e.workflow_execution_signaled_event_attributes.signal_name == signal for e in self.events)


async def runs_of(client: Client) -> list[Run]:
    """Every run of the site, the oldest first."""
    found = [run async for run in client.list_workflows()]
    found.sort(key=lambda run: run.start_time)
    return [Run(await client.get_workflow_handle(r.id, run_id=r.run_id).fetch_history()) for r in found]


def keep(runs: list[Run]) -> None:
    """Write the story of each, in place of what was there; ends with an error when one was not told."""
    missing = []
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, told in STORIES.items():
        run = next((r for r in runs if told(r)), None)
        if run is None:
            missing.append(name)
            continue
        path = write(name, run.history)
        say(f"{path.name}: {len(run.events)} events, {path.stat().st_size // 1024} KiB")
    if missing:
        sys.exit(f"no run told these stories: {', '.join(missing)}")


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()
