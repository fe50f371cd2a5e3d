"""Hosts that go down in production: the dispatcher opens their repairs, begins them once, and lets them come back."""

import pytest
from temporalio.testing import ActivityEnvironment

from activities.climbing import Climbing
from activities.hand_over import HandingOver
from fleet import ids
from fleet.errors import HostState
from fleet.models.ladder import Rung
from fleet.models.ledger import Counted
from fleet.models.messages import Command
from fleet.models.rungs import LADDER
from fleet.models.work import BoardAction, Climb
from tests.scenarios.site import CLUSTER
from tests.steps.losses import Losses

HOST, REPAIR = "gpu004", "repair/sim/gpu004/1"
OURS = ids.drain_reason(ids.REPAIR, REPAIR)
NHC = "NHC: no GPU 3"


@pytest.fixture
async def losses(site):
    found = Losses(site)
    await found.rule()
    return found


async def climb(losses, work):
    return await ActivityEnvironment().run(Climbing(losses.site.deps).climb, work)


async def test_a_host_that_goes_down_in_production_is_in_repair_after_its_second_look(losses):
    losses.site.world.kill_daemon(HOST)

    first = await losses.look()
    work, *others = await losses.begin(looks=1)

    assert ((), []) == (first.opened, others)
    lease = await losses.site.store.lease(CLUSTER, HOST)
    assert (REPAIR, Counted.FAILED, f"host/{CLUSTER}/{HOST}") == (lease.operation, lease.counted, lease.holder)
    assert (REPAIR, REPAIR, HostState.UNKNOWN) == (work.operation, work.origin, work.host_state)
    assert "it went down in production" in work.trouble
    node = await losses.node(HOST)
    assert (True, OURS) == (node.draining, node.reason)


async def test_a_lost_host_is_told_of_once_and_as_one_that_needs_repair(losses):
    losses.site.world.kill_daemon(HOST)
    await losses.begin()
    await losses.look()
    assert [f"{CLUSTER}/{HOST} is out of production and needs repair"] == losses.site.pages.titles


async def test_a_repair_that_was_opened_is_begun_by_the_next_look_when_the_worker_died_between(losses):
    losses.site.world.kill_daemon(HOST)
    await losses.look()
    opened = [(await losses.look()).opened for _ in range(2)]
    assert [[HOST]] * 2 == [[o.work.host for o in orders] for orders in opened]
    assert () == (await losses.look()).ownerless

    await losses.begin(looks=1)
    after = await losses.look()
    assert ((), ()) == (after.opened, after.ownerless)


async def test_a_cluster_that_notices_no_losses_pages_as_before(losses):
    await losses.rule(notice=False)
    losses.site.world.kill_daemon(HOST)
    assert [] == await losses.begin(looks=4)
    assert [f"{CLUSTER}/{HOST} is failed and nobody's"] == losses.site.pages.titles


async def test_many_hosts_that_go_dark_at_once_open_no_repair_and_are_one_page(losses):
    await losses.rule({"at_once": 2})
    for host in ("gpu004", "gpu005", "gpu006"):
        losses.site.world.kill_daemon(host)
    assert [] == await losses.begin(looks=4)
    assert [f"Too many hosts of {CLUSTER}/gpu were lost"] == losses.site.pages.titles
    assert (await losses.look()).ledger.count("breaker") == 1


async def test_a_host_that_comes_back_before_anything_was_done_to_it_is_verified_and_returns(losses):
    losses.site.world.kill_daemon(HOST)
    [work] = await losses.begin()
    losses.site.world.repair_host(HOST)
    seen = await losses.look()
    assert ((HOST,), ()) == (seen.back, seen.undrained)

    rung = await climb(losses, work.model_copy(update={"climb": Climb.ON}))
    assert (Rung.RETRY, 1, "it came back by itself before anything was done to it") == (
        rung.rung,
        rung.attempt,
        rung.reason,
    )
    of_try = work.model_copy(update={"tries": 1})
    boarding = await ActivityEnvironment().run(
        HandingOver(losses.site.deps).plan_repair, of_try, Command(actor=LADDER, reason=rung.reason)
    )
    assert BoardAction.VISIT == boarding.action
    assert (await losses.look()).back == ()


async def test_a_host_that_came_back_and_did_not_pass_goes_to_the_ladder_or_to_a_person_who_is_told(losses):
    losses.site.world.kill_daemon(HOST)
    [work] = await losses.begin()
    losses.site.world.repair_host(HOST)
    await climb(losses, work.model_copy(update={"climb": Climb.ON}))

    failed = work.model_copy(update={"climb": Climb.ON, "tries": 1, "trouble": "GPU 5 is slow"})
    assert None is (await climb(losses, failed)).rung
    assert f"{CLUSTER}/{HOST} did not pass after its repair" == losses.site.pages.titles[-1]


async def test_a_lost_host_climbs_the_ladder_of_unknown_failures_where_it_stays_down(losses):
    await losses.rule(unknown=["power_cycle"], performance=["retry"])
    losses.site.world.kill_daemon(HOST)
    [work] = await losses.begin()
    assert (Climb.ON, Rung.POWER_CYCLE) == (work.climb, (await climb(losses, work)).rung)
    assert [] == losses.site.pages.titles


async def test_a_health_checks_drain_stays_its_own_until_it_is_lifted_and_then_the_host_is_verified(losses):
    await losses.rule(unknown=["power_cycle"])
    losses.site.world.drain_by_other(HOST, NHC)
    [work] = await losses.begin()
    assert (Climb.OFF, NHC) == (work.climb, (await losses.node(HOST)).reason)
    assert (await losses.look()).back == ()

    losses.site.world.undrain_by_other(HOST)
    seen = await losses.look()
    assert ((HOST,), ()) == (seen.back, seen.undrained)
    rung = await climb(losses, work.model_copy(update={"climb": Climb.ON}))
    of_try = work.model_copy(update={"tries": 1})
    await ActivityEnvironment().run(
        HandingOver(losses.site.deps).plan_repair, of_try, Command(actor=LADDER, reason=rung.reason)
    )
    assert (Rung.RETRY, OURS) == (rung.rung, (await losses.node(HOST)).reason)


async def test_what_a_person_drained_opens_no_repair(losses):
    losses.site.world.drain_by_other(HOST, "bob: bad disk")
    assert [] == await losses.begin(looks=4)
    assert (None, []) == (await losses.site.store.lease(CLUSTER, HOST), losses.site.pages.titles)
