"""Firmware updates of a BMC: begun by a request, carried on by time, effective when the member says."""

from dataclasses import dataclass
from typing import Literal

from tests.emulators.bmc.image import Image
from tests.emulators.bmc.machine import Bmc, Refusal
from tests.emulators.bmc.spec import Effect, FaultKind, OnReset
from tests.emulators.bmc.state import Task

_INVENTORY = "/redfish/v1/UpdateService/FirmwareInventory"
_WHOLE = 100
_BROKEN_AT = 10  # percent at which a task ends whose image is no good


@dataclass(frozen=True)
class Order:
    """What a request asks for. `image` is the image, or why there is none."""

    image: Image | str
    targets: tuple[str, ...]
    apply: Literal["Immediate", "OnReset"]
    uri: str
    headers: list[str]
    json_body: str


def begin(bmc: Bmc, order: Order, at: float) -> Task:
    """A new task for an order. Raises `Refusal` when an update runs already or a target is unknown."""
    component = order.image.component if isinstance(order.image, Image) else ""
    if any(t.live and t.starts is not None for t in bmc.state.tasks):
        raise Refusal(409, "Base.1.19.ResourceInUse", "Another update is in progress.")
    if bmc.faults.strike(FaultKind.BUSY, at, component=component) is not None:
        bmc.memory.note(at, "refused", component=component, why="busy")
        raise Refusal(503, "Base.1.19.ServiceTemporarilyUnavailable", "The update service is busy. Retry in 1 seconds.")
    wanted = _targets(bmc, order.targets)
    members = [m.id for m in bmc.hardware.members if m.component == component and (not wanted or m.id in wanted)]
    if any(not bmc.members[name].updateable for name in members):
        raise Refusal(400, "Base.1.19.PropertyValueNotInList", "A target is not updateable.")
    held = order.apply == "OnReset" and bmc.hardware.on_reset is OnReset.HELD and bool(members)
    task = Task(
        id=bmc.state.next_task,
        component=component,
        version=order.image.version if isinstance(order.image, Image) else "",
        members=members,
        apply=order.apply,
        target_uri=order.uri,
        headers=order.headers,
        json_body=order.json_body,
        created=at,
        starts=None if held else at,
        seconds=sum(bmc.members[m].flash.total_seconds() for m in members[:1]) or 0.2,
        state="Pending" if held else "Running",
    )
    if isinstance(order.image, str) or not members:
        task.outcome, task.stops_at = "fails", _BROKEN_AT
        task.message_id = (
            "Update.1.2.TransferFailed" if isinstance(order.image, str) else "Update.1.2.VerificationFailed"
        )
        task.message = order.image if isinstance(order.image, str) else "The image fits no target of this host."
    else:
        _plan_faults(bmc, task, at)
    bmc.state.next_task += 1
    bmc.state.tasks.append(task)
    if held:
        bmc.memory.note(at, "flash_held", **_about(task))
    advance(bmc, at)
    return task


def advance(bmc: Bmc, at: float) -> None:
    """Carry the tasks on to a moment."""
    for task in list(bmc.state.tasks):
        if task.live and task.starts is not None and at >= task.starts:
            _carry_on(bmc, task, at)


def percent(task: Task, at: float) -> int:
    """How far a task has come at a moment."""
    if not task.live:
        return task.percent
    if task.starts is None or at <= task.starts:
        return 0
    return min(_WHOLE, int(_WHOLE * (at - task.starts) / task.seconds))


def start_held(bmc: Bmc, effects: set[Effect], at: float) -> float:
    """Start, one after another, the updates that waited for such a reset; the time when the last will end."""
    for task in bmc.state.tasks:
        if task.state == "Pending" and bmc.members[task.members[0]].effect in effects:
            task.state, task.starts = "Running", at
            at += task.seconds
    return at


def kill_running(bmc: Bmc, at: float, why: str, members_with: set[Effect] | None = None) -> None:
    """End the updates that run now, or those of members with such an effect, in Exception."""
    for task in bmc.state.tasks:
        hit = members_with is None or any(bmc.members[m].effect in members_with for m in task.members)
        if task.live and task.starts is not None and hit:
            _fail(bmc, task, at, "Update.1.2.ApplyFailed", why)


def _targets(bmc: Bmc, targets: tuple[str, ...]) -> set[str]:
    wanted = set()
    for target in targets:
        folder, _, name = target.rpartition("/")
        if folder == _INVENTORY and name in bmc.members:
            wanted.add(name)
        else:
            related = {m.id for m in bmc.hardware.members if m.related == target}
            if not related:
                raise Refusal(400, "Base.1.19.ResourceNotFound", f"The target {target} was not found.")
            wanted |= related
    return wanted


def _plan_faults(bmc: Bmc, task: Task, at: float) -> None:
    for kind in (FaultKind.UNCHANGED, FaultKind.PARTIAL, FaultKind.FAILS):
        if (fault := bmc.faults.strike(kind, at, component=task.component)) is not None:
            task.outcome, task.stops_at = kind.value, fault.at_percent  # type: ignore[assignment]
            if kind is FaultKind.FAILS:
                task.message_id, task.message = "Update.1.2.ApplyFailed", "Writing the image to the device failed."
            break
    for kind in (FaultKind.VANISHES, FaultKind.DIES):
        if (fault := bmc.faults.strike(kind, at, component=task.component)) is not None:
            task.vanish_at, task.vanish_for = fault.at_percent, fault.delay.total_seconds()
            task.vanish_kills = kind is FaultKind.DIES
            break


def _carry_on(bmc: Bmc, task: Task, at: float) -> None:
    if not task.noted:
        task.noted = True
        bmc.memory.note(at, "flash_started", **_about(task))
    done = percent(task, at)
    if task.vanish_at is not None and done >= task.vanish_at:
        task.vanish_at = None
        if task.vanish_kills:
            _fail(bmc, task, at, "Update.1.2.ApplyFailed", "The update service restarted.")
        elif task.starts is not None:
            task.starts += task.vanish_for
        bmc.restart(at, task.vanish_for, "update")
        return
    if task.outcome == "fails" and done >= task.stops_at:
        _fail(bmc, task, at, task.message_id, task.message)
    elif done >= _WHOLE:
        _finish(bmc, task, at)


def _fail(bmc: Bmc, task: Task, at: float, message_id: str, message: str) -> None:
    task.percent, task.state, task.ended = percent(task, at), "Exception", at
    task.message_id, task.message = message_id, message
    bmc.memory.note(at, "flash_failed", why=message, **_about(task))


def _finish(bmc: Bmc, task: Task, at: float) -> None:
    task.percent, task.state, task.ended = _WHOLE, "Completed", at
    task.message_id, task.message = "Update.1.2.UpdateSuccessful", "The update was written."
    bmc.memory.note(at, "flash_done", **_about(task))
    written = {"unchanged": [], "partial": task.members[:1]}.get(task.outcome, task.members)
    at_reset = task.apply == "OnReset" and bmc.hardware.on_reset is OnReset.HELD
    for name in written:
        firmware = bmc.state.firmware[name]
        firmware.written = task.version
        if at_reset or bmc.members[name].effect is Effect.AT_ONCE:
            bmc.run_written(name, firmware, at, "update")
    if not at_reset and any(bmc.members[name].effect is Effect.SELF_RESET for name in task.members):
        bmc.restart(at, bmc.hardware.manager_boot.total_seconds(), "own update")


def _about(task: Task) -> dict[str, object]:
    return {"task": task.id, "component": task.component, "version": task.version, "members": task.members}
