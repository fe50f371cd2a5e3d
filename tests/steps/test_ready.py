"""Jobs that answer their notice, and those that come after it."""

from datetime import UTC, datetime

from activities.avoidance_door import AvoidanceDoor, job_wish, running_job
from activities.deps import Deps
from activities.train import Planning
from drivers.registry import OpenDrivers
from fleet import ids
from fleet.errors import Unreachable
from fleet.models.avoidance import AvoidanceSource
from fleet.models.messages import TrainInput
from fleet.models.train import StopAction, VisitState
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.urgent import signals

TRAIN = TrainInput(cluster=CLUSTER, pool=POOL)


class Driver:
    """A scheduler on which something happens with each signal, and that may not answer."""

    def __init__(self, inner, then=None) -> None:
        self.inner, self.then, self.silent = inner, then, False

    async def view(self, not_before: float = 0.0):
        if self.silent:
            raise Unreachable("the scheduler does not answer")
        return await self.inner.view(not_before)

    async def signal_jobs(self, jobs: tuple[str, ...], signal: str) -> None:
        await self.inner.signal_jobs(jobs, signal)
        if self.then is not None:
            await self.then(jobs)


def planning(looks, driver: Driver) -> Planning:
    hands = looks.site.hands
    drivers = OpenDrivers(scheduler=driver, hardware=hands.hardware, verifier=hands.verifier)
    return Planning(Deps(store=looks.site.store, hands={CLUSTER: drivers}, pager=looks.site.pages, engine=looks.engine))


async def say_ready(looks, job: str) -> None:
    """As HTTP and the command line do."""
    found = await running_job(looks.site.hands.scheduler, job)
    await AvoidanceDoor(looks.site.store).ready(job_wish(CLUSTER, found, f"{CLUSTER}/{job}", AvoidanceSource.HTTP))


def signalled(looks) -> list[str]:
    return [row.job for row in looks.site.world.journal() if row.kind == "job_signalled"]


async def test_a_job_that_answers_while_others_are_told_is_heard(looks):
    await signals(looks.site)
    job = looks.site.world.submit_job(hosts=("gpu001",))

    async def answers(_) -> None:
        await say_ready(looks, job)

    plan = planning(looks, Driver(looks.site.hands.scheduler, answers))
    assert (StopAction.NOTICE, "d001") == ((stop := await looks.run(plan.plan_stop, TRAIN)).action, stop.domain)
    await looks()
    assert {"d001"} == (await looks.site.store.train_facts(CLUSTER, POOL, datetime.now(UTC))).ready


async def test_a_train_hears_of_a_word_with_the_look_from_which_it_counts(looks):
    job = looks.site.world.submit_job(hosts=("gpu001",))
    await looks()
    plan = planning(looks, Driver(looks.site.hands.scheduler))
    assert StopAction.NOTICE == (await looks.run(plan.plan_stop, TRAIN)).action
    await say_ready(looks, job)
    assert set() == (await looks.site.store.train_facts(CLUSTER, POOL, datetime.now(UTC))).ready, "seen before"
    assert [] == looks.engine.woken

    for _ in range(2):
        await looks()
    assert [ids.train(CLUSTER, POOL)] == looks.engine.woken, "once"


async def test_jobs_that_come_after_the_notice_are_told_until_their_hosts_are_granted(looks):
    await signals(looks.site)
    store, world = looks.site.store, looks.site.world
    driver = Driver(looks.site.hands.scheduler)
    plan = planning(looks, driver)
    first = world.submit_job(hosts=("gpu001",))
    assert StopAction.NOTICE == (await looks.run(plan.plan_stop, TRAIN)).action
    second = world.submit_job(hosts=("gpu002",))
    stop = await looks.run(plan.plan_stop, TRAIN)
    while stop.action is not StopAction.VISIT:
        stop = await looks.run(plan.plan_stop, TRAIN)
    assert [first, second] == signalled(looks)

    assert (StopAction.NOTICE, "d002") == ((ahead := await looks.run(plan.plan_stop, TRAIN)).action, ahead.domain)
    world.end_job(first)
    third = world.submit_job(hosts=("gpu001",))
    driver.silent = True
    assert StopAction.WAIT == (await looks.run(plan.plan_stop, TRAIN)).action, "it holds no train up"
    assert [first, second] == signalled(looks)
    driver.silent = False
    for _ in range(2):
        await looks.run(plan.plan_stop, TRAIN)
    assert [first, second, third] == signalled(looks)

    visit = await store.visit(stop.visit)
    granted = {"state": VisitState.RUNNING, "granted_at": datetime.now(UTC)}
    assert await store.open_visit(visit.model_copy(update=granted))
    world.end_job(third)
    world.submit_job(hosts=("gpu001",))
    await looks.run(plan.plan_stop, TRAIN)
    assert [first, second, third] == signalled(looks)
