"""From written firmware to firmware in effect: the restart of a BMC that ends an update, and what a host still needs.

An update whose firmware comes into effect by a restart of the BMC counts as running until the inventory reports it,
or until its time is over: then the inventory has the last word. Where a version is written again the inventory tells
nothing; the time of the last restart does. Nobody resets a BMC without a fence: it is the one
of the caller who looks at the tasks, or of the attempt that began the update in this process.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from drivers.redfish.bmctask import BmcTask, moment
from drivers.redfish.document import Document
from drivers.redfish.reading import Site, manager
from drivers.redfish.wire import NotSent
from fleet.errors import BadAnswer, MaintrainError, Refused
from fleet.models.redfish import ComponentRule, FirmwareActivation
from fleet.ports.fence import Fence
from fleet.ports.mechanism import Activation

_KEPT = 16
_RESET = "#Manager.Reset"
_KINDS = ("GracefulRestart", "ForceRestart")
_DEPTH = (Activation.NOTHING, Activation.REBOOT, Activation.POWER_CYCLE)
_NEEDS = {FirmwareActivation.REBOOT: Activation.REBOOT, FirmwareActivation.POWER_CYCLE: Activation.POWER_CYCLE}


@dataclass
class Begun:
    """What this process knows of a task. `fence`: only of those that it began itself."""

    component: str
    version: str
    fence: Fence | None
    again: bool = False
    ended: float | None = None
    sent: bool = False
    resetting: bool = False
    why: str = "written; the BMC has to restart before it reports it"


class Activations:
    """What this process remembers of updates: whom it may reset a BMC for, and how long it has waited."""

    def __init__(self, within: timedelta) -> None:
        self._within = within.total_seconds()
        self._tasks: dict[str, dict[str, Begun]] = {}

    def begun(
        self, host: str, task: str, component: str, version: str, fence: Fence | None, *, again: bool = False
    ) -> Begun:
        """Remember a task, unless it is known already; the oldest of a host are forgotten."""
        known = self._tasks.setdefault(host, {})
        if task not in known:
            while len(known) >= _KEPT:
                del known[next(iter(known))]
            known[task] = Begun(component, version, fence, again)
        return known[task]

    def name(self, host: str, task: str) -> tuple[str, str] | None:
        """Component and version of a task that this process began."""
        found = self._tasks.get(host, {}).get(task)
        return None if found is None else (found.component, found.version)

    def known(self, host: str, task: BmcTask) -> BmcTask:
        """A task, with what this process knows of it and its BMC may not."""
        found = self._tasks.get(host, {}).get(task.id)
        return replace(task, again=True) if found is not None and found.again else task

    async def waits(
        self, site: Site, task: BmcTask, rule: ComponentRule, version: str, reported: str | None
    ) -> Begun | None:
        """What is known of an ended update whose version the BMC has yet to restart for; None when it is over."""
        if not rule.activation.by_bmc or (reported == version and not task.again):
            return None
        if reported == version and _before(task, moment((await manager(site)).text_or("LastResetTime"))):
            return None
        known = self.begun(site.host, task.id, rule.component, version, None)
        if known.ended is None:
            known.ended = time.monotonic() - await _age(site, task)
        return known if time.monotonic() - known.ended <= self._within else None

    async def reset(self, site: Site, task: BmcTask, rule: ComponentRule, known: Begun, fence: Fence | None) -> None:
        """Reset the BMC where that is our part of the update, at most once for a task.

        `fence` is the caller's; without one, the fence of the attempt that began the update in this process serves.
        """
        guard = fence or known.fence
        if rule.activation is not FirmwareActivation.BMC_RESET or guard is None or known.sent or known.resetting:
            return
        known.resetting = True
        try:
            found = await manager(site)
            if _before(task, moment(found.text_or("LastResetTime"))):
                known.sent = True
                return
            await self._send(site, found, known, guard, own=fence is not None)
        finally:
            known.resetting = False

    async def _send(self, site: Site, found: Document, known: Begun, guard: Fence, *, own: bool) -> None:
        actions = found.part("Actions")
        action = None if actions is None else actions.part(_RESET)
        if action is None:
            raise BadAnswer(f"{found.what}: expected an action {_RESET}, found none")
        target, kind = site.bmc.own_path(action.text("target"), action.what), reset_kind(action, _KINDS)

        async def allowed() -> None:
            if not await _passed_by(guard, known, own=own):
                raise _HeldBack
            known.sent, known.why = True, "written; the BMC is being reset"

        try:
            # A lost answer is no reason to do it again.
            await site.bmc.post(target, {"ResetType": kind}, allowed)
        except _HeldBack:
            return
        except NotSent:
            known.sent = False
            raise
        except Refused as error:
            if not known.sent:
                raise
            known.why = f"written; the BMC refused to be reset: {error}"


class _HeldBack(Exception):
    """The fence let nothing pass, and the update waits."""


async def _age(site: Site, task: BmcTask) -> float:
    """Seconds since a task's end, by the BMC's own clock alone; 0 where it does not tell."""
    now = moment((await manager(site)).text_or("DateTime"))
    return 0.0 if now is None or task.ended is None else max(0.0, (now - task.ended).total_seconds())


async def _passed_by(guard: Fence, known: Begun, *, own: bool) -> bool:
    """Ask the fence; False when it holds the reset back.

    A stop says so by an exception of the caller's, which means that nothing was sent. That would be wrong here, where
    firmware was written: the update goes on as one that waits, and for a bounded time. So it does when the attempt
    that began it is over and another looks at the tasks.
    """
    try:
        await guard()
    except MaintrainError as error:
        if own:
            raise
        known.fence, known.why = None, f"written; the reset of the BMC is left to another attempt: {error}"
        return False
    except Exception as held:
        known.why = f"written; the reset of the BMC is held back: {held}"
        return False
    return True


def reset_kind(action: Document, wanted: Sequence[str]) -> str:
    """The best kind of reset that an action offers. `Refused` when it offers none of those wanted."""
    offered = action.texts("ResetType@Redfish.AllowableValues")
    for kind in wanted:
        if not offered or kind in offered:
            return kind
    raise Refused(f"{action.what}: offers {', '.join(offered)[:200]}, wanted {' or '.join(wanted)}")


def needed(
    site: Site,
    tasks: Iterable[tuple[BmcTask, tuple[str, str] | None]],
    reported: Mapping[str, str],
) -> Activation:
    """What the host needs before its written firmware is in effect. `tasks` oldest first, each with its name.

    A task that nothing names counts for the deepest need of its hardware model, since a power cycle too many does no
    harm; one that is older than the system's last reset does not count where a reboot would do.
    """
    last_reset = moment(site.system.text_or("LastResetTime"))
    newest: dict[str, tuple[BmcTask, str]] = {}
    needs = [Activation.NOTHING]
    for task, name in tasks:
        if name is not None:
            newest[name[0]] = (task, name[1])
        elif _written(task) and not _before(task, last_reset):
            needs += [_NEEDS[r.activation] for r in site.model.components if r.activation in _NEEDS]
    for component, (task, version) in newest.items():
        rule = site.model.rule(component)
        need = None if rule is None else _NEEDS.get(rule.activation)
        if need is None or not _written(task) or (reported.get(component) == version and not task.again):
            continue
        if (need is Activation.REBOOT or task.again) and _before(task, last_reset):
            continue
        needs.append(need)
    return max(needs, key=_DEPTH.index)


def _written(task: BmcTask) -> bool:
    return task.done or task.staged


def _before(task: BmcTask, last_reset: datetime | None) -> bool:
    """True when the system was reset after the task's end; both times are the BMC's own."""
    return task.ended is not None and last_reset is not None and last_reset > task.ended
