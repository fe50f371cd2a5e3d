"""One step at a time on a simulated cluster, with real facts and drivers, and without an engine."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.testing import ActivityEnvironment

from activities.acting import Acting
from activities.deps import Deps
from drivers.registry import OpenDrivers, open_drivers
from drivers.simulated import SimulatedCluster
from fleet import ids
from fleet.models.fleetfile import FleetFile
from fleet.models.host import Host
from fleet.models.intent import Before
from fleet.models.ledger import Counted, Grant, LeaseHost, Request, RequestClass, Settlement
from fleet.models.verification import VerificationTask
from fleet.models.work import Step, StepKind, StepOrder, StepResult
from fleet.ports.store import Store
from store import open_store
from tests.parts.facts import new_facts
from tests.scenarios.fleets import quiet
from tests.scenarios.site import CLUSTER, POOL, fleet_document

VISIT = ids.visit(CLUSTER, POOL, 1, "d001", 0)


async def no_fence() -> None:
    """Nothing stands against it."""


class Pages:
    """Keeps what people would get."""

    def __init__(self) -> None:
        self.titles: list[str] = []

    async def page(self, title: str, body: str) -> None:
        self.titles.append(title)


class NoEngine:
    """No step asks it."""

    async def running(self, workflow_id: str) -> bool:
        raise AssertionError(f"a step asked for {workflow_id}")

    async def signalled(self, workflow_id: str, run_id: str, signal: str) -> datetime | None:
        return None


class StepSite:
    """Six hosts in two domains, the visit of the first of which holds leases on gpu001 and gpu002."""

    def __init__(self, store: Store, hands: OpenDrivers, world: SimulatedCluster) -> None:
        self.store, self.hands, self.world, self.pages = store, hands, world, Pages()
        self.deps = Deps(store=store, hands={CLUSTER: hands}, pager=self.pages, engine=NoEngine())

    @classmethod
    async def open(cls, folder: Path, **pool: Any) -> "StepSite":
        document = quiet(fleet_document(**pool))
        document["clusters"][0]["drivers"]["hardware"]["verify_duration"] = "0s"
        document["clusters"][0]["stack"]["components"][0]["duration"] = "2s"
        fleet = FleetFile.model_validate(document)
        store = await open_store(new_facts(folder / "facts.db"))
        hands = await open_drivers(fleet.clusters[0], folder, store)
        site = cls(store, hands, SimulatedCluster.at(folder / "sim.sqlite"))
        now = datetime.now(UTC)
        await store.load_fleet(fleet, "the file", "ann", "begin", now)
        hosts = tuple(Host(cluster=CLUSTER, name=name, pool=POOL, since=now) for name in site.world.hosts())
        await store.sync_hosts(CLUSTER, hosts, now)
        await site.lease(VISIT, "gpu001", "gpu002")
        return site

    async def lease(self, holder: str, *hosts: str) -> None:
        now = datetime.now(UTC)
        request = Request(
            id=holder, cluster=CLUSTER, kind=RequestClass.TRAIN, holder=holder, hosts=hosts, asked_at=now, why="test"
        )
        await self.store.request(request)
        grant = Settlement(reason="granted", grants=(Grant(request=holder, reason="free"),))
        await self.store.settle(CLUSTER, now, lambda _: grant)

    async def hand_over(self, host: str) -> str:
        """Put the host in repair, drained; the repair's operation."""
        operation = ids.repair_operation(CLUSTER, host, 1)
        lease = LeaseHost(
            cluster=CLUSTER,
            host=host,
            request=operation,
            holder=ids.host(CLUSTER, host),
            operation=operation,
            counted=Counted.FAILED,
            since=datetime.now(UTC),
        )
        await self.store.take_for_repair(lease, ids.operation(VISIT, host))
        await self.hands.scheduler.drain(host, ids.drain_reason(ids.REPAIR, operation), no_fence)
        return operation

    async def drain(self, host: str = "gpu001") -> None:
        await self.hands.scheduler.drain(host, ids.drain_reason(ids.PLANNED, ids.operation(VISIT, host)), no_fence)

    async def touch(self, host: str = "gpu001", step: str = "apply:nic-firmware") -> None:
        """A change was begun on the host."""
        operation = ids.operation(VISIT, host)
        await self.store.open_intent(operation, step, "an attempt", Before(), datetime.now(UTC))

    async def run(self, body: Callable[[StepOrder], Awaitable[StepResult]], order: StepOrder) -> StepResult:
        """Perform a step."""
        return await ActivityEnvironment().run(body, order)

    async def acting(self, order: StepOrder, body: Callable[[Acting], Awaitable[Any]]) -> Any:
        """Do something as a step would."""

        @activity.defn
        async def act() -> Any:
            return await body(Acting(self.deps, order))

        return await ActivityEnvironment().run(act)

    async def drained(self, host: str = "gpu001") -> bool:
        """By the scheduler, now."""
        view = await self.hands.scheduler.view(not_before=time.monotonic())
        return view.nodes[host].draining

    def drains(self, host: str = "gpu001") -> int:
        """How often we drained it."""
        ours = [r for r in self.world.journal() if r.kind == "drained" and r.host == host]
        return sum(1 for r in ours if r.detail.get("by") == "maintrain")

    async def close(self) -> None:
        self.world.close()
        await self.hands.close()
        await self.store.close()


def order(kind: StepKind, host: str = "gpu001", task: VerificationTask | None = None, **changes: Any) -> StepOrder:
    """A step of the visit; with `repair` and `operation` one of a repair."""
    key = f"{kind}:{task}" if task else str(kind)
    values: dict[str, Any] = {
        "cluster": CLUSTER,
        "pool": POOL,
        "host": host,
        "operation": ids.operation(VISIT, host),
        "visit": VISIT,
        "step": Step(key=key, kind=kind, task=task, expected=timedelta(seconds=1)),
    }
    return StepOrder(**{**values, **changes})
