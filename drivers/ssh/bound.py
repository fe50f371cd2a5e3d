"""The components of a cluster's SSH settings: each with its recipe, its parameters checked once, when it is opened."""

import re
from dataclasses import dataclass

from drivers.ssh.calls import NotedTask
from drivers.ssh.readers import read_version
from drivers.ssh.ready import ready_recipe
from fleet.errors import BadAnswer
from fleet.models.base import VERSION_PATTERN
from fleet.models.hardware import DeviceTask, TaskState
from fleet.models.recipe import AnyRecipe, Brings, Exits, PlaybookRecipe, Probe, ProbeRecipe, ReadyRecipe, Recipe
from fleet.policy.recipes import bind, probe_command, probe_select

_ENDED = re.compile(r"^(install|activate) (\d{1,3})$")
_TIMED_OUT = (124, 137)
_LOST = {
    "gone": "its process is gone and left no exit status",
    "late": "it did not end within its time, and something of it still runs",
    "rebooted": "the host rebooted while it ran",
    "broken": "the host's notes of it are broken",
}


@dataclass(frozen=True)
class BoundComponent:
    """One component and how it is handled: by `recipe` or `playbook`, or only read when it has neither."""

    name: str
    probe: Probe
    values: dict[str, str]
    activation: Brings
    exits: Exits
    timeout: int
    recipe: Recipe | None = None
    playbook: PlaybookRecipe | None = None

    @property
    def probe_argv(self) -> tuple[str, ...]:
        """The command that prints its version."""
        return probe_command(self.probe, self.values, self.name)

    def version(self, host: str, status: int, text: str) -> str | None:
        """The version in its probe's answer; None: the host has none. Raises `BadAnswer`."""
        try:
            return read_version(self.probe, probe_select(self.probe, self.values, self.name), status, text)
        except BadAnswer as error:
            raise BadAnswer(f"{host}: {self.name}: {error}") from error

    def device_task(self, noted: NotedTask) -> DeviceTask:
        """The task as the port has it. A task whose end is not known for sure has failed."""
        state, message = self._end(noted)
        version = noted.version if re.fullmatch(VERSION_PATTERN, noted.version) else "unknown"
        percent = 100 if state is TaskState.DONE else 0
        return DeviceTask(
            id=noted.id, component=self.name, version=version, state=state, percent=percent, message=message
        )

    def ended_well(self, noted: NotedTask) -> int | None:
        """The install's exit status if it is one of success."""
        found = _ENDED.match(noted.what)
        status = int(found[2]) if found else None
        well = found and found[1] == "install" and status in (*self.exits.ok, *self.exits.reboot)
        return status if well else None

    def needs_reboot(self, noted: NotedTask) -> bool:
        """True when a task of this boot installed what a reboot brings into effect."""
        status = self.ended_well(noted) if noted.this_boot else None
        return status is not None and (self.activation is Brings.REBOOT or status in self.exits.reboot)

    def _end(self, noted: NotedTask) -> tuple[TaskState, str]:
        if noted.what == "running":
            return TaskState.RUNNING, noted.said
        if noted.what in _LOST:
            return TaskState.FAILED, _said(_LOST[noted.what], noted.said)
        if self.ended_well(noted) is not None:
            return TaskState.DONE, noted.said
        found = _ENDED.match(noted.what)
        if found is None:
            raise BadAnswer(f"task {noted.id}: expected a state, found {noted.what[:80]!r}")
        status = int(found[2])
        if status in _TIMED_OUT:
            return TaskState.FAILED, _said(f"{found[1]} did not end within {self.timeout} s", noted.said)
        if status in self.exits.busy:
            return TaskState.FAILED, _said(f"{found[1]}: busy until its time was over (rc {status})", noted.said)
        return TaskState.FAILED, _said(f"{found[1]}: rc {status}", noted.said)


def bound(name: str, chosen: AnyRecipe) -> BoundComponent:
    """A component by its settings. Raises `InvalidInput`."""
    if isinstance(chosen, ProbeRecipe):
        return BoundComponent(name, chosen.probe, {}, Brings.NOTHING, Exits(), 0)
    if isinstance(chosen, PlaybookRecipe):
        seconds = round(chosen.timeout.total_seconds())
        return BoundComponent(name, chosen.probe, {}, chosen.activation, Exits(), seconds, playbook=chosen)
    recipe: Recipe = chosen if not isinstance(chosen, ReadyRecipe) else ready_recipe(name, chosen.name)
    given = chosen.parameters if isinstance(chosen, ReadyRecipe) else {}
    timeout = (chosen.timeout if isinstance(chosen, ReadyRecipe) else None) or recipe.timeout
    values = bind(f"ssh: components.{name}", recipe, given)
    return BoundComponent(
        name, recipe.probe, values, recipe.activation, recipe.exits, round(timeout.total_seconds()), recipe=recipe
    )


def _said(what: str, said: str) -> str:
    return f"{what}: {said}" if said else what
