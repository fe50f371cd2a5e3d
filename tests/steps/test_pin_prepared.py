"""Hosts that come into production after others were prepared for a pin switch are prepared too, before it begins."""

import dataclasses

import pytest

from activities.dispatcher import Dispatching
from activities.pin import PinSwitching
from activities.pin_batch import PinBatching
from fleet.models.messages import ClusterInput
from fleet.models.pin import PinHost, PinHostState, PinState
from fleet.models.pin_messages import PinBatchInput, PinPhase
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.pins import INPUT, LATE, MINE, SWITCH, now, run
from tests.steps.test_pin_taken_up import Engine


@pytest.fixture
async def prepared(switch):
    """All that are up are prepared; then one more comes up."""
    await switch.begin(PinState.ASKING)
    await switch.tested()
    await switch.site.store.withdraw(SWITCH, "not yet", now())
    await switch.put(*(PinHost(host=h, pool=POOL, state=PinHostState.PREPARED, batch=0) for h in MINE))
    switch.site.world.undrain_by_other(LATE)
    deps = dataclasses.replace(switch.deps, engine=Engine({}))
    await run(Dispatching(deps).observe, ClusterInput(cluster=CLUSTER))
    return switch


@pytest.mark.parametrize("state", [PinState.ASKING, PinState.REQUESTING])
async def test_a_host_that_comes_up_later_is_prepared_before_the_switch_begins(prepared, state):
    await prepared.become(state=state, approved_by="bob", ask=1)
    look = await run(PinSwitching(prepared.deps).review_pin, INPUT)
    assert ("run", PinPhase.PREPARE, (1,)) == (look.action, look.phase, look.batches)
    assert {**dict.fromkeys(MINE, PinHostState.PREPARED), LATE: PinHostState.TO_PREPARE} == await prepared.hosts()

    order = PinBatchInput(switch=SWITCH, cluster=CLUSTER, phase=PinPhase.PREPARE, batch=1)
    await run(PinBatching(prepared.deps).prepare_pin_batch, order)
    assert PinHostState.PREPARED is (await prepared.hosts())[LATE]
    assert PinPhase.PREPARE != (await run(PinSwitching(prepared.deps).review_pin, INPUT)).phase


async def test_what_is_still_being_prepared_when_the_switch_begins_is_told_nothing(prepared):
    await prepared.become(state=PinState.REQUESTING, approved_by="bob", ask=1)
    await run(PinSwitching(prepared.deps).review_pin, INPUT)
    await prepared.note(PinHostState.TO_MOVE, LATE)
    order = PinBatchInput(switch=SWITCH, cluster=CLUSTER, phase=PinPhase.PREPARE, batch=1)
    await run(PinBatching(prepared.deps).prepare_pin_batch, order)
    assert PinHostState.TO_MOVE is (await prepared.hosts())[LATE]
