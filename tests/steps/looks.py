"""A dispatcher's looks at a site, as far as jobs speak in their comments, and the cycle that they speak in."""

import time
from datetime import UTC, datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.avoidance_looks import AvoidanceLooks
from activities.deps import Deps
from activities.looking import look
from fleet.models.train import Domain
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.urgent import Engine


class Looks:
    """A dispatcher's looks at a site."""

    def __init__(self, site) -> None:
        self.site, self.engine = site, Engine()
        self.deps = Deps(store=site.store, hands=site.deps.hands, pager=site.pages, engine=self.engine)
        self.looks = AvoidanceLooks(self.deps)

    async def __call__(self):
        async def once() -> None:
            seen = await look(self.deps, CLUSTER)
            assert seen is not None
            await self.looks.look(CLUSTER, *seen)

        await ActivityEnvironment().run(once)
        return {row.ask.job: row for row in reversed(await self.site.store.avoidances(CLUSTER))}

    async def note(self, job: str) -> str:
        return (await self.site.hands.scheduler.view(not_before=time.monotonic())).jobs[job].note

    async def run(self, deed, *arguments):
        return await ActivityEnvironment().run(deed, *arguments)


async def looks_at(site) -> Looks:
    """Of a train whose cycle has two domains that are due in a day."""
    now = datetime.now(UTC)
    domains = (Domain(name="d001", hosts=("gpu001", "gpu002")), Domain(name="d002", hosts=("gpu004", "gpu005")))
    await site.store.ask_cycles(CLUSTER, POOL, 1, "ann", "go", now)
    await site.store.open_cycle(CLUSTER, POOL, 1, domains, now, now + timedelta(days=1))
    return Looks(site)
