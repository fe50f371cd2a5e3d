"""An emergency's stop from its plan to its end, on real facts and drivers and without an engine: what it asks for and
is granted, what boards, who gives way, and what people's words change.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.deps import Deps
from activities.drain import Draining
from activities.emergency import EmergencyPlanning
from activities.giving_way import drain_policy, yield_of_grant, yields
from activities.looking import look
from activities.returning import Returning
from activities.verify import Verifying
from activities.visit import Visiting
from fleet import ids
from fleet.models.drivers import SimulatedFault
from fleet.models.emergency import (
    Emergency,
    EmergencyChange,
    EmergencyHost,
    EmergencyHostState,
    EmergencySpec,
    EmergencyState,
)
from fleet.models.emergency_messages import EmergencyInput, EmergencyOrder
from fleet.models.ledger import Autostop
from fleet.models.messages import VisitAsk, VisitEnd, VisitInput
from fleet.models.verification import VerificationTask
from fleet.models.work import EndCause, HostOutcome, Outcome, StepAction, StepKind
from fleet.policy.grants import settle
from fleet.policy.verifying import holds_emergency
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.operations import OP, OWN, Outsider, share
from tests.steps.site import VISIT, StepSite, order

EMERGENCY = ids.emergency(CLUSTER, "hole")
INPUT = EmergencyInput(emergency=EMERGENCY, cluster=CLUSTER)
STOP = ids.emergency_stop(EMERGENCY, 1)
ASK = VisitAsk(input=VisitInput(cluster=CLUSTER, pool=POOL, visit=STOP, domain="d002"))


class Engine:
    """Every workflow runs but those named; what was woken."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        self.woken: list[str] = []

    async def running(self, workflow_id: str) -> bool:
        return workflow_id not in self.gone

    async def wake(self, workflow_id: str) -> bool:
        self.woken.append(workflow_id)
        return True


class Urgent:
    """The site of the steps under an emergency: gpu001 and gpu002 are a train's, whose buffer is three."""

    def __init__(self, site) -> None:
        self.site, self.store, self.engine = site, site.store, Engine()
        self.deps = Deps(store=site.store, hands=site.deps.hands, pager=site.pages, engine=self.engine)
        self.visiting, self.planning = Visiting(self.deps), EmergencyPlanning(self.deps)

    async def begin(self, state=EmergencyState.RUNNING, **spec: Any) -> "Urgent":
        now = datetime.now(UTC)
        upgrade = {"component": "gpu-driver", "version": "550.3"}
        found = Emergency(
            id=EMERGENCY,
            spec=EmergencySpec.model_validate({"name": "hole", "cluster": CLUSTER, "upgrades": [upgrade], **spec}),
            targets={"gpu-driver": "550.3"},
            state=state,
            started_at=now,
            started_by="ann",
            why="a hole",
            changed_at=now,
        )
        hosts = [
            EmergencyHost(host=h, pool=POOL, domain="d001" if h < "gpu004" else "d002") for h in self.site.world.hosts()
        ]
        await self.store.start_emergency(found, hosts)
        await look(self.deps, CLUSTER)
        return self

    async def plan(self):
        return await ActivityEnvironment().run(self.planning.plan_emergency, INPUT)

    async def ask(self):
        return await ActivityEnvironment().run(self.visiting.ask_for_hosts, ASK)

    async def settle(self):
        await self.store.settle(CLUSTER, await self.store.clock(), settle)

    async def board(self, asked):
        return await ActivityEnvironment().run(self.visiting.board_hosts, asked, ASK.input)

    async def granted(self):
        await self.plan()
        await self.ask()
        await self.settle()
        return await self.ask()

    async def order(self, verb):
        said = EmergencyOrder(actor="ann", reason="it hangs", emergency=EMERGENCY, verb=verb)
        return await ActivityEnvironment().run(self.planning.order_emergency, said)

    async def states(self):
        return {h.host: h.state for h in await self.store.emergency_hosts(EMERGENCY)}


@pytest.fixture
async def urgent(site):
    return Urgent(site)


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


