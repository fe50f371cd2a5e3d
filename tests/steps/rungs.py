"""A host in repair on which the tests climb single rungs."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from activities.apply import Applying
from activities.gpu_reset import GpuResetting
from activities.power_cycle import PowerCycling
from activities.reboot import Rebooting
from activities.reimage import Reimaging
from drivers.registry import OpenDrivers
from fleet.models.drivers import SimulatedFault
from fleet.models.intent import Before, IntentState
from fleet.models.stack import Upgrade
from fleet.models.work import Step, StepKind, StepOrder, StepResult
from tests.scenarios.site import CLUSTER
from tests.steps.site import StepSite, order

HOST = "gpu001"
EFFECTS = {"gpu_reset": "gpu_reset_started", "reboot": "reboot_started", "power_cycle": "power_cycle_started"}
EFFECTS |= {"reimage": "reimage_started", "reflash": "flash_started"}
UPGRADE = Upgrade(component="nic-firmware", version="1.0")
AGO = timedelta(minutes=5)


class Repair:
    """gpu001 in repair, in its second try."""

    def __init__(self, site: StepSite, operation: str) -> None:
        self.site, self.operation, self.record = site, operation, f"{operation}.2"

    def order(self, kind: StepKind) -> StepOrder:
        upgrade = UPGRADE if kind is StepKind.REFLASH else None
        key = f"reflash:{UPGRADE.component}" if upgrade else f"rung:{kind}"
        step = Step(key=key, kind=kind, upgrade=upgrade, expected=timedelta(seconds=1), rung=True)
        return order(kind, HOST, operation=self.operation, repair=True, attempt=2, visit=None, step=step)

    async def climb(self, kind: StepKind, **other_hands: Any) -> StepResult:
        hands = self.site.hands
        opened = OpenDrivers(hands.scheduler, other_hands.get("hardware", hands.hardware), hands.verifier)
        deps = replace(self.site.deps, hands={CLUSTER: opened})
        body: dict[StepKind, Callable[[StepOrder], Awaitable[StepResult]]] = {
            StepKind.GPU_RESET: GpuResetting(deps).gpu_reset,
            StepKind.REBOOT: Rebooting(deps).reboot,
            StepKind.POWER_CYCLE: PowerCycling(deps).power_cycle,
            StepKind.REFLASH: Applying(deps).apply,
            StepKind.REIMAGE: Reimaging(deps).reimage,
        }
        return await self.site.run(body[kind], self.order(kind))

    def effects(self, kind: StepKind) -> int:
        return sum(r.kind == EFFECTS[kind] and r.host == HOST for r in self.site.world.journal())

    async def earlier(self, kind: StepKind, boot_id: str | None, ago: timedelta = timedelta(0)) -> None:
        """An attempt whose worker died wrote its intent that long ago."""
        key = self.order(kind).step.key
        before = Before(boot_id=boot_id, version="1.0" if kind is StepKind.REFLASH else None)
        await self.site.store.open_intent(self.record, key, "a dead attempt", before, datetime.now(UTC) - ago)

    async def intent(self, kind: StepKind) -> IntentState | None:
        found = await self.site.store.intent(self.record, self.order(kind).step.key)
        return found.state if found else None

    async def lose(self) -> None:
        """The host does not come back from a reboot of its own."""
        self.site.world.set_fault(SimulatedFault(kind="host_not_back", host=HOST, times=1))
        await self.site.hands.hardware.reboot(HOST, opened)
        for _ in range(200):
            await asyncio.sleep(0.05)
            if await self.site.hands.hardware.boot_id(HOST) is None and self._lost():
                return
        raise AssertionError(f"{HOST} is not lost after 10 s")

    def _lost(self) -> bool:
        return any(r.kind == "host_lost" for r in self.site.world.journal())


async def opened() -> None:
    """Nothing stands against it."""


KINDS = (StepKind.GPU_RESET, StepKind.REBOOT, StepKind.POWER_CYCLE, StepKind.REFLASH, StepKind.REIMAGE)


def saying(error: Exception) -> Callable[..., Awaitable[None]]:
    async def act(host, fence) -> None:
        await fence()
        raise error

    return act


async def shorter(site: StepSite) -> None:
    """A second to be back."""
    await changed(site, host_back_within=timedelta(seconds=1))


async def changed(site: StepSite, **update: Any) -> None:
    """The cluster as it is, but for this."""
    fleet = (await site.store.fleet()).fleet
    cluster = fleet.clusters[0].model_copy(update=update)
    await site.store.load_fleet(
        fleet.model_copy(update={"clusters": (cluster,)}), "the file", "ann", "shorter", datetime.now(UTC)
    )
