"""A stop or resume that came as a signal is put in force once, though its activity is tried again much later."""

from datetime import UTC, datetime

import pytest
from temporalio.testing import ActivityEnvironment

from activities.dispatcher import Dispatching
from fleet.models.ledger import Autostop
from fleet.models.messages import StopCommand
from fleet.models.stop import Stop, StopKind
from tests.scenarios.site import CLUSTER, POOL

ANN, BOB = {"actor": "ann", "reason": "go"}, {"actor": "bob", "reason": "smoke in the hall"}


async def written(site, verb: str) -> None:
    command = StopCommand(cluster=CLUSTER, pool=None, verb=verb, **ANN)
    await ActivityEnvironment().run(Dispatching(site.deps).write_stop, command)


def frozen() -> Stop:
    return Stop(kind=StopKind.FREEZE, cluster=CLUSTER, pool=None, at=datetime.now(UTC), **BOB)


async def test_a_resume_that_is_tried_again_does_not_lift_a_freeze_that_was_set_after_it(site):
    """Its worker died before it could tell; by the time that another runs, somebody has frozen the cluster by hand."""
    await site.store.set_stop(Stop(kind=StopKind.STOP, cluster=CLUSTER, pool=None, at=datetime.now(UTC), **ANN))
    await written(site, "resume")
    assert () == await site.store.stops(CLUSTER)
    await site.store.set_stop(frozen())
    paused = Autostop(stopped=True, reason="paused: by its train", since=datetime.now(UTC))
    await site.store.set_autostop(CLUSTER, POOL, paused, "bob", "look first", datetime.now(UTC))

    await written(site, "resume")

    assert ["smoke in the hall"] == [s.reason for s in await site.store.stops(CLUSTER)]
    facts = await site.store.facts(CLUSTER, datetime.now(UTC))
    assert facts.autostops[POOL].stopped


@pytest.mark.parametrize("verb", ["stop", "freeze"])
async def test_a_stop_that_is_tried_again_after_it_was_lifted_is_not_set_anew(site, verb):
    await written(site, verb)
    assert [verb] == [s.kind for s in await site.store.stops(CLUSTER)]
    await site.store.lift_stop(CLUSTER, None, "bob", "it is over", datetime.now(UTC))

    await written(site, verb)

    assert () == await site.store.stops(CLUSTER)
