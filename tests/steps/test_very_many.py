"""However many are granted at once or have lost their holder: an engine bears two thousand signals or activities."""

import pytest
from temporalio.testing import ActivityEnvironment

from activities.dispatcher import Dispatching
from fleet.models.ledger import Grant, Request, RequestClass, Settlement
from fleet.models.messages import ClusterInput
from tests.scenarios.site import CLUSTER
from tests.steps.losses import Losses
from tests.steps.site import VISIT

HOLDERS = ("visit/sim/gpu/1/d002/0", "visit/sim/gpu/1/d003/0", "visit/sim/gpu/1/d004/0")


@pytest.fixture
async def losses(site):
    found = Losses(site)
    await found.rule(notice=False)
    return found


def dispatching(losses) -> Dispatching:
    return Dispatching(losses.site.deps, told_at_once=2, begun_at_once=1)


async def test_of_very_many_that_are_granted_at_once_some_are_told_and_the_others_later(losses):
    store = losses.site.store
    for host, holder in zip(("gpu003", "gpu004", "gpu005"), HOLDERS, strict=True):
        asked = {"cluster": CLUSTER, "kind": RequestClass.TRAIN, "holder": holder, "hosts": (host,), "why": "due"}
        await store.request(Request(id=holder, asked_at=await store.clock(), **asked))
    every = tuple(Grant(request=holder, hosts=(), reason="room") for holder in HOLDERS)
    await store.settle(CLUSTER, None, lambda _: Settlement(grants=every, reason="all"))

    told = await ActivityEnvironment().run(dispatching(losses).settle, ClusterInput(cluster=CLUSTER))

    assert 1 <= len(told.holders) <= 2
    assert {*told.holders} < {VISIT, *HOLDERS}


async def test_of_very_many_without_a_holder_some_get_their_repairs_and_the_others_later(losses):
    losses.engine.runs.clear()
    seen = await ActivityEnvironment().run(dispatching(losses).observe, ClusterInput(cluster=CLUSTER))
    assert 1 == len(seen.ownerless)
