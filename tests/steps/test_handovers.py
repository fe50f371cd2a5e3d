"""A host in repair goes to an outsider, and another comes from one: the drain is theirs or ours at every instant."""

from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.climbing import Climbing
from activities.hand_over import HandingOver
from activities.handovers import look_at_handovers
from activities.looking import look as look_only
from fleet import ids
from fleet.models.handover import HandoverState, HandoverWay
from fleet.models.host import HostSet
from fleet.models.ladder import Rung
from fleet.models.messages import Command
from fleet.models.rungs import RungEnd
from fleet.models.work import Climb, HostOutcome, Outcome
from fleet.policy.sets import standings
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.giving import ANN, HOST, OURS, THEIRS, asked, give_away, in_repair
from tests.steps.losses import Losses
from tests.steps.other import Other


@pytest.fixture
async def losses(site):
    found = Losses(site)
    await found.rule(notice=False)
    return found


async def where(losses, host=HOST):
    facts = await losses.site.store.facts(CLUSTER, await losses.site.store.clock())
    return standings(facts)[host].set


async def test_a_host_that_the_outsider_says_they_have_gets_their_drain_and_is_then_theirs(losses):
    work = await in_repair(losses)
    given = await asked(losses)
    waits = (await losses.look()).given, await give_away(losses, work)
    await losses.site.store.acknowledge_handover(given.id, "vendor", ANN, await losses.site.store.clock())

    rewritten = (await losses.look()).given
    node = await losses.node(HOST)
    seen = await losses.look()

    assert (((), False), (), (True, THEIRS)) == (waits, rewritten, (node.draining, node.reason))
    assert ((HOST,), HostSet.FAILED) == (seen.given, await where(losses))
    assert [True, True] == [await give_away(losses, work) for _ in range(2)]
    assert (HostSet.FOREIGN, None) == (await where(losses), await losses.site.store.lease(CLUSTER, HOST))
    assert 1 == losses.site.drains(HOST) - 2, "drained as planned, ours, then theirs: never undrained between"
    assert [] == [r.kind for r in losses.site.world.journal() if r.kind == "undrained"]


async def test_a_host_that_the_outsider_drains_themselves_is_theirs_though_they_switch_it_off(losses):
    work = await in_repair(losses)
    await asked(losses)
    losses.site.world.drain_by_other(HOST, "vendor at work")
    losses.site.world.kill_daemon(HOST)

    assert (HOST,) == (await losses.look()).given
    assert await give_away(losses, work)

    await losses.look()
    assert HostSet.FOREIGN is await where(losses)


async def test_nothing_more_is_tried_on_a_host_that_is_to_be_given_until_a_person_says_so(losses):
    await losses.rule(notice=False, unknown=["power_cycle"])
    work = await in_repair(losses)
    await asked(losses)
    rung = await ActivityEnvironment().run(Climbing(losses.site.deps).climb, work)
    assert (None, "it is to be given to vendor: RMA 4711") == (rung.rung, rung.reason)
    assert () == await losses.site.store.rungs(work.operation)

    plan = HandingOver(losses.site.deps).plan_repair
    await ActivityEnvironment().run(plan, work.model_copy(update={"tries": 1}), Command(actor="bob", reason="mended"))
    assert HandoverState.WITHDRAWN is (await losses.site.store.handover(CLUSTER, HOST)).state


async def test_a_rung_that_was_decided_as_the_word_came_is_not_under_way_on_a_host_that_is_theirs(losses):
    await losses.rule(notice=False, unknown=["power_cycle"])
    work = await in_repair(losses)
    rung = await ActivityEnvironment().run(Climbing(losses.site.deps).climb, work)
    assert (Rung.POWER_CYCLE, 1) == (rung.rung, rung.attempt)

    await asked(losses)  # heard before the rung begins
    losses.site.world.drain_by_other(HOST, THEIRS)
    await losses.look()
    assert await give_away(losses, work)

    assert [RungEnd.WITHDRAWN] == [r.end for r in await losses.site.store.rungs(work.operation)]


async def test_a_word_said_before_a_host_was_to_be_given_does_not_call_that_back(losses):
    """Its try may wait for hours, such as for a pin switch that has yet to tell which pin is in force."""
    work, store = (await in_repair(losses)).model_copy(update={"tries": 1}), losses.site.store

    async def meanwhile(cluster):
        await asked(losses)
        return await store.last_pin_switch(cluster)

    late = HandingOver(replace(losses.site.deps, store=Other(store, last_pin_switch=meanwhile)))
    with pytest.raises(ApplicationError, match="gpu001 is given to vendor"):
        await ActivityEnvironment().run(late.plan_repair, work, Command(actor="bob", reason="mended"))
    assert HandoverState.ASKED is (await store.handover(CLUSTER, HOST)).state


async def test_a_word_that_waited_for_a_step_to_end_does_not_call_back_what_was_asked_meanwhile(losses):
    work, store = (await in_repair(losses)).model_copy(update={"tries": 1}), losses.site.store
    bob = Command(actor="bob", reason="mended", at=await store.clock())
    await asked(losses)

    with pytest.raises(ApplicationError, match="gpu001 is given to vendor"):
        await ActivityEnvironment().run(HandingOver(losses.site.deps).plan_repair, work, bob)
    assert HandoverState.ASKED is (await store.handover(CLUSTER, HOST)).state


