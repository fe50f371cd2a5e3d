"""A site on which hosts go down in production, looked at as the dispatcher does: what its tests share."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.dispatcher import Dispatching
from activities.hand_over import HandingOver
from fleet.models.messages import ClusterInput, Observed
from fleet.models.work import HostWork
from tests.scenarios.site import CLUSTER
from tests.steps.ladder import Bodies


class Nobody:
    """No workflow runs but those named."""

    def __init__(self) -> None:
        self.runs: set[str] = {"visit/sim/gpu/1/d001/0"}

    async def running(self, workflow_id: str) -> bool:
        return workflow_id in self.runs

    async def wake(self, workflow_id: str) -> bool:
        return workflow_id in self.runs


class Losses:
    """Its dispatcher notices a loss in its second look."""

    def __init__(self, site: Any) -> None:
        self.site, self.engine = site, Nobody()
        site.pages = Bodies()
        site.deps = replace(site.deps, pager=site.pages, engine=self.engine)

    async def rule(self, notice: Any = None, **ladder: Any) -> None:
        """The rule in force, and the ladder."""
        fleet = (await self.site.store.fleet()).fleet
        document = fleet.model_dump(mode="json")
        told = {"failed_for": "0s", "looks": 2, "at_once": 3, "most": 5, **(notice or {})}
        document["clusters"][0]["repair"] = {"ladder": ladder, "notice": told if notice is not False else False}
        fleet = type(fleet).model_validate(document)
        await self.site.store.load_fleet(fleet, "the file", "ann", "a rule", datetime.now(UTC))

    async def look(self) -> Observed:
        run = ActivityEnvironment().run
        return await run(Dispatching(self.site.deps).observe, ClusterInput(cluster=CLUSTER))

    async def begin(self, looks: int = 2) -> list[HostWork]:
        """Look, and begin the repairs that were opened, as the dispatcher's workflow does."""
        for _ in range(looks):
            seen = await self.look()
        works = []
        for order in seen.opened:
            works.append(await ActivityEnvironment().run(HandingOver(self.site.deps).hand_over, order))
            self.engine.runs.add(f"host/{CLUSTER}/{order.work.host}")
        return works

    async def node(self, host: str) -> Any:
        return (await self.site.hands.scheduler.view(not_before=time.monotonic())).nodes[host]