async def test_a_stopped_emergency_asks_for_nothing_begins_nothing_and_lets_trains_go_on(urgent):
    await urgent.begin()
    asked = await urgent.granted()
    assert {POOL: EMERGENCY} == await urgent.store.urgent_pools(CLUSTER)

    assert "stopped by ann: it hangs" == await urgent.order("stop")

    boarded = await urgent.board(asked)
    assert (f"{EMERGENCY} is stopped", ()) == (boarded.reason, boarded.works)
    assert () == await urgent.store.leases(STOP)
    halted = await urgent.plan()
    assert (("emergency/sim/hole/1",), False) == (halted.halts, halted.over)
    await ActivityEnvironment().run(urgent.visiting.end_visit, VisitEnd(input=ASK.input, request=STOP))
    assert {"pending"} == set((await urgent.states()).values())
    assert {} == await urgent.store.urgent_pools(CLUSTER)

    await urgent.order("resume")
    assert [ids.emergency_stop(EMERGENCY, 2)] == [s.stop for s in (await urgent.plan()).stops]


async def test_a_stops_drain_reads_a_persons_stop_by_itself_with_nobody_to_tell_it(urgent):
    await urgent.begin()
    await urgent.board(await urgent.granted())
    await urgent.order("stop")
    operation = ids.operation(STOP, "gpu004")
    its = order(StepKind.DRAIN, visit=STOP).model_copy(update={"host": "gpu004", "operation": operation})

    result = await urgent.site.run(Draining(urgent.deps).drain, its)

    assert (StepAction.GIVE_BACK, EndCause.YIELD, 0) == (result.action, result.cause, urgent.site.drains("gpu004"))


async def test_a_waiting_stop_of_a_stopped_emergency_withdraws_its_request(urgent):
    await urgent.begin()
    await urgent.plan()
    await urgent.ask()
    await urgent.order("stop")

    asked = await urgent.ask()

    assert (False, (), f"{EMERGENCY} is stopped") == (asked.granted, asked.hosts, asked.reason)
    assert () == (await urgent.store.facts(CLUSTER, datetime.now(UTC))).requests


async def test_a_stop_whose_visit_is_gone_is_closed_and_its_hosts_wait_for_another(urgent):
    await urgent.begin()
    await urgent.plan()
    await urgent.ask()
    urgent.engine.gone.add(STOP)

    planned = await urgent.plan()

    assert [ids.emergency_stop(EMERGENCY, 2)] == [s.stop for s in planned.stops]
    assert () == (await urgent.store.facts(CLUSTER, datetime.now(UTC))).requests


async def test_it_is_done_when_every_host_was_seen_to(urgent):
    await urgent.begin()
    await urgent.granted()
    for host in ("gpu004", "gpu005", "gpu006"):
        await outcome(urgent, host)
    await ActivityEnvironment().run(urgent.visiting.end_visit, VisitEnd(input=ASK.input, request=STOP))
    assert {"done"} == {s for h, s in (await urgent.states()).items() if h > "gpu003"}


async def test_jobs_whose_notice_was_lost_to_a_hiccup_of_the_scheduler_are_told_at_the_next_look(urgent):
    await signals(urgent)
    job = urgent.site.world.submit_job(hosts=("gpu005",))
    await urgent.begin(EmergencyState.ANNOUNCED, notice="1h")
    urgent.site.world.set_fault(SimulatedFault(kind="no_answer", rate=1.0))
    first = await urgent.plan()
    urgent.site.world.clear_faults()
    await urgent.plan()

    assert 15 == first.wait_seconds
    assert [int(job)] == [int(r.job) for r in urgent.site.world.journal() if r.kind == "job_signalled"]


async def test_an_operation_that_waits_in_its_drain_gives_way_and_drains_what_it_is_granted_later(urgent):
    outsider = Outsider(urgent.site)
    await outsider.begin()
    await urgent.begin()
    before = await yields(urgent.deps, share(StepKind.DRAIN))
    await urgent.store.change_emergency(EMERGENCY, asks_for(OWN))
    planned = await urgent.plan()

    result = await urgent.site.run(Draining(urgent.deps).drain, share(StepKind.DRAIN))

    assert (False, True) == (before, OP in planned.yields)
    assert (StepAction.GIVE_BACK, EndCause.YIELD) == (result.action, result.cause)
    again = (await urgent.store.lease(CLUSTER, OWN)).model_copy(update={"since": datetime.now(UTC)})
    assert not await urgent.store.claimed(yield_of_grant(again))


