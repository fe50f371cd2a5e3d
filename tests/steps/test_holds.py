"""A host in an outsider's hands, and those who work on another host of the same scope meanwhile."""

import pytest
from temporalio.exceptions import ApplicationError

from activities.drain import Draining
from activities.gate import Gating
from activities.hold import Holding
from activities.operation_facts import operation_facts
from activities.power_cycle import PowerCycling
from activities.returning import Returning
from activities.verify import Verifying
from fleet import ids
from fleet.models.intent import IntentState
from fleet.models.operation import OperationState, Said
from fleet.models.stop import Stop, StopKind
from fleet.models.verification import VerificationTask
from fleet.models.work import StepAction, StepKind
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.operations import OP, OTHER, OWN, Outsider, share
from tests.steps.site import order


@pytest.fixture
async def outsider(site):
    found = Outsider(site)
    await found.begin()
    await found.drain()
    return found


async def hold(site):
    return await site.run(Holding(site.deps).hold, share(StepKind.HOLD))


async def intent(site):
    return await site.store.intent(ids.operation(OP, OWN), "hold")


async def test_a_held_host_waits_counts_as_changed_and_goes_on_at_the_word(site, outsider):
    first, again = await hold(site), await hold(site)
    assert [StepAction.HOLD] * 2 == [first.action, again.action]
    assert "in the hands of ann for op/1" in first.reason
    assert (await site.store.footing(CLUSTER, POOL, OWN, ids.operation(OP, OWN))).touched()

    await outsider.say(Said.DONE)
    ended = await hold(site)

    assert (StepAction.GO_ON, "op/1 was reported as done by ann: it is in") == (ended.action, ended.reason)
    assert IntentState.DONE is (await intent(site)).state


async def test_a_host_of_a_cancelled_hold_is_verified_once_it_was_in_the_outsiders_hands(site, outsider):
    await hold(site)
    await outsider.say(Said.CANCEL, "not now")

    assert StepAction.GO_ON is (await hold(site)).action


async def test_a_host_that_was_not_given_away_yet_is_given_back_untouched(site, outsider):
    await outsider.say(Said.CANCEL, "not now")
    ended = await hold(site)

    assert (StepAction.GIVE_BACK, "op/1 was cancelled by ann: not now") == (ended.action, ended.reason)
    assert None is await intent(site)


async def test_a_host_undrained_by_another_in_the_hold_is_drained_again(site, outsider):
    await hold(site)
    site.world.undrain_by_other(OWN)

    await hold(site)

    assert await site.drained(OWN)


async def test_a_drain_ends_when_its_operation_is_called_off(site, outsider):
    await outsider.say(Said.CANCEL, "not now")
    ended = await site.run(Draining(site.deps).drain, share(StepKind.DRAIN))

    assert (StepAction.GIVE_BACK, "op/1 was cancelled by ann: not now") == (ended.action, ended.reason)


async def test_a_stop_keeps_a_host_from_being_given_away(site, outsider):
    stop = Stop(kind=StopKind.STOP, cluster=CLUSTER, actor="bob", reason="power", at=await site.store.clock())
    await site.store.set_stop(stop)

    assert StepAction.GIVE_BACK is (await hold(site)).action
    assert None is await intent(site)


async def repairing(site):
    """gpu001 goes to repair; steps of its repair."""
    operation = await site.hand_over(OTHER)

    def step(kind, **more):
        return order(kind, OTHER, operation=operation, visit=None, repair=True, **more)

    return step


BODIES = {
    "a power cycle": (StepKind.POWER_CYCLE, lambda site: PowerCycling(site.deps).power_cycle, {}),
    "a verification": (
        StepKind.VERIFY,
        lambda site: Verifying(site.deps).verify,
        {"task": VerificationTask.HEALTH},
    ),
    "the gate": (StepKind.GATE, lambda site: Gating(site.deps).gate, {}),
    "the return": (StepKind.RETURN, lambda site: Returning(site.deps).return_host, {}),
}


@pytest.mark.parametrize("what", BODIES)
async def test_a_repair_on_the_scope_parks_before(site, what):
    kind, body, more = BODIES[what]
    step = await repairing(site)
    await Outsider(site).begin()

    with pytest.raises(ApplicationError, match="parked for op/1, which works on its scope") as held:
        await site.run(body(site), step(kind, **more))

    assert ("Frozen", True) == (held.value.type, await site.drained(OTHER))


async def test_a_repair_goes_on_once_the_word_was_said(site):
    step = await repairing(site)
    outsider = Outsider(site)
    await outsider.begin()
    await outsider.say(Said.DONE)

    verified = await site.run(Verifying(site.deps).verify, step(StepKind.VERIFY, task=VerificationTask.HEALTH))

    assert StepAction.GO_ON is verified.action


async def test_work_does_not_begin_before_those_who_were_told_can_have_read_it(site):
    await repairing(site)
    outsider = Outsider(site)
    await outsider.begin()
    op = await outsider.become(state=OperationState.PREPARING)

    facts = await operation_facts(site.deps, op)

    assert {f"{CLUSTER}/{OTHER}": "told just now"} == dict(facts.not_parked)
    assert {f"{CLUSTER}/{OWN}"} == facts.held
