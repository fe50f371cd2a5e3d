"""A host in repair that is gone, or whose BMC is dead, can still be dealt with."""

import time
from datetime import UTC, datetime

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.hand_over import HandingOver
from fleet import ids
from fleet.models.drivers import SimulatedFault
from fleet.models.host import Host
from fleet.models.ledger import Counted
from fleet.models.messages import Command, HandOver
from fleet.models.work import BoardAction, HostWork, Outcome
from tests.scenarios.site import CLUSTER, POOL

ANN = Command(actor="ann", reason="sold")
GONE = "gpu099"


async def handed_over(site, host: str, visit: str) -> HostWork:
    """The work of the host's repair."""
    work = HostWork(cluster=CLUSTER, pool=POOL, host=host, operation=ids.operation(visit, host), visit=visit)
    order = HandOver(work=work, reason="it is not there")
    return await ActivityEnvironment().run(HandingOver(site.deps).hand_over, order)


async def gone(site) -> HostWork:
    """The repair of a leased member that neither the scheduler nor the fleet sync knows any more."""
    now = datetime.now(UTC)
    there = tuple(Host(cluster=CLUSTER, name=name, pool=POOL, since=now) for name in site.world.hosts())
    await site.store.sync_hosts(CLUSTER, (*there, Host(cluster=CLUSTER, name=GONE, pool=POOL, since=now)), now)
    await site.lease("visit/sim/gpu/1/d009/1", GONE)
    await site.store.sync_hosts(CLUSTER, there, now)
    return await handed_over(site, GONE, "visit/sim/gpu/1/d009/1")


async def test_a_host_that_is_gone_is_handed_over_and_people_are_told(site):
    repair = await gone(site)

    lease = await site.store.lease(CLUSTER, GONE)
    assert (repair.operation, Counted.FAILED) == (lease.operation, lease.counted)
    assert [f"{CLUSTER}/{GONE} is out of production and needs repair"] == site.pages.titles


async def test_a_host_that_is_gone_is_decommissioned_and_its_lease_ends(site):
    repair = await gone(site)

    await ActivityEnvironment().run(HandingOver(site.deps).decommission, repair, ANN)

    assert None is await site.store.lease(CLUSTER, GONE)
    assert Outcome.DECOMMISSIONED == (await site.store.outcomes(CLUSTER, host=GONE))[0].outcome


async def test_people_are_told_when_a_host_can_not_be_decommissioned(site):
    repair = (await gone(site)).model_copy(update={"host": "gpu098"})

    with pytest.raises(ApplicationError, match="expected one that is or was a member"):
        await ActivityEnvironment().run(HandingOver(site.deps).decommission, repair, ANN)

    assert f"{CLUSTER}/gpu098 could not be decommissioned" == site.pages.titles[-1]


async def test_a_try_on_a_host_with_a_dead_bmc_ends_with_the_trouble(site):
    await site.drain("gpu001")
    repair = await handed_over(site, "gpu001", ids.visit(CLUSTER, POOL, 1, "d001", 0))
    site.world.set_fault(SimulatedFault(kind="bmc_silent", host="gpu001"))

    boarding = await ActivityEnvironment().run(HandingOver(site.deps).plan_repair, repair, ANN)

    assert BoardAction.NOT_READ == boarding.action
    assert boarding.reason.startswith("its versions can't be read, 3 looks failed, last: ")


async def test_a_try_on_a_host_whose_bmc_is_slow_to_answer_goes_on(site):
    await site.drain("gpu001")
    repair = await handed_over(site, "gpu001", ids.visit(CLUSTER, POOL, 1, "d001", 0))
    site.world.set_fault(SimulatedFault(kind="bmc_silent", host="gpu001", times=2))

    boarding = await ActivityEnvironment().run(HandingOver(site.deps).plan_repair, repair, ANN)

    assert BoardAction.VISIT == boarding.action


async def test_a_host_that_went_down_after_somebody_undrained_it_in_repair_is_drained_again(site):
    await site.drain("gpu001")
    repair = await handed_over(site, "gpu001", ids.visit(CLUSTER, POOL, 1, "d001", 0))
    site.world.undrain_by_other("gpu001")
    site.world.kill_daemon("gpu001")

    assert await ActivityEnvironment().run(HandingOver(site.deps).drain_again, repair)

    node = (await site.hands.scheduler.view(not_before=time.monotonic())).nodes["gpu001"]
    assert (True, ids.drain_reason(ids.REPAIR, repair.operation)) == (node.draining, node.reason)


async def test_a_host_that_another_drained_after_it_was_undrained_in_repair_stays_theirs(site):
    await site.drain("gpu001")
    repair = await handed_over(site, "gpu001", ids.visit(CLUSTER, POOL, 1, "d001", 0))
    site.world.undrain_by_other("gpu001")
    site.world.drain_by_other("gpu001", "disk check")

    assert not await ActivityEnvironment().run(HandingOver(site.deps).drain_again, repair)
    with pytest.raises(ApplicationError, match="disk check"):
        await ActivityEnvironment().run(HandingOver(site.deps).plan_repair, repair, ANN)