def asks_for(host):
    def change(before, hosts):
        asked = {"state": EmergencyHostState.ASKED, "stop": STOP}
        return EmergencyChange(emergency=before, hosts=[h.model_copy(update=asked) for h in hosts if h.host == host])

    return change


async def test_verifications_that_come_to_nothing_hold_it_though_the_pool_was_paused_before_it_began(urgent):
    before = Autostop(stopped=True, since=datetime.now(UTC), reason="paused: gpu009: as ever")
    await urgent.store.set_autostop(CLUSTER, POOL, before, "maintrain", before.reason, datetime.now(UTC))
    await urgent.begin()
    count = Verifying(urgent.deps)._count_inconclusive
    assert (await urgent.granted()).granted

    for host in ("gpu004", "gpu005"):
        its = order(StepKind.VERIFY, host, VerificationTask.HEALTH, visit=STOP)
        await urgent.site.acting(its, count)

    autostop = (await urgent.store.facts(CLUSTER, datetime.now(UTC))).autostops[POOL]
    assert "paused: gpu005: 2 hosts of gpu have inconclusive verifications (2 pause the train)" == autostop.reason
    assert holds_emergency(autostop, (await urgent.store.emergency(EMERGENCY)).started_at)


async def test_a_host_that_another_workflow_has_in_its_hands_still_waits_for_the_next_stop(urgent):
    await urgent.begin()
    [work] = (await urgent.board(await urgent.granted())).works

    await ActivityEnvironment().run(urgent.visiting.leave_out, work, "its repair ends just now")
    await ActivityEnvironment().run(urgent.visiting.end_visit, VisitEnd(input=ASK.input, request=STOP))

    assert "pending" == (await urgent.states())[work.host]


async def test_boarding_that_is_repeated_forgets_nothing_of_what_it_settled_before(urgent):
    """The matrix refused the host and its lease ended; then the worker died before the visit heard of it."""
    await urgent.begin()
    row = await urgent.store.emergency(EMERGENCY)
    bad = row.model_copy(update={"targets": {"gpu-driver": "999.1"}})
    await urgent.store.change_emergency(EMERGENCY, lambda before, _: EmergencyChange(emergency=bad))
    asked = await urgent.granted()

    for _ in range(2):
        await urgent.board(asked)
    await ActivityEnvironment().run(urgent.visiting.end_visit, VisitEnd(input=ASK.input, request=STOP))

    assert "left_out" == (await urgent.states())["gpu004"]


async def outcome(urgent, host):
    operation = ids.operation(STOP, host)
    row = HostOutcome(
        cluster=CLUSTER,
        pool=POOL,
        host=host,
        operation=operation,
        visit=STOP,
        outcome=Outcome.UPGRADED,
        reason="carries it",
        at=datetime.now(UTC),
    )
    await urgent.store.release(CLUSTER, host, operation, row, datetime.now(UTC))


async def test_its_jobs_are_told_once_and_its_hosts_are_asked_for_after_their_notice(urgent):
    await signals(urgent)
    job = urgent.site.world.submit_job(hosts=("gpu005",))
    await urgent.begin(EmergencyState.ANNOUNCED, notice="1h")

    planned = [await urgent.plan() for _ in range(2)]

    assert [("announced", ()), ("announced", ())] == [(p.state, p.stops) for p in planned]
    assert 15 == planned[0].wait_seconds
    told = [r for r in urgent.site.world.journal() if r.kind == "job_signalled"]
    assert [int(job)] == [int(row.job) for row in told]


async def signals(urgent):
    fleet = (await urgent.store.fleet()).fleet
    document = fleet.model_dump(mode="json")
    document["clusters"][0]["pools"][0]["drain"]["signal"] = "USR1"
    await urgent.store.load_fleet(type(fleet).model_validate(document), "it", "ann", "signals", datetime.now(UTC))
