"""A train's next stop is where jobs lose least, as its scheduler shows them; without its answer the train goes on."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.deps import Deps
from activities.timetable import KeptByPool
from activities.train import Planning
from drivers.registry import OpenDrivers
from fleet.errors import Unreachable
from fleet.models.messages import TrainInput, TrainStop
from fleet.models.train import Domain
from fleet.policy.timetable_kept import KeptPrices
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.site import StepSite


@pytest.fixture
async def site(tmp_path):
    opened = await StepSite.open(tmp_path, job_costs={"restart": "10m", "checkpoint": "1h"})
    yield opened
    await opened.close()


async def next_stop(site, deps: Deps | None = None, planning: Planning | None = None) -> TrainStop:
    now = datetime.now(UTC)
    domains = tuple(Domain(name=f"d00{n}", hosts=(f"gpu00{2 * n - 1}", f"gpu00{2 * n}")) for n in (1, 2, 3))
    await site.store.open_cycle(CLUSTER, POOL, 1, domains, now, now + timedelta(days=1))
    planning = planning or Planning(deps or site.deps)
    return await ActivityEnvironment().run(planning.plan_stop, TrainInput(cluster=CLUSTER, pool=POOL))


async def test_the_domain_without_jobs_is_next_and_the_reason_says_so(site):
    site.world.submit_job(hosts=("gpu001",), work=86_400)
    site.world.submit_job(hosts=("gpu003", "gpu005"), work=86_400)
    site.world.submit_job(hosts=("gpu004",), work=86_400)

    found = await next_stop(site)

    assert "d001" == found.domain
    assert "d001 is the next stop: d001 is cheapest now" in found.reason


async def test_a_gang_costs_with_all_of_its_hosts(site):
    site.world.submit_job(hosts=("gpu001", "gpu003", "gpu004"), work=86_400)
    site.world.submit_job(hosts=("gpu005",), work=86_400)
    site.world.submit_job(hosts=("gpu006",), work=86_400)

    assert "d003" == (await next_stop(site)).domain


async def test_jobs_that_end_before_their_hosts_are_emptied_cost_nothing(site):
    site.world.submit_job(hosts=("gpu001", "gpu002"), work=0.5)
    site.world.submit_job(hosts=("gpu003", "gpu005"), work=86_400)

    found = await next_stop(site)

    assert ("d001", True) == (found.domain, "no job that would be interrupted runs on d001" in found.reason)


async def test_what_is_kept_of_one_pools_jobs_is_taken_by_one_look_at_a_time_and_of_a_few_pools_only():
    kept = KeptByPool()
    first = kept.take("c", "p")
    assert kept.take("c", "p") is not first
    kept.give_back("c", "p", first)
    assert kept.take("c", "p") is first
    kept.give_back("c", "p", first)
    for n in range(8):
        kept.give_back("c", f"q{n}", KeptPrices())
    assert kept.take("c", "p") is not first


async def test_the_stop_after_is_chosen_by_the_jobs_that_run_then(site):
    planning = Planning(site.deps)
    ends = [site.world.submit_job(hosts=(f"gpu00{n}",), work=86_400) for n in (1, 2, 3)]
    site.world.submit_job(hosts=("gpu005", "gpu006"), work=86_400)
    assert "d002" == (await next_stop(site, planning=planning)).domain

    site.world.end_job(ends[0])
    site.world.end_job(ends[1])
    await site.hands.scheduler.view(not_before=time.monotonic())  # answers are shared for a moment
    await site.store.skip(CLUSTER, POOL, "d002", "ann", "test", datetime.now(UTC))

    again = await ActivityEnvironment().run(planning.plan_stop, TrainInput(cluster=CLUSTER, pool=POOL))
    assert ("d001", True) == (again.domain, "no job that would be interrupted runs on d001" in again.reason)


class Silent:
    """A scheduler that can't be read."""

    async def view(self, not_before: float = 0.0):
        raise Unreachable("the scheduler does not answer")


async def test_a_scheduler_that_does_not_answer_leaves_the_fixed_order(site):
    site.world.submit_job(hosts=("gpu001",), work=86_400)
    silent = OpenDrivers(scheduler=Silent(), hardware=site.hands.hardware, verifier=site.hands.verifier)
    deps = Deps(store=site.store, hands={CLUSTER: silent}, pager=site.pages, engine=site.deps.engine)

    found = await next_stop(site, deps)

    why = "d001 is the next stop: in the fixed order, as its jobs can't be read: the scheduler does not answer"
    assert ("d001", why) == (found.domain, found.reason)