async def test_a_word_calls_back_a_handover_though_a_workflow_that_is_gone_began_a_try_of_that_number(losses):
    work, store = (await in_repair(losses)).model_copy(update={"tries": 1}), losses.site.store
    plan, before = HandingOver(losses.site.deps).plan_repair, ActivityEnvironment()
    await before.run(plan, work, Command(actor="bob", reason="mended"))
    await asked(losses)
    after = ActivityEnvironment()
    after.info = replace(after.info, workflow_run_id="another run")

    await after.run(plan, work, Command(actor="bob", reason="mended, really"))

    assert HandoverState.WITHDRAWN is (await store.handover(CLUSTER, HOST)).state


async def test_nobody_calls_back_what_the_outsider_has(losses):
    work = await in_repair(losses)
    given = await asked(losses)
    await losses.site.store.acknowledge_handover(given.id, "vendor", ANN, await losses.site.store.clock())
    plan = HandingOver(losses.site.deps).plan_repair
    with pytest.raises(ApplicationError, match="gpu001 is given to vendor"):
        await ActivityEnvironment().run(plan, work.model_copy(update={"tries": 1}), ANN)


async def test_people_are_told_once_when_nobody_takes_a_host_in_time(losses):
    await in_repair(losses)
    await asked(losses, within=timedelta(0))
    for _ in range(2):
        await losses.look()
    late = f"{CLUSTER}/{HOST} was not taken over by vendor in time"
    assert [late] == [t for t in losses.site.pages.titles if "in time" in t]
    assert HostSet.FAILED is await where(losses)


async def test_a_host_that_is_taken_over_gets_our_drain_and_is_verified_first(losses):
    losses.site.world.drain_by_other("gpu005", THEIRS)
    await losses.look()
    taken = await asked(losses, HandoverWay.TAKE, "gpu005")
    assert HostSet.FAILED is await where(losses, "gpu005")

    [work] = await losses.begin(looks=1)

    node = await losses.node("gpu005")
    ours = ids.drain_reason(ids.REPAIR, taken.operation)
    assert (Climb.ON, True, ours) == (work.climb, node.draining, node.reason)
    rung = await ActivityEnvironment().run(Climbing(losses.site.deps).climb, work)
    assert (Rung.RETRY, "taken over from vendor by ann: RMA 4711") == (rung.rung, rung.reason)
    await losses.look()
    assert HandoverState.DONE is (await losses.site.store.handover(CLUSTER, "gpu005")).state
    assert [] == losses.site.pages.titles


async def test_a_hold_that_changed_before_we_took_it_is_left_and_people_are_told_past_the_deadline(losses):
    losses.site.world.drain_by_other("gpu005", THEIRS)
    await losses.look()
    await asked(losses, HandoverWay.TAKE, "gpu005", within=timedelta(0))
    losses.site.world.drain_by_other("gpu005", "bob: mine now")
    await losses.begin(looks=1)
    await losses.look()
    assert "bob: mine now" == (await losses.node("gpu005")).reason
    told = f"{CLUSTER}/gpu005 could not be taken over from vendor in time"
    assert [told] == [t for t in losses.site.pages.titles if "in time" in t]


async def test_a_host_that_is_to_be_given_and_that_another_undrains_is_drained_again_though_it_came_back(losses):
    """Its repair was opened by a look and has tried nothing: without the handover it would be verified and return."""
    await losses.rule()
    losses.site.world.kill_daemon("gpu005")
    [work] = await losses.begin()
    await asked(losses, host="gpu005", operation=work.operation)
    losses.site.world.repair_host("gpu005")
    losses.site.world.undrain_by_other("gpu005")

    seen = await losses.look()

    assert ((), ("gpu005",)) == (seen.back, seen.undrained)


async def test_a_repair_that_ends_while_its_hold_is_passed_on_leaves_the_look_whole(losses):
    """Its lease was there when the look began, and was gone when the reason was to be written."""
    work = await in_repair(losses)
    given = await asked(losses)
    store = losses.site.store
    await store.acknowledge_handover(given.id, "vendor", ANN, await store.clock())
    await look_only(losses.site.deps, CLUSTER)
    facts = await store.facts(CLUSTER, await store.clock())
    values = {"cluster": CLUSTER, "pool": POOL, "host": HOST, "operation": work.operation, "reason": "mended"}
    row = HostOutcome(**values, outcome=Outcome.REPAIRED, at=await store.clock())
    await store.release(CLUSTER, HOST, work.operation, row, await store.clock())

    assert () == await look_at_handovers(losses.site.deps, facts)

    assert OURS == (await losses.node(HOST)).reason


async def test_a_host_that_the_outsider_lets_go_is_verified_before_it_counts_as_up(losses):
    work = await in_repair(losses)
    await asked(losses)
    losses.site.world.drain_by_other(HOST, THEIRS)
    await losses.look()
    await give_away(losses, work)
    losses.site.world.undrain_by_other(HOST)
    await look_only(losses.site.deps, CLUSTER)
    assert HostSet.UNKNOWN is await where(losses)

    [back] = await losses.begin(looks=1)

    node = await losses.node(HOST)
    ours = ids.drain_reason(ids.REPAIR, back.operation)
    assert (HostSet.FAILED, ours, "") == (await where(losses), node.reason, (await given_to(losses)))
    rung = await ActivityEnvironment().run(Climbing(losses.site.deps).climb, back)
    assert (Rung.RETRY, f"it was given away ({THEIRS}), and came back with nobody holding it") == (
        rung.rung,
        rung.reason,
    )


async def given_to(losses):
    facts = await losses.site.store.facts(CLUSTER, await losses.site.store.clock())
    return facts.hosts[HOST].given
