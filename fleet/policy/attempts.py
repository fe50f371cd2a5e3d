"""What a later attempt of a step makes of what an earlier one left behind, so that a side effect happens once.

It adopts the task the intent names or the one that is new on the device, and repeats only when read-back proves that
nothing began and the earlier attempt is shut out. If it can't be told, the answer is *unknown*.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from fleet.models.base import Decision, Moment
from fleet.models.hardware import DeviceTask, TaskState
from fleet.models.intent import Intent, IntentState
from fleet.models.units import format_duration

_RECKONED = timedelta(seconds=1)


class ResumeAction(StrEnum):
    """What an attempt does about an intent that was there before it acted."""

    BEGIN = "begin"
    """Nothing began, and nobody else can begin it any more: send the side effect."""
    ADOPT = "adopt"
    """The side effect is under way: watch its task."""
    WAIT = "wait"
    """Look again shortly: an effect already sent may not be visible yet."""
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It can't be told: the host goes to repair."""


class Resume(Decision):
    """The answer, with the device task it rests on."""

    action: ResumeAction
    task: str | None = None


def resume_apply(
    intent: Intent,
    tasks: Sequence[DeviceTask] | None,
    version_now: str | None,
    target: str,
    token_age: timedelta,
    fence_life: timedelta,
    remembers_since: str | None,
    *,
    long_ago: bool = False,
) -> Resume:
    """Judge an upgrade whose intent is open, from the device's tasks for the component and the inventory's version.

    `tasks` or `version_now` None: could not be read. `token_age` says for how long the earlier attempt has been shut
    out of its fence; `fence_life` is the longest time between passing a fence and the effect showing on the device.
    Read tasks and version after that age was taken, and since when the device remembers its tasks after them.
    `long_ago` is `unwatched`: a task may have come and gone unseen, for devices drop ended ones without a restart.
    """
    closed = _closed(intent)
    if closed is not None:
        return closed
    if tasks is None:
        return Resume(action=ResumeAction.UNKNOWN, reason="the BMC does not say which upgrade tasks it has")
    named = next((t for t in tasks if t.id == intent.task), None)
    if named is not None:
        return _by_state(named)
    new = [t for t in tasks if t.id not in intent.before.tasks]
    if new:
        return _new_task(new, target)
    doubt = _doubt(intent, tasks, target)
    return _by_version(intent, version_now, target) or (
        Resume(action=ResumeAction.UNKNOWN, reason=doubt)
        if doubt
        else _no_task(intent, version_now, token_age, fence_life, _forgotten(intent, remembers_since, long_ago))
    )


def unwatched(intent: Intent, now: Moment, within: timedelta) -> bool:
    """Whether nobody has looked at the device for longer than an upgrade may take, `within`: since the last attempt
    that could read it, or since the intent was written.
    """
    return now - max(intent.opened_at, intent.looked_at or intent.opened_at) > within


def resume_reboot(
    intent: Intent,
    boot_id_now: str | None,
    token_age: timedelta,
    fence_life: timedelta,
    grace: timedelta,
    *,
    repeats: bool = True,
) -> Resume:
    """Judge a reboot whose intent is open. `boot_id_now` None: the host is down, and the caller has a deadline.

    `token_age` and `fence_life` as in `resume_apply`; `grace` is the time a host may still answer with its old boot
    id after a reboot was sent. Without `repeats` an unchanged boot id proves nothing. A host that was silent before,
    which only such a boot may find, has booted anew when it answers after that grace (`token_age` counts from the
    sending then): one that was only out of reach may answer sooner.
    """
    closed = _closed(intent)
    if closed is not None:
        return closed
    if intent.before.boot_id is None and repeats:
        return Resume(action=ResumeAction.UNKNOWN, reason="the boot id before the reboot was not noted")
    waits = _not_told(intent.before.boot_id, boot_id_now, token_age, grace)
    if waits:
        return Resume(action=ResumeAction.WAIT, reason=waits)
    if boot_id_now != intent.before.boot_id:
        return Resume(action=ResumeAction.DONE, reason=f"the host has booted anew ({boot_id_now})")
    if not repeats:
        return Resume(action=ResumeAction.WAIT, reason="the boot id is unchanged; it can't be told what was begun")
    return _nothing_began(token_age, max(fence_life, grace), "the boot id is unchanged")


