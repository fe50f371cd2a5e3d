"""The updates that a BMC shows at one moment, and which of them an accepted request became."""

from dataclasses import dataclass

from drivers.redfish.bmctask import BmcTask
from drivers.redfish.connection import Answer
from fleet.errors import BadAnswer
from fleet.policy.inventory import Member


@dataclass(frozen=True)
class Updates:
    """A BMC's update tasks, oldest first, each with component and version where they are known; its inventory; and
    the tasks that seem to be something else.
    """

    tasks: tuple[tuple[BmcTask, tuple[str, str] | None], ...]
    others: tuple[BmcTask, ...]
    members: tuple[Member, ...]

    @property
    def ids(self) -> frozenset[str]:
        """Ids of every task."""
        return frozenset({task.id for task, _ in self.tasks} | {task.id for task in self.others})

    def became(self, before: "Updates", host: str, answer: Answer) -> BmcTask:
        """The task that an accepted update became. `BadAnswer` when it can't be told."""
        known = before.ids
        new = [task for task, _ in self.tasks if task.id not in known]
        others = [task for task in self.others if task.id not in known]
        body = answer.body
        names = {answer.location, body.path() if body is not None and body.has("@odata.id") else None} - {None}
        for task in (*new, *others):
            if names & {task.path, task.monitor, f"{task.path}/Monitor"}:
                return task
        # A monitor that leads nowhere: the BMC's own list tells as well, if only one task is new.
        if len(new) == 1:
            return new[0]
        shown = ", ".join(task.id for task in new) or "none"
        raise BadAnswer(f"{host}: its BMC accepted an update (HTTP {answer.status}); new tasks it shows: {shown}")
