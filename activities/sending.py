"""The note that something is sent under an intent: written before it is, its absence proves that nothing was."""

import time
from datetime import timedelta

from activities.acting import Acting
from activities.holding import FENCE_LIFE
from fleet.errors import StaleAttempt
from fleet.models.hardware import DeviceTask
from fleet.models.intent import Intent
from fleet.models.stack import Upgrade
from fleet.policy.attempts import unwatched
from fleet.ports.fence import Fence

NOTES_LOOK = 30.0
"""Seconds after which an attempt that goes on looking notes it anew: far below the time that any upgrade may take."""


async def anew(acting: Acting, intent: Intent) -> Intent:
    """An earlier attempt's intent as it is now: until we took it over, that attempt could write down that it sends."""
    found = (await acting.footing()).intent(intent.step) or intent
    return found.model_copy(update={"token": intent.token})


async def read_back(acting: Acting, upgrade: Upgrade) -> tuple[tuple[DeviceTask, ...], str | None, str | None]:
    """Tasks, version, and last since when the tasks are remembered: a restart in between must show."""
    host, hardware = acting.order.host, acting.hands.hardware
    tasks = await hardware.tasks(host, upgrade.component)
    version = (await hardware.versions(host)).get(upgrade.component)
    return tasks, version, await hardware.remembers_since(host, upgrade.component)


class Watch:
    """Who looked at the device last, and when, as an attempt finds it and leaves it to the next.

    A take-over is no look: an attempt may take over, and not be able to read the device.
    """

    def __init__(self, acting: Acting, intent: Intent, within: timedelta) -> None:
        self._acting, self._intent, self._within = acting, intent, within
        self._gone: bool | None = None
        self._noted = 0.0

    async def looked(self) -> bool:
        """Note that the device was read just now. True when a task may have come and gone before the first of these
        readings, which follows `within` after whoever looked last.
        """
        acting, at = self._acting, time.monotonic()
        if self._gone is None or at - self._noted > NOTES_LOOK:
            now = await acting.deps.clock()
            if self._gone is None:
                self._gone = unwatched(self._intent, now, self._within)
            if not self._gone:
                await acting.deps.store.note_look(self._intent.operation, self._intent.step, acting.token, now)
            self._noted = at
        return self._gone


class NotedFence:
    """A fence that writes the note when it lets pass. An attempt that lost its intent can't, and so sends nothing."""

    def __init__(self, acting: Acting, intent: Intent, fence: Fence) -> None:
        self._acting, self._intent, self._fence = acting, intent, fence

    async def __call__(self) -> None:
        """Check, then note that the effect is being sent."""
        started = time.monotonic()
        await self._fence()
        await self._note(sent=True)
        if time.monotonic() - started > FENCE_LIFE:
            raise StaleAttempt(f"{self._intent.step} on {self._acting.order.host}: the check took too long")

    async def ahead(self) -> None:
        """Check alone."""
        await self._fence()

    async def refused(self) -> None:
        """The device said that it began nothing of this: noted is what was before, which an earlier attempt sent."""
        await self._note(sent=self._intent.sent)

    async def _note(self, *, sent: bool) -> None:
        acting, intent = self._acting, self._intent
        await acting.deps.store.note_sent(intent.operation, intent.step, acting.token, sent=sent)
