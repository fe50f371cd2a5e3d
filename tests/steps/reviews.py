"""A site beside the looks at its rollouts."""

import time
from dataclasses import replace
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.rollout import RollingOut
from activities.trying import record_trials
from fleet import ids
from fleet.models.messages import RolloutInput, RolloutOrder
from fleet.models.observation import Observation
from fleet.models.rollout import RolloutSpec
from fleet.models.rollouts import RolloutState
from fleet.models.stack import Upgrade
from fleet.models.work import HostOutcome, Outcome
from fleet.policy.observing import observed_hosts
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.site import VISIT, StepSite
from tests.steps.urgent import said

DRIVER = "gpu-driver/550.2"
CARRIED = {"nic-firmware": "1.1", "gpu-driver": "550.2", "nccl": "2.21"}
FIRST = ("gpu001", "gpu002", "gpu003")
CANARY = {"name": "canary", "cohort": {"count": 3}, "min_successes": 2, "soak": "1h"}


class Engine:
    """Everything runs, but for what was ended from outside; who was woken."""

    def __init__(self) -> None:
        self.woken: list[str] = []
        self.ended: set[str] = set()

    async def running(self, workflow_id: str) -> bool:
        return workflow_id not in self.ended

    async def wake(self, workflow_id: str) -> bool:
        self.woken.append(workflow_id)
        return workflow_id not in self.ended


class Owners:
    """Keeps what people would get, and which owner."""

    def __init__(self) -> None:
        self.pages: list[tuple[str, str, str]] = []

    async def page(self, title: str, body: str, to: str = "") -> None:
        self.pages.append((title, body, to))


class Reviews:
    """A site beside its rollouts' looks."""

    def __init__(self, site: StepSite) -> None:
        self.site, self.store = site, site.store
        self.engine, self.owners = Engine(), Owners()
        self.deps = replace(site.deps, engine=self.engine, pager=self.owners)
        self.rolling = RollingOut(self.deps)

    async def start(self, **changes: Any) -> None:
        values = {"component": "gpu-driver", "version": "550.2", "prior": "550.1", "clusters": [CLUSTER]}
        phases = [CANARY, {"name": "everywhere", "approval": True}]
        spec = RolloutSpec.model_validate({**values, "phases": phases, "owner": "DRIVER_PEOPLE", **changes})
        await self.store.start_rollout(spec, "ann", "go", await self.store.clock())

    async def look(self) -> Any:
        return await ActivityEnvironment().run(
            self.rolling.review_rollout, RolloutInput(rollout=DRIVER, cluster=CLUSTER)
        )

    async def order(self, verb: str, key: str | None = None) -> str:
        """A word; `key` names the update that brought it, where that is tried more than once."""
        order = RolloutOrder(actor="ann", reason="it hangs", rollout=DRIVER, verb=verb)
        return await said(key).run(self.rolling.order_rollout, order)

    async def passed(self, *hosts: str) -> None:
        """Visits of these hosts have ended, upgraded."""
        now = await self.store.clock()
        rows = [
            HostOutcome(
                cluster=CLUSTER,
                pool=POOL,
                host=host,
                operation=ids.operation(VISIT, host),
                outcome=Outcome.UPGRADED,
                reason="fine",
                applied=(Upgrade(component="gpu-driver", version="550.2"),),
                at=now,
            )
            for host in hosts
        ]
        for host in hosts:
            await self.store.record_versions(CLUSTER, host, CARRIED, now)
        await ActivityEnvironment().run(record_trials, self.deps, CLUSTER, rows)

    async def observe(self) -> None:
        view = await self.site.hands.scheduler.view(not_before=time.monotonic())
        members = await self.store.hosts(CLUSTER)
        began = await self.store.clock()
        await self.store.record_observation(
            Observation(cluster=CLUSTER, began_at=began, hosts=observed_hosts(members, view))
        )

    async def state(self) -> RolloutState:
        found = await self.store.rollout(DRIVER)
        assert found is not None
        return found.state
