"""An emergency's stop on real facts and drivers and without an engine: what it asks for and is granted, what boards,
who gives way.
"""

import asyncio
from datetime import UTC, datetime

from temporalio.testing import ActivityEnvironment

from activities.drain import Draining
from activities.giving_way import drain_policy
from activities.returning import Returning
from fleet import ids
from fleet.models.emergency import (
    EmergencyChange,
)
from fleet.models.messages import VisitEnd
from fleet.models.work import EndCause, Outcome, StepAction, StepKind
from tests.scenarios.site import CLUSTER
from tests.steps.site import VISIT, StepSite, order
from tests.steps.urgent import ASK, EMERGENCY, STOP, Urgent


async def test_it_asks_for_a_domain_is_granted_what_there_is_room_for_and_the_holder_of_the_rest_is_to_yield(urgent):
    await urgent.begin()

    planned = await urgent.plan()

    assert [(STOP, "d002")] == [(s.stop, s.domain) for s in planned.stops]
    assert [VISIT] == list(planned.yields)
    first = await urgent.ask()
    assert (False, ("gpu004", "gpu005", "gpu006")) == (first.granted, first.hosts)
    await urgent.settle()
    asked = await urgent.ask()
    assert asked.granted
    assert ["gpu004"] == [lease.host for lease in await urgent.store.leases(STOP)]
    await urgent.board(asked)
    assert {"gpu004": "under_way", "gpu005": "pending", "gpu006": "pending"} == {
        host: state for host, state in (await urgent.states()).items() if host > "gpu003"
    }


async def test_nothing_boards_but_what_the_emergency_brings(urgent):
    await urgent.begin(verify=["health"])

    boarded = await urgent.board(await urgent.granted())

    steps = boarded.works[0].steps
    assert ["drain", "apply:gpu-driver", "reboot", "verify:health", "gate", "return"] == [s.key for s in steps]
    assert "550.3" == steps[1].upgrade.version


async def test_a_version_that_the_matrix_does_not_allow_leaves_the_host_out_by_name(urgent):
    await urgent.begin()
    row = await urgent.store.emergency(EMERGENCY)
    bad = row.model_copy(update={"targets": {"gpu-driver": "999.1"}})
    await urgent.store.change_emergency(EMERGENCY, lambda before, _: EmergencyChange(emergency=bad))

    boarded = await urgent.board(await urgent.granted())
    await ActivityEnvironment().run(urgent.visiting.end_visit, VisitEnd(input=ASK.input, request=STOP))

    assert () == boarded.works
    found = {h.host: h for h in await urgent.store.emergency_hosts(EMERGENCY)}["gpu004"]
    assert "left_out" == found.state
    assert "would not be allowed" in found.reason


async def test_a_host_of_a_visit_that_is_to_yield_is_given_back_before_its_drain(urgent):
    await urgent.begin()
    await urgent.plan()

    result = await urgent.site.run(Draining(urgent.deps).drain, order(StepKind.DRAIN))

    assert (StepAction.GIVE_BACK, EndCause.YIELD) == (result.action, result.cause)
    assert 0 == urgent.site.drains()


async def test_a_host_that_waits_for_its_jobs_is_given_back_as_soon_as_its_visit_is_to_yield(tmp_path):
    site = await StepSite.open(tmp_path, drain={"deadline": "1h"})
    urgent = Urgent(site)
    site.world.submit_job(hosts=("gpu001",))
    waiting = asyncio.create_task(site.run(Draining(urgent.deps).drain, order(StepKind.DRAIN)))
    async with asyncio.timeout(10):
        while not site.drains():  # noqa: ASYNC110 - the cluster tells nobody
            await asyncio.sleep(0.02)

    await urgent.begin()
    await urgent.plan()

    result = await asyncio.wait_for(waiting, 10)
    assert (StepAction.GIVE_BACK, EndCause.YIELD) == (result.action, result.cause)
    await site.close()


async def test_jobs_on_a_stops_host_are_treated_as_the_emergency_says(urgent):
    drain = {"deadline": "0s", "not_requeueable": "cancel"}
    await urgent.begin(drain=drain)
    policies = [await drain_policy(urgent.deps, order(StepKind.DRAIN, visit=visit)) for visit in (STOP, VISIT)]

    assert ["cancel", "give_back"] == [policy.not_requeueable for policy in policies]


async def test_a_host_that_comes_back_wakes_the_dispatcher_and_the_emergency_that_waits_for_room(urgent):
    await urgent.begin()
    await urgent.plan()
    back = order(StepKind.RETURN, outcome=Outcome.GIVEN_BACK, reason="yielded", cause=EndCause.YIELD)

    returning = Returning(urgent.deps)

    for host in ("gpu001", "gpu002"):
        operation = ids.operation(VISIT, host)
        its = back.model_copy(update={"host": host, "operation": operation})
        await urgent.site.run(returning.return_host, its)

    assert [ids.dispatcher(CLUSTER), EMERGENCY] == urgent.engine.woken
    assert {} == (await urgent.store.facts(CLUSTER, datetime.now(UTC))).leases
