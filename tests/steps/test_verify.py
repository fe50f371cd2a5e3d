"""A verification: with whom, under whose drain, and what inconclusive answers lead to."""

import asyncio
from datetime import UTC, datetime, timedelta

from activities.deps import Deps
from activities.train_pause import pause_train
from activities.verify import Verifying
from fleet.models.drivers import SimulatedFault
from fleet.models.ledger import Autostop
from fleet.models.verification import VerificationTask
from fleet.models.work import HostOutcome, Outcome, StepAction, StepKind
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.site import VISIT, order

HEALTH = VerificationTask.HEALTH


async def verify(site, host="gpu001", task=HEALTH, **changes):
    return await site.run(Verifying(site.deps).verify, order(StepKind.VERIFY, host, task, **changes))


async def partners(site, host="gpu001", **changes):
    """With whom the host would measure the fabric: of its domain, or else borrowed."""
    verifying, (_, pool) = Verifying(site.deps), await site.deps.pool(CLUSTER, POOL)

    async def choose(acting):
        return await verifying._partners(acting, pool)

    return (await site.acting(order(StepKind.VERIFY, host, VerificationTask.FABRIC, **changes), choose)).partners


async def inconclusive(site, *hosts):
    for host in hosts:
        await site.acting(order(StepKind.VERIFY, host, HEALTH), Verifying(site.deps)._count_inconclusive)


async def resume(site):
    await site.store.set_autostop(CLUSTER, POOL, Autostop(reason="resumed"), "ann", "mended", datetime.now(UTC))


async def pauses(site):
    return [e for e in await site.store.audit_log() if e.action == "autostop"]


class Noting:
    """The store, which notes beside the settlings of which cluster no intent is opened."""

    def __init__(self, store):
        self._store, self.clusters = store, []

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def open_intent(self, *arguments, **named):
        self.clusters.append(named["cluster"])
        return await self._store.open_intent(*arguments, **named)


async def test_a_verification_is_claimed_beside_no_settling(site):
    """What is granted to an outsider meanwhile could not be seen yet, and would seem to be older than the claim."""
    await site.drain()
    noting = Noting(site.store)
    deps = Deps(store=noting, hands=site.deps.hands, pager=site.pages, engine=site.deps.engine)
    await site.run(Verifying(deps).verify, order(StepKind.VERIFY, "gpu001", HEALTH))

    assert [CLUSTER] == noting.clusters


async def test_a_drained_host_is_verified(site):
    await site.drain()
    assert (await verify(site)).action is StepAction.GO_ON


async def test_a_host_undrained_in_the_middle_is_drained_again_before_it_is_verified(site):
    await site.drain()
    await site.touch()
    site.world.undrain_by_other("gpu001")
    assert (await verify(site)).action is StepAction.GO_ON
    assert await site.drained()
    assert site.drains() == 2
    assert site.pages.titles == ["sim/gpu001 was undrained by another while it was being changed"]


async def test_a_host_undrained_during_a_long_verification_is_drained_again_at_once(site):
    await site.drain()
    await site.touch()

    async def verifying(acting):
        async with acting.keeping_drained(0.05):
            site.world.undrain_by_other("gpu001")
            await asyncio.sleep(2)  # two readings of the scheduler, and a drain

    await site.acting(order(StepKind.VERIFY, "gpu001", HEALTH), verifying)
    assert await site.drained()
    assert 2 == site.drains()


async def test_an_untouched_host_that_another_has_undrained_is_left_alone(site):
    await site.drain()
    site.world.undrain_by_other("gpu001")
    assert (await verify(site)).action is StepAction.LEAVE
    assert not await site.drained()


async def test_hosts_of_the_domain_measure_together(site):
    await site.store.ready_for_fabric(VISIT, "gpu002", datetime.now(UTC))
    assert await partners(site) == ("gpu002",)


async def test_a_late_host_does_not_measure_with_one_that_has_returned(site):
    await site.store.ready_for_fabric(VISIT, "gpu002", datetime.now(UTC))
    outcome = HostOutcome(
        cluster=CLUSTER,
        pool=POOL,
        host="gpu002",
        operation=f"{VISIT}#gpu002",
        outcome=Outcome.UPGRADED,
        reason="done",
        at=datetime.now(UTC),
    )
    await site.store.release(CLUSTER, "gpu002", f"{VISIT}#gpu002", outcome, datetime.now(UTC))
    await site.lease("another", "gpu003", "gpu004")
    # gpu002 is in production again: it is borrowed as long as it is idle, like any other.
    assert await partners(site) == ("gpu002",)
    site.world.submit_job(hosts=("gpu002",))
    site.world.drain_by_other("gpu005", "admin: cable")
    assert await partners(site) == ("gpu006",)


async def test_a_late_host_does_not_measure_with_one_that_went_to_repair(site):
    await site.store.ready_for_fabric(VISIT, "gpu002", datetime.now(UTC))
    await site.hand_over("gpu002")
    assert await partners(site) == ("gpu003",)


async def test_a_leased_host_is_never_borrowed(site):
    await site.lease("another", "gpu003", "gpu004", "gpu005", "gpu006")
    await site.store.ready_for_fabric(VISIT, "gpu002", datetime.now(UTC))
    await site.hand_over("gpu002")
    assert await partners(site) == ()


async def test_inconclusive_answers_on_several_hosts_pause_the_train_once(site):
    await inconclusive(site, "gpu001", "gpu001")
    assert await pauses(site) == []
    await inconclusive(site, "gpu002", "gpu003", "gpu001")
    assert [e.reason for e in await pauses(site)] == [
        "paused: gpu002: 2 hosts of gpu have inconclusive verifications (2 pause the train)"
    ]
    assert site.pages.titles == ["Autostop in sim/gpu"]


async def test_after_an_operators_resume_inconclusive_answers_are_counted_anew(site):
    await inconclusive(site, "gpu001", "gpu002", "gpu003")
    await resume(site)
    await inconclusive(site, "gpu001")
    assert len(await pauses(site)) == 1
    await inconclusive(site, "gpu004")
    assert len(await pauses(site)) == 2
    assert len(site.pages.titles) == 2


async def test_two_inconclusive_answers_on_one_host_pause_the_train_once(site):
    await site.drain()
    site.world.set_fault(SimulatedFault(kind="health_inconclusive", host="gpu001"))
    found = await verify(site)
    assert (found.action, len(await pauses(site))) == (StepAction.HAND_OVER, 1)
    assert (await verify(site)).action is StepAction.HAND_OVER
    assert (len(await pauses(site)), len(site.pages.titles)) == (1, 1)


class Ahead(Deps):
    """The facts' clock is ahead of this worker's."""

    async def clock(self):
        return await super().clock() + timedelta(minutes=5)


async def test_a_pause_is_dated_by_the_facts_clock_for_it_is_compared_with_when_an_emergency_began(site):
    deps = Ahead(store=site.store, hands=site.deps.hands, pager=site.pages, engine=site.deps.engine)
    paused = await pause_train(deps, order(StepKind.VERIFY, "gpu001", HEALTH), "no tool")

    assert paused.since > datetime.now(UTC) + timedelta(minutes=4)
