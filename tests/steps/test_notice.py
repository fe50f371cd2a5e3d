"""The jobs on the next domain are told once, whatever happens to the attempt that tells them."""

from datetime import UTC, datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.deps import Deps
from activities.notice import give_notice
from drivers.registry import OpenDrivers
from fleet.errors import Refused
from fleet.models.facts import TrainFacts
from fleet.models.train import Domain
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.site import no_fence


async def noticed(site, deps: Deps | None = None) -> None:
    """One attempt at telling the jobs of the domain, on facts of just now."""
    facts = await facts_of(site)
    pool = facts.pool.model_copy(update={"drain": facts.pool.drain.model_copy(update={"signal": "USR1"})})
    told = facts.model_copy(update={"pool": pool})
    await ActivityEnvironment().run(give_notice, deps or site.deps, told, "d001")


async def facts_of(site) -> TrainFacts:
    now = datetime.now(UTC)
    domain = Domain(name="d001", hosts=("gpu001", "gpu002"))
    await site.store.open_cycle(CLUSTER, POOL, 1, (domain,), now, now + timedelta(days=1))
    return await site.store.train_facts(CLUSTER, POOL, now)


def signalled(site) -> list[int]:
    return [row.job for row in site.world.journal() if row.kind == "job_signalled"]


async def test_a_job_is_told_once_and_one_that_came_later_as_well(site):
    first = site.world.submit_job(hosts=("gpu001",))
    site.world.submit_job(hosts=("gpu005",))
    await noticed(site)
    second = site.world.submit_job(hosts=("gpu002",))
    await noticed(site)

    assert [int(first), int(second)] == [int(job) for job in signalled(site)]


async def test_a_job_of_ours_that_holds_a_borrowed_host_is_not_told(site):
    await site.hands.scheduler.borrow("gpu001", "why", 60, no_fence)
    await noticed(site)

    assert [] == signalled(site)


class Deaf:
    """A scheduler that refuses to signal."""

    def __init__(self, inner) -> None:
        self.inner = inner

    async def view(self, not_before: float = 0.0):
        return await self.inner.view(not_before)

    async def signal_jobs(self, jobs: tuple[str, ...], signal: str) -> None:
        raise Refused(f"{signal} is no signal")


async def test_a_scheduler_that_refuses_the_signal_does_not_end_the_train(site):
    site.world.submit_job(hosts=("gpu001",))
    deaf = OpenDrivers(scheduler=Deaf(site.hands.scheduler), hardware=site.hands.hardware, verifier=site.hands.verifier)
    deps = Deps(store=site.store, hands={CLUSTER: deaf}, pager=site.pages, engine=site.deps.engine)

    await noticed(site, deps)

    assert [] == signalled(site)
