"""Have a host installed anew by the site's own way, and wait for its new boot."""

from datetime import timedelta

from temporalio import activity

from activities.acting import Acting
from activities.booting import Booting
from activities.deps import beating
from activities.failing import mapped
from activities.recording import recorded
from activities.rungs import ask_boot
from fleet.errors import HostState
from fleet.models.fleetfile import Cluster
from fleet.models.intent import Before, Intent
from fleet.models.work import StepAction, StepOrder, StepResult
from fleet.ports.fence import Fence

KEEP_EVERY = 10.0
"""Seconds between looks at the drain while a host is reinstalled."""
KILLED_WITHIN = timedelta(seconds=15)
"""Time after its limit by which the program is gone for sure."""
SAID = 600
"""Characters kept of the end of what the way says."""


class Reimaging(Booting):
    """Activity `reimage`. Nothing tells from outside whether it was begun, so it is never begun a second time."""

    what = "reinstallation"
    gives_power = False
    """Its program may have taken the power off itself."""

    @activity.defn(name="reimage")
    @mapped
    async def reimage(self, order: StepOrder) -> StepResult:
        """Reinstall once, and wait until the host has booted anew."""
        acting = Acting(self.deps, order)
        async with beating():
            return await recorded(acting, lambda: self._boot(acting))

    async def _note(self, acting: Acting) -> Before | StepResult:
        _, boot, _ = await ask_boot(acting)
        return Before(boot_id=boot)

    async def _send(self, acting: Acting, fence: Fence) -> StepResult | None:
        async with acting.keeping_drained(KEEP_EVERY):
            done = await acting.hands.hardware.reimage(acting.order.host, fence)
        if done.status == 0:
            return None
        ended = "it did not end in its time" if done.status is None else f"exit code {done.status}"
        said = " ".join(f"{done.stdout} {done.stderr}".split())[-SAID:]
        reason = f"{done.argv[0]}: {ended}: {said}" if said else f"{done.argv[0]}: {ended}"
        return StepResult(action=StepAction.HAND_OVER, reason=reason, host_state=HostState.UNKNOWN)

    def _repeats(self, intent: Intent) -> bool:
        return False

    def _lasts(self, cluster: Cluster) -> timedelta:
        # The program outlives its worker, and has a moment to end when its time is over.
        hook = cluster.repair.reimage
        return hook.limit + KILLED_WITHIN if hook is not None else timedelta(0)

    def _within(self, cluster: Cluster) -> timedelta:
        hook = cluster.repair.reimage
        return max(hook.limit, cluster.host_back_within) if hook is not None else cluster.host_back_within
