"""Who wakes late must not undo what others have done meanwhile."""

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.hand_over import HandingOver
from activities.visit import Visiting
from fleet.models.messages import VisitAsk, VisitInput
from fleet.models.train import Domain, Visit, VisitState
from fleet.models.work import HostOutcome, HostWork, Outcome
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.site import VISIT

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
