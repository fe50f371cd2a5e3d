"""A stop or resume that came as a signal is put in force once, though its activity is tried again much later."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.dispatcher import Dispatching
from fleet.models.ledger import Autostop
from fleet.models.messages import StopCommand
from fleet.models.stop import Stop, StopKind
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.urgent import Engine

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


async def test_a_resume_that_came_while_no_worker_ran_lifts_nothing_that_was_said_after_it(site):
    """A person sends it from the engine's own page; others freeze the cluster by hand before a worker hears of it."""
    engine = Engine()
    for pool, reason in ((POOL, "paused: before"), ("storage", "paused: since")):
        if reason == "paused: since":
            await site.store.set_stop(Stop(kind=StopKind.STOP, cluster=CLUSTER, pool=None, at=datetime.now(UTC), **ANN))
            engine.heard_at = datetime.now(UTC)
            await site.store.set_stop(frozen())
        paused = Autostop(stopped=True, reason=reason, since=datetime.now(UTC))
        await site.store.set_autostop(CLUSTER, pool, paused, "bob", "look first", datetime.now(UTC))

    command = StopCommand(cluster=CLUSTER, pool=None, verb="resume", **ANN)
    await ActivityEnvironment().run(Dispatching(replace(site.deps, engine=engine)).write_stop, command)

    assert [(StopKind.FREEZE, "smoke in the hall")] == [(s.kind, s.reason) for s in await site.store.stops(CLUSTER)]
    facts = await site.store.facts(CLUSTER, datetime.now(UTC))
    assert [False, True] == [facts.autostops[pool].stopped for pool in (POOL, "storage")]


async def test_a_stop_and_its_resume_that_came_while_no_worker_ran_leave_nothing_in_force(site):
    engine = Engine()

    for verb, minutes in (("stop", 2), ("resume", 1)):
        engine.heard_at = datetime.now(UTC) - timedelta(minutes=minutes)
        command = StopCommand(cluster=CLUSTER, pool=None, verb=verb, **ANN)
        dispatching = Dispatching(replace(site.deps, engine=engine))
        await ActivityEnvironment().run(dispatching.write_stop, command)

    assert () == await site.store.stops(CLUSTER)


async def test_a_stop_does_not_wait_for_an_engine_that_does_not_tell_when_it_came_in_and_a_resume_does(site):
    engine = Engine()
    engine.silent = True
    dispatching = Dispatching(replace(site.deps, engine=engine))

    for verb in ("freeze", "resume"):
        command = StopCommand(cluster=CLUSTER, pool=None, verb=verb, **ANN)
        refuses = pytest.raises(ApplicationError, match="does not tell") if verb == "resume" else nullcontext()
        with refuses:
            await ActivityEnvironment().run(dispatching.write_stop, command)

    assert ["freeze"] == [s.kind for s in await site.store.stops(CLUSTER)]


@pytest.mark.parametrize("verb", ["stop", "freeze"])
async def test_a_stop_that_is_tried_again_after_it_was_lifted_is_not_set_anew(site, verb):
    await written(site, verb)
    assert [verb] == [s.kind for s in await site.store.stops(CLUSTER)]
    await site.store.lift_stop(CLUSTER, None, "bob", "it is over", datetime.now(UTC))

    await written(site, verb)

    assert () == await site.store.stops(CLUSTER)
