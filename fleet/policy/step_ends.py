"""How an upgrade or a reboot ended, and what its step makes of that: only what is read back proves anything."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from fleet.errors import HostState
from fleet.models.base import Moment
from fleet.models.hardware import DeviceTask, TaskState
from fleet.models.stack import Upgrade
from fleet.models.units import format_duration
from fleet.models.work import EndCause, StepAction, StepResult


def not_ended(opened_at: Moment, now: Moment, within: timedelta, name: str, seen: str) -> StepResult | None:
    """A hand-over for an upgrade that was begun more than `within` ago and has not ended; None while it may go on.

    Both moments by the facts' clock. `seen`: what the device said last, or why it could not be asked.
    """
    if now - opened_at <= within:
        return None
    return _hand_over(HostState.UNKNOWN, f"{name}: not ended within {format_duration(within)}; {seen}")


def not_to_be_had(reason: str, *, safe: bool, touched: bool) -> StepResult:
    """Judge an upgrade that can't be had (its image is missing, or not the one listed): nothing is wrong with the host.

    `safe`: what is done so far may stay as it is. `touched`: something was done.
    """
    if not safe:
        return _hand_over(HostState.PARTLY_APPLIED, reason).model_copy(update={"blameless": True})
    action = StepAction.SKIP_TO_VERIFY if touched else StepAction.GIVE_BACK
    state = HostState.PARTLY_APPLIED if touched else HostState.DRAINED
    return StepResult(action=action, cause=EndCause.UPGRADE, reason=reason, host_state=state)


def after_apply(task: DeviceTask | None, version_now: str | None, upgrade: Upgrade, needs_reboot: bool) -> StepResult:
    """Judge an upgrade that has ended. The device's word is a claim: only the inventory proves it.

    `task` None: it was found done by its version alone. `needs_reboot`: the version shows only after the reboot.
    """
    name = f"{upgrade.component} {upgrade.version}"
    if task is not None and task.state is TaskState.FAILED:
        return _hand_over(HostState.PARTLY_APPLIED, f"{name}: the device says that it failed: {task.message}")
    if task is not None and task.state is not TaskState.DONE:
        return _hand_over(HostState.UNKNOWN, f"{name}: its task {task.id} has not ended ({task.percent}%)")
    if version_now is None:
        return _hand_over(HostState.UNKNOWN, f"{name}: the inventory does not report {upgrade.component} afterwards")
    if version_now == upgrade.version:
        return _go_on(f"{name} is installed")
    return _still_old(task, version_now, name, needs_reboot)


def _still_old(task: DeviceTask | None, version_now: str, name: str, needs_reboot: bool) -> StepResult:
    """The inventory reports another version than the one asked for."""
    if task is None:
        return _hand_over(HostState.UNKNOWN, f"{name}: neither a task nor the version shows that it was installed")
    if needs_reboot:
        return _go_on(f"{name} is installed and becomes active with the reboot")
    return _hand_over(
        HostState.PARTLY_APPLIED, f"{name}: the device said done, the inventory still reports {version_now}"
    )


def after_reboot(versions: Mapping[str, str] | None, upgrades: Sequence[Upgrade]) -> StepResult:
    """Judge the versions read back after the reboot; None: they could not be read."""
    if versions is None:
        return _hand_over(HostState.UNKNOWN, "the versions can't be read after the reboot")
    for upgrade in upgrades:
        found = versions.get(upgrade.component)
        if found != upgrade.version:
            return _hand_over(
                HostState.PARTLY_APPLIED,
                f"{upgrade.component}: expected {upgrade.version} after the reboot, found {found or 'none'}",
            )
    return _go_on(f"the host is back, and {len(upgrades)} upgrade(s) are active")


def _go_on(reason: str) -> StepResult:
    return StepResult(action=StepAction.GO_ON, host_state=HostState.PARTLY_APPLIED, reason=reason)


def _hand_over(state: HostState, reason: str) -> StepResult:
    return StepResult(action=StepAction.HAND_OVER, host_state=state, reason=reason)
