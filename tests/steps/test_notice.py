"""The jobs on the next domain are told once, whatever happens to the attempt that tells them."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.deps import Deps
from activities.notice import give_notice
from activities.train import Planning
from drivers.registry import OpenDrivers
from fleet.errors import Refused, Unreachable
from fleet.models.facts import TrainFacts
from fleet.models.train import Domain, StopAction
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.other import Other
from tests.steps.site import no_fence
from tests.steps.test_avoidance_between_looks import TRAIN, Driver, deps_with, keep
from tests.steps.urgent import signals


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


class Answered(Driver):
    """A scheduler whose job answers its signal at once, before others may have theirs."""

    def __init__(self, inner, answer) -> None:
        super().__init__(inner)
        self.answer = answer

    async def signal_jobs(self, jobs: tuple[str, ...], signal: str) -> None:
        await super().signal_jobs(jobs, signal)
        await self.answer()


async def test_an_answer_while_jobs_are_told_has_them_told_anew_only_for_a_whole_notice_more(looks):
    """Else who answers each of its signals so has all jobs beside it signalled again and again, and costs nothing."""
    await signals(looks.site, notice="2s")
    job = looks.site.world.submit_job(hosts=("gpu001",))

    async def answer() -> None:
        await keep(looks, job, timedelta(seconds=2), key=f"{len(signalled(looks.site))}")
        await asyncio.sleep(0.05)

    answered = Planning(deps_with(looks, Answered(looks.site.hands.scheduler, answer)))
    for _ in range(3):
        await looks.run(answered.plan_stop, TRAIN)

    assert [job] == signalled(looks.site)


async def test_a_job_that_is_kept_for_little_more_than_a_notice_while_its_own_is_on_its_way_is_told_once(looks):
    """It would not be noted as told, and be told anew by the next plan."""
    await signals(looks.site, notice="2s")
    job = looks.site.world.submit_job(hosts=("gpu001",))

    async def asks() -> None:
        await keep(looks, job, timedelta(seconds=2.05))
        await asyncio.sleep(0.1)

    async def decided() -> None:
        driver.while_read = asks

    driver = Driver(looks.site.hands.scheduler, decided)
    for scheduler in (driver, looks.site.hands.scheduler):
        await looks.run(Planning(deps_with(looks, scheduler)).plan_stop, TRAIN)

    assert [job] == signalled(looks.site)


async def test_jobs_of_a_domain_that_was_noted_by_one_who_died_then_are_told_by_the_next_plan(looks):
    await signals(looks.site, notice="2s")
    job = looks.site.world.submit_job(hosts=("gpu001",))

    async def dies(*_):
        raise Unreachable("the store")

    with pytest.raises(ApplicationError, match="the store"):
        await looks.run(
            Planning(replace(looks.deps, store=Other(looks.site.store, claim_notices=dies))).plan_stop, TRAIN
        )
    stop = await looks.run(Planning(looks.deps).plan_stop, TRAIN)

    assert (StopAction.WAIT, "d001", [job]) == (stop.action, stop.domain, signalled(looks.site))
