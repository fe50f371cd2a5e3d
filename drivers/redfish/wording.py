"""A BMC's task in the words of the port."""

from drivers.redfish.bmctask import BmcTask
from fleet.models.hardware import DeviceTask, TaskState
from fleet.models.redfish import ApplyTime, ComponentRule


def state_of(task: BmcTask, rule: ComponentRule | None) -> tuple[TaskState, str]:
    """A BMC's word for a task, in ours. Staged until a reset that is not its own part, an update is done."""
    if task.live:
        return TaskState.RUNNING, task.message
    if task.staged:
        staged = rule is not None and rule.apply_time is ApplyTime.ON_RESET
        return (TaskState.DONE, "staged until the reset") if staged else (TaskState.RUNNING, task.message)
    return (TaskState.DONE if task.done else TaskState.FAILED), task.message


def told_as(task: BmcTask, component: str, version: str, state: TaskState, message: str) -> DeviceTask:
    """The task as the port tells it."""
    return DeviceTask(
        id=task.id, component=component, version=version, state=state, percent=task.percent, message=message
    )
