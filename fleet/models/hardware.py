"""What a host's hardware reports: upgrade tasks and boots."""

from enum import StrEnum

from fleet.models.base import Fact


class TaskState(StrEnum):
    """State of an upgrade task on a device."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class DeviceTask(Fact):
    """An upgrade task as the device knows it. `done` is a claim; only the inventory proves it."""

    id: str
    component: str
    version: str
    state: TaskState
    percent: int = 0
    message: str = ""
