"""A host that its scheduler has lost while we have it out goes to repair in the end, as one that a reboot does not
bring back.
"""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.acting import Acting
from activities.drain import Draining
from activities.hand_over import HandingOver
from activities.reboot import Rebooting
from activities.returning import Returning
from drivers.registry import OpenDrivers
from fleet import ids
from fleet.errors import BadAnswer, HostState
from fleet.models.ledger import Counted
from fleet.models.messages import HandOver
from fleet.models.work import HostWork, Outcome, StepAction, StepKind
from fleet.policy.draining import DrainState
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.other import Other
from tests.steps.rungs import shorter
from tests.steps.site import VISIT, order

HOST = "gpu001"
OPERATION = ids.operation(VISIT, HOST)
LONG_AGO = timedelta(hours=1)


@pytest.fixture
def unplaced(site):
    """The same site, whose scheduler shows the host as being powered down or up."""

    async def view(not_before=0.0):
        seen = await site.hands.scheduler.view(not_before)
        lost = seen.nodes[HOST].model_copy(update={"powered": False})
        return seen.model_copy(update={"nodes": {**seen.nodes, HOST: lost}})

    hands = OpenDrivers(Other(site.hands.scheduler, view=view), site.hands.hardware, site.hands.verifier)
    return replace(site.deps, hands={CLUSTER: hands})


async def since(site, what, step):
    await site.store.first_claim(f"{what}/{OPERATION}/{step}", datetime.now(UTC) - LONG_AGO)


async def back(site, **changes):
    return await site.run(Returning(site.deps).return_host, order(StepKind.RETURN, HOST, **changes))


async def test_a_verified_host_whose_daemon_is_dead_is_asked_for_again_until_its_time_is_over(site):
    await site.drain()
    site.world.kill_daemon(HOST)
    with pytest.raises(ApplicationError, match="takes no jobs") as raised:
        await back(site, outcome=Outcome.UPGRADED)

    assert not raised.value.non_retryable
    assert OPERATION == (await site.store.lease(CLUSTER, HOST)).operation

    site.world.repair_host(HOST)
    assert StepAction.GO_ON is (await back(site, outcome=Outcome.UPGRADED)).action
    assert None is await site.store.lease(CLUSTER, HOST)


async def test_a_verified_host_whose_daemon_stays_dead_goes_to_repair_drained_by_us(site):
    await site.drain()
    site.world.kill_daemon(HOST)
    await since(site, "barred", "return")
    found = await back(site, outcome=Outcome.UPGRADED)
    work = HostWork(cluster=CLUSTER, pool=POOL, host=HOST, operation=OPERATION)
    repair = await ActivityEnvironment().run(
        HandingOver(site.deps).hand_over, HandOver(work=work, reason=found.reason, host_state=found.host_state)
    )
    lease = await site.store.lease(CLUSTER, HOST)
    node = (await site.hands.scheduler.view(not_before=time.monotonic())).nodes[HOST]

    assert (StepAction.HAND_OVER, HostState.UNKNOWN) == (found.action, found.host_state)
    assert "its scheduler has lost it" in found.reason
    assert (repair.operation, Counted.FAILED) == (lease.operation, lease.counted)
    assert (True, ids.drain_reason(ids.REPAIR, repair.operation)) == (node.draining, node.reason)


async def test_a_host_that_the_scheduler_can_not_place_is_waited_for_and_then_handed_over(site, unplaced):
    await site.drain()
    reboot = order(StepKind.REBOOT, HOST)
    with pytest.raises(ApplicationError, match="powered down or up"):
        await site.run(Rebooting(unplaced).reboot, reboot)
    await since(site, "doubt", "verify/0")
    found = await site.run(Rebooting(unplaced).reboot, order(StepKind.REBOOT, HOST, step=_named(reboot, "verify")))

    assert (StepAction.HAND_OVER, HostState.UNKNOWN) == (found.action, found.host_state)
    assert "powered down or up, for 20s and more" in found.reason


def _named(its, key):
    return its.step.model_copy(update={"key": key})


async def test_a_doubt_is_over_once_the_scheduler_places_the_host(site, unplaced):
    await site.drain()
    await since(site, "doubt", "reboot/0")

    def look(deps, attempt):
        async def act():
            return await Acting(deps, order(StepKind.REBOOT, HOST)).look()

        environment = ActivityEnvironment()
        environment.info = replace(environment.info, attempt=attempt)
        return environment.run(act)

    assert DrainState.DRAINED is (await look(site.deps, 2)).state
    with pytest.raises(BadAnswer, match="powered down or up"):
        await look(unplaced, 3)


async def test_a_host_that_is_lost_while_it_drains_goes_to_repair(site, unplaced):
    await shorter(site)
    found = await site.run(Draining(unplaced).drain, order(StepKind.DRAIN, HOST))

    assert (StepAction.HAND_OVER, HostState.UNKNOWN) == (found.action, found.host_state)
    assert "for 1s and more" in found.reason


async def test_a_host_that_is_lost_while_jobs_that_slipped_in_are_waited_for_goes_to_repair(site, unplaced):
    await site.drain()
    await site.touch()
    site.world.undrain_by_other(HOST)
    site.world.submit_job(hosts=(HOST,))
    await since(site, "doubt", "reboot/0")
    lost = unplaced.hands[CLUSTER].scheduler

    async def view(not_before=0.0):
        """It is lost once it is drained again."""
        seen = await site.hands.scheduler.view(not_before)
        return await lost.view(not_before) if seen.nodes[HOST].draining else seen

    hands = OpenDrivers(Other(site.hands.scheduler, view=view), site.hands.hardware, site.hands.verifier)
    deps = replace(site.deps, hands={CLUSTER: hands})

    found = await asyncio.wait_for(site.run(Rebooting(deps).reboot, order(StepKind.REBOOT, HOST)), 15)

    assert (StepAction.HAND_OVER, HostState.UNKNOWN) == (found.action, found.host_state)