def _not_told(before: str | None, now: str | None, age: timedelta, grace: timedelta) -> str:
    """Why a host's answer says nothing about its boot yet; empty when it does."""
    if now is None:
        return "the host is down; it may be rebooting"
    if before is None and age < grace:
        return "it was silent before, and its answer may be of its old boot"
    return ""


def _closed(intent: Intent) -> Resume | None:
    if intent.state is IntentState.OPEN:
        return None
    action = ResumeAction.DONE if intent.state is IntentState.DONE else ResumeAction.FAILED
    return Resume(action=action, task=intent.task, reason=intent.result or f"it was found {action} before")


def _by_state(task: DeviceTask) -> Resume:
    """Go by the state of the task that carries the side effect out."""
    action = {
        TaskState.RUNNING: ResumeAction.ADOPT,
        TaskState.DONE: ResumeAction.DONE,
        TaskState.FAILED: ResumeAction.FAILED,
    }[task.state]
    return Resume(action=action, task=task.id, reason=f"task {task.id} is {task.state} {task.message}".rstrip())


def _new_task(new: Sequence[DeviceTask], target: str) -> Resume:
    """Go by the tasks that the device did not have before: exactly one, for our version, is ours."""
    if len(new) > 1 or new[0].version != target:
        found = ", ".join(f"{t.id} ({t.version}, {t.state})" for t in new)
        return Resume(action=ResumeAction.UNKNOWN, reason=f"expected one new task for {target}, found {found}")
    return _by_state(new[0])


def _doubt(intent: Intent, tasks: Sequence[DeviceTask], target: str) -> str:
    """Why an unchanged version and no new task do not prove that nothing began; empty when they do."""
    before = intent.before
    if {intent.task, *before.tasks} - {None, *(t.id for t in tasks)}:
        return "the device has forgotten upgrade tasks that it knew before"
    if before.version == target:
        return f"it reported {target} before already, so its version proves nothing"
    return ""


def _forgotten(intent: Intent, remembers_since: str | None, long_ago: bool) -> str:
    """Why the device may know nothing any more of what was sent to it; empty when it would."""
    before = intent.before.remembers_since
    if before is None or remembers_since is None:
        return "the device does not tell whether it restarted and may have forgotten it"
    if not _same_start(before, remembers_since):
        return f"the device restarted at {remembers_since} and may have forgotten it"
    return "that is so long ago that its task may have ended and been dropped" if long_ago else ""


def _same_start(before: str, now: str) -> bool:
    """Whether both words tell of the same start. OpenBMC reckons its own anew for each answer, from a clock and an
    uptime in whole seconds, so that it comes out a second earlier or later; and no BMC is back within a second.
    """
    if now == before:
        return True
    try:
        return abs(datetime.fromisoformat(now) - datetime.fromisoformat(before)) <= _RECKONED
    except (ValueError, TypeError):  # no times, or one of them without its zone
        return False


def _no_task(intent: Intent, version_now: str | None, token_age: timedelta, life: timedelta, forgotten: str) -> Resume:
    """Go by what was written down of the sending, and by whether the device can have forgotten what came of it."""
    seen = f"no task began and the version is still {version_now}"
    if not intent.sent:
        return Resume(action=ResumeAction.BEGIN, reason=f"{seen}; nothing was ever sent")
    answer = _nothing_began(token_age, life, seen)
    if answer.action is ResumeAction.WAIT or not forgotten:
        return answer
    return Resume(action=ResumeAction.UNKNOWN, reason=f"{seen}, but it was being sent, and {forgotten}")


def _by_version(intent: Intent, version_now: str | None, target: str) -> Resume | None:
    """No task shows that it began: what the version alone proves. None: it is what it was before."""
    before = intent.before.version
    if version_now is None:
        return Resume(action=ResumeAction.UNKNOWN, reason="the version can't be read")
    if version_now == target and before != target:
        return Resume(action=ResumeAction.DONE, reason=f"the version is {target}, it was {before} before")
    if before is None or version_now != before:
        return Resume(
            action=ResumeAction.UNKNOWN, reason=f"the version is {version_now}, neither {before} (before) nor {target}"
        )
    return None


def _nothing_began(token_age: timedelta, life: timedelta, seen: str) -> Resume:
    if token_age < life:
        left = format_duration(life - token_age)
        return Resume(action=ResumeAction.WAIT, reason=f"{seen}; an effect sent earlier may still show for {left}")
    return Resume(action=ResumeAction.BEGIN, reason=f"{seen}; nothing sent earlier can still arrive")
