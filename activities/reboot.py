"""Reboot a drained host and wait for its new boot."""

from temporalio import activity

from activities.acting import Acting
from activities.barred import NotBegun
from activities.booting import Booting
from activities.deps import beating
from activities.failing import mapped
from activities.recording import recorded
from activities.rungs import looked, skip
from fleet.errors import DriverError, HostState
from fleet.models.intent import Before
from fleet.models.work import StepAction, StepOrder, StepResult
from fleet.ports.fence import Fence


class Rebooting(Booting):
    """Activity `reboot`."""

    what = "reboot"

    @activity.defn(name="reboot")
    @mapped
    async def reboot(self, order: StepOrder) -> StepResult:
        """Reboot once, wait for a new boot id, and read back what the upgrades became."""
        acting = Acting(self.deps, order)
        async with beating():
            return await recorded(acting, lambda: self._boot(acting))

    async def _note(self, acting: Acting) -> Before | StepResult:
        """What is read just before; or how the step ends, since a host that is silent can't be told to reboot."""
        if acting.order.step.rung:
            boot, why = await looked(lambda: acting.hands.hardware.boot_id(acting.order.host))
            return Before(boot_id=boot) if boot is not None else skip(f"the host does not answer: {why}")
        barred, host = await self._barred(acting), acting.order.host
        while True:
            try:
                boot = await acting.hands.hardware.boot_id(host)
            except DriverError as error:
                no = NotBegun(f"the boot id of {host} can't be read before its reboot: {error}")
            else:
                if boot is not None:
                    return Before(boot_id=boot)
                no = NotBegun(f"{host} does not answer before its reboot")
            if await barred.for_good(no):
                return StepResult(action=StepAction.HAND_OVER, reason=str(no), host_state=HostState.UNKNOWN)

    async def _send(self, acting: Acting, fence: Fence) -> StepResult | None:
        await acting.hands.hardware.reboot(acting.order.host, fence)
        return None
