"""Who wakes late must not undo what others have done meanwhile."""

from dataclasses import replace

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.drain import Draining
from activities.hand_over import HandingOver
from activities.returning import Returning
from activities.visit import Visiting
from drivers.registry import OpenDrivers
from fleet.errors import LeaseLost, StaleAttempt
from fleet.models.intent import Before
from fleet.models.messages import HandOver, VisitAsk, VisitInput
from fleet.models.train import Domain, Visit, VisitState
from fleet.models.verification import VerificationTask
from fleet.models.work import HostOutcome, HostWork, Outcome, StepKind
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.other import Other
from tests.steps.site import VISIT, order

HOST = "gpu001"


async def test_a_host_that_returned_from_repair_is_not_drained_by_one_who_wakes_late(site):
    operation = await site.hand_over(HOST)
    work = HostWork(cluster=CLUSTER, pool=POOL, host=HOST, operation=operation)
    row = HostOutcome(
        cluster=CLUSTER,
        pool=POOL,
        host=HOST,
        operation=operation,
        outcome=Outcome.REPAIRED,
        reason="",
        at=await site.store.clock(),
    )
    await site.store.release(CLUSTER, HOST, operation, row, await site.store.clock())
    site.world.undrain_by_other(HOST)

    with pytest.raises(ApplicationError, match="held by nobody"):
        await ActivityEnvironment().run(HandingOver(site.deps).drain_again, work)

    assert not await site.drained(HOST)


@pytest.mark.parametrize("stands_still", ["before it lifts the drain", "before it lets go"])
async def test_a_repair_that_was_begun_anew_keeps_its_host_from_the_return_of_the_one_before(site, stands_still):
    operation = await site.hand_over(HOST)

    async def begun_anew():
        work = HostWork(cluster=CLUSTER, pool=POOL, host=HOST, operation=operation)
        gone = HandOver(work=work, reason="its workflow no longer runs")
        await ActivityEnvironment().run(HandingOver(site.deps).hand_over, gone)

    async def undrain(host, owned, fence, *, rebooted):
        if stands_still == "before it lifts the drain":
            await begun_anew()
        await site.hands.scheduler.undrain(host, owned, fence, rebooted=rebooted)
        if stands_still == "before it lets go":
            await begun_anew()

    late = OpenDrivers(Other(site.hands.scheduler, undrain=undrain), site.hands.hardware, site.hands.verifier)
    returning = Returning(replace(site.deps, hands={CLUSTER: late}))
    its = {"operation": operation, "repair": True, "attempt": 1, "visit": None, "outcome": Outcome.REPAIRED}
    with pytest.raises(ApplicationError, match="anew") as refused:
        await site.run(returning.return_host, order(StepKind.RETURN, HOST, **its))
    lease, told = await site.store.lease(CLUSTER, HOST), await site.store.outcomes(CLUSTER, host=HOST)

    assert ("StaleAttempt", False) == (refused.value.type, refused.value.non_retryable)
    assert (operation, True, []) == (lease and lease.operation, await site.drained(HOST), list(told))

    again = await site.run(Returning(site.deps).return_host, order(StepKind.RETURN, HOST, **its))
    assert ("go_on", None) == (again.action, await site.store.lease(CLUSTER, HOST))


async def test_a_visit_that_was_granted_finds_its_hosts_whatever_it_reads_first(site):
    now = await site.store.clock()
    domain = Domain(name="d001", hosts=("gpu001", "gpu002"))
    await site.store.open_cycle(CLUSTER, POOL, 1, (domain,), now, now)
    await site.store.open_visit(
        Visit(
            id=VISIT,
            cluster=CLUSTER,
            pool=POOL,
            cycle=1,
            domain="d001",
            attempt=0,
            state=VisitState.WAITING,
            opened_at=now,
        )
    )
    ask = VisitAsk(input=VisitInput(cluster=CLUSTER, pool=POOL, visit=VISIT, domain="d001"), ask=1)
    asked = await ActivityEnvironment().run(Visiting(site.deps).ask_for_hosts, ask)
    assert (True, VISIT) == (asked.granted, asked.request)


async def returned(site):
    row = HostOutcome(
        cluster=CLUSTER,
        pool=POOL,
        host=HOST,
        operation=order(StepKind.RETURN).operation,
        outcome=Outcome.UPGRADED,
        reason="",
        at=await site.store.clock(),
    )
    await site.store.release(CLUSTER, HOST, row.operation, row, row.at)


async def taken_over(site):
    """By a later attempt, whose next steps are about to let go of the host that they have undrained."""
    verify = order(StepKind.VERIFY, task=VerificationTask.HEALTH)
    token = f"{await site.acting(verify, _first_token)}2"
    await site.store.open_intent(verify.operation, verify.step.key, token, Before(), await site.store.clock())


async def _first_token(acting):
    return acting.token.removesuffix("1")


@pytest.mark.parametrize(("meanwhile", "says"), [(returned, "held by nobody"), (taken_over, "newer attempt")])
async def test_a_verification_that_wakes_late_drains_no_host_that_its_successor_let_go_of(site, meanwhile, says):
    await site.drain()
    await meanwhile(site)
    site.world.undrain_by_other(HOST)
    verify = order(StepKind.VERIFY, task=VerificationTask.HEALTH)

    with pytest.raises((LeaseLost, StaleAttempt), match=says):
        await site.acting(verify, lambda acting: acting.keep_drained())

    assert not await site.drained(HOST)
    assert [] == site.pages.titles


async def test_a_drain_that_wakes_late_drains_no_host_that_its_successors_are_returning(site):
    """It stood still before its first write; who came after it has lifted the drain, and is about to let go."""
    later = ActivityEnvironment()
    later.info = replace(later.info, attempt=2)
    await later.run(Draining(site.deps).drain, order(StepKind.DRAIN, HOST))
    site.world.undrain_by_other(HOST)

    with pytest.raises(ApplicationError, match="newer attempt"):
        await site.run(Draining(site.deps).drain, order(StepKind.DRAIN, HOST))

    assert not await site.drained(HOST)
