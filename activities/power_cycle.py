"""Take a host's power off and give it back, and wait for its new boot."""

from temporalio import activity

from activities.acting import Acting
from activities.booting import Booting
from activities.deps import beating
from activities.failing import mapped
from activities.recording import recorded
from activities.rungs import ask_boot, skip
from fleet.models.intent import Before, Intent
from fleet.models.work import StepOrder, StepResult
from fleet.ports.fence import Fence


class PowerCycling(Booting):
    """Activity `power_cycle`. It also reaches a host that is silent, of which no boot id can be noted before."""

    what = "power cycle"

    @activity.defn(name="power_cycle")
    @mapped
    async def power_cycle(self, order: StepOrder) -> StepResult:
        """Switch once, and wait until the host has booted; from silence, until it answers."""
        acting = Acting(self.deps, order)
        async with beating():
            return await recorded(acting, lambda: self._boot(acting))

    async def _note(self, acting: Acting) -> Before | StepResult:
        answered, boot, why = await ask_boot(acting)
        return Before(boot_id=boot) if answered else skip(f"neither the host nor its BMC answers: {why}")

    async def _send(self, acting: Acting, fence: Fence) -> StepResult | None:
        await acting.hands.hardware.power_cycle(acting.order.host, fence)
        return None

    def _repeats(self, intent: Intent) -> bool:
        return intent.before.boot_id is not None
