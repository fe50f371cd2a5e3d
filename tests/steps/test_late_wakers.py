"""Who wakes late must not undo what others have done meanwhile."""

from dataclasses import replace

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.hand_over import HandingOver
from activities.returning import Returning
from activities.visit import Visiting
from drivers.registry import OpenDrivers
from fleet.errors import Unreachable
from fleet.models.ledger import Grant, Settlement
from fleet.models.messages import HandOver, VisitAsk, VisitAsked, VisitInput
from fleet.models.train import Domain, Visit, VisitState
from fleet.models.work import HostOutcome, HostWork, Outcome, StepKind
from fleet.policy.emergency_orders import EmergencyVerb
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.other import Other
from tests.steps.site import VISIT, order
from tests.steps.urgent import ASK, STOP

HOST = "gpu001"


async def test_a_host_that_returned_from_repair_is_not_drained_by_one_who_wakes_late(site):
    operation = await site.hand_over(HOST)
    work = HostWork(cluster=CLUSTER, pool=POOL, host=HOST, operation=operation)
    row = HostOutcome(
        cluster=CLUSTER,
        pool=POOL,
        host=HOST,
        operation=operation,
        outcome=Outcome.REPAIRED,
        reason="",
        at=await site.store.clock(),
    )
    await site.store.release(CLUSTER, HOST, operation, row, await site.store.clock())
    site.world.undrain_by_other(HOST)

    with pytest.raises(ApplicationError, match="held by nobody"):
        await ActivityEnvironment().run(HandingOver(site.deps).drain_again, work)

    assert not await site.drained(HOST)


@pytest.mark.parametrize("stands_still", ["before it lifts the drain", "before it lets go"])
async def test_a_repair_that_was_begun_anew_keeps_its_host_from_the_return_of_the_one_before(site, stands_still):
    operation = await site.hand_over(HOST)

    async def begun_anew():
        work = HostWork(cluster=CLUSTER, pool=POOL, host=HOST, operation=operation)
        gone = HandOver(work=work, reason="its workflow no longer runs")
        await ActivityEnvironment().run(HandingOver(site.deps).hand_over, gone)

    async def undrain(host, owned, fence, *, rebooted):
        if stands_still == "before it lifts the drain":
            await begun_anew()
        await site.hands.scheduler.undrain(host, owned, fence, rebooted=rebooted)
        if stands_still == "before it lets go":
            await begun_anew()

    late = OpenDrivers(Other(site.hands.scheduler, undrain=undrain), site.hands.hardware, site.hands.verifier)
    returning = Returning(replace(site.deps, hands={CLUSTER: late}))
    its = {"operation": operation, "repair": True, "attempt": 1, "visit": None, "outcome": Outcome.REPAIRED}
    with pytest.raises(ApplicationError, match="anew") as refused:
        await site.run(returning.return_host, order(StepKind.RETURN, HOST, **its))
    lease, told = await site.store.lease(CLUSTER, HOST), await site.store.outcomes(CLUSTER, host=HOST)

    assert ("StaleAttempt", False) == (refused.value.type, refused.value.non_retryable)
    assert (operation, True, []) == (lease and lease.operation, await site.drained(HOST), list(told))

    again = await site.run(Returning(site.deps).return_host, order(StepKind.RETURN, HOST, **its))
    assert ("go_on", None) == (again.action, await site.store.lease(CLUSTER, HOST))


async def test_a_visit_that_was_granted_finds_its_hosts_whatever_it_reads_first(site):
    now = await site.store.clock()
    domain = Domain(name="d001", hosts=("gpu001", "gpu002"))
    await site.store.open_cycle(CLUSTER, POOL, 1, (domain,), now, now)
    await site.store.open_visit(
        Visit(
            id=VISIT,
            cluster=CLUSTER,
            pool=POOL,
            cycle=1,
            domain="d001",
            attempt=0,
            state=VisitState.WAITING,
            opened_at=now,
        )
    )
    ask = VisitAsk(input=VisitInput(cluster=CLUSTER, pool=POOL, visit=VISIT, domain="d001"), ask=1)
    asked = await ActivityEnvironment().run(Visiting(site.deps).ask_for_hosts, ask)
    assert (True, VISIT) == (asked.granted, asked.request)


async def opened(store, visit, domain, *hosts):
    """A train's visit to a domain of its own."""
    now = await store.clock()
    await store.open_cycle(CLUSTER, POOL, 1, (Domain(name=domain, hosts=hosts),), now, now)
    made = {"id": visit, "cluster": CLUSTER, "pool": POOL, "cycle": 1, "domain": domain, "attempt": 1}
    await store.open_visit(Visit(**made, state=VisitState.WAITING, opened_at=now))
    return VisitInput(cluster=CLUSTER, pool=POOL, visit=visit, domain=domain)


async def moved(store, host, pool):
    """A load puts a host into a pool."""
    members = (h.model_copy(update={"pool": pool}) if h.name == host else h for h in await store.hosts(CLUSTER))
    await store.sync_hosts(CLUSTER, tuple(members), await store.clock())


async def test_what_a_visit_works_on_is_not_withdrawn_by_one_who_saw_it_wait_for_hosts_that_have_changed(site):
    store, now, late = site.store, await site.store.clock(), "visit/sim/gpu-train/1/d002/1"
    await store.open_cycle(CLUSTER, POOL, 1, (Domain(name="d002", hosts=("gpu004", "gpu005")),), now, now)
    made = {"id": late, "cluster": CLUSTER, "pool": POOL, "cycle": 1, "domain": "d002", "attempt": 1}
    await store.open_visit(Visit(**made, state=VisitState.WAITING, opened_at=now))
    ask = VisitAsk(input=VisitInput(cluster=CLUSTER, pool=POOL, visit=late, domain="d002"))
    asked = await ActivityEnvironment().run(Visiting(site.deps).ask_for_hosts, ask)
    await moved(store, "gpu005", "other")

    async def facts(*args):
        found = await store.facts(*args)
        await moved(store, "gpu005", POOL)
        grant = Settlement(reason="granted", grants=(Grant(request=asked.request, reason="free"),))
        await store.settle(CLUSTER, None, lambda _: grant)
        await store.acknowledge(asked.request, await store.clock())
        return found

    stood_still = Visiting(replace(site.deps, store=Other(store, facts=facts)))
    answer = await ActivityEnvironment().run(stood_still.ask_for_hosts, ask)

    assert (True, asked.request) == (answer.granted, answer.request)
    assert ["gpu004", "gpu005"] == [lease.host for lease in await store.leases(late)]


async def test_what_a_stop_works_on_is_not_withdrawn_by_one_who_saw_it_wait_for_a_host_that_was_moved(urgent):
    store = urgent.store
    await urgent.begin()
    await urgent.plan()
    await urgent.ask()
    await moved(store, "gpu004", "other")

    async def emergency_hosts(*args):
        found = await store.emergency_hosts(*args)
        await urgent.settle()
        await urgent.board(await urgent.ask())
        return found

    stood_still = Visiting(replace(urgent.deps, store=Other(store, emergency_hosts=emergency_hosts)))
    await ActivityEnvironment().run(stood_still.ask_for_hosts, ASK)

    assert ["gpu005"] == [lease.host for lease in await store.leases(STOP)]


async def test_a_host_that_a_load_moved_before_its_request_was_granted_is_no_part_of_its_visit(site):
    store, now, visit = site.store, await site.store.clock(), "visit/sim/gpu-train/1/d002/1"
    await store.open_cycle(CLUSTER, POOL, 1, (Domain(name="d002", hosts=("gpu004", "gpu005")),), now, now)
    made = {"id": visit, "cluster": CLUSTER, "pool": POOL, "cycle": 1, "domain": "d002", "attempt": 1}
    await store.open_visit(Visit(**made, state=VisitState.WAITING, opened_at=now))
    its = VisitInput(cluster=CLUSTER, pool=POOL, visit=visit, domain="d002")
    asked = await ActivityEnvironment().run(Visiting(site.deps).ask_for_hosts, VisitAsk(input=its))
    await moved(store, "gpu005", "other")
    grant = Settlement(reason="granted", grants=(Grant(request=asked.request, reason="free"),))
    await store.settle(CLUSTER, None, lambda _: grant)

    boarded = await ActivityEnvironment().run(Visiting(site.deps).board_hosts, asked, its)

    assert ["gpu004"] == [work.host for work in boarded.works]
    assert ["gpu004"] == [lease.host for lease in await store.leases(visit)]
    assert {"gpu005": "no longer in the pool: it is in other"} == (await store.visit(visit)).left_out


async def test_a_host_that_was_boarded_and_then_moved_is_not_let_go_by_one_who_wakes_late(site):
    """What it carries out on the host is half done, and nobody would hold it."""
    store, asked = site.store, VisitAsked(ask=1, request=VISIT, granted=True)
    its = await opened(store, VISIT, "d001", "gpu001", "gpu002")

    async def leases(holder):
        found = await store.leases(holder)
        await ActivityEnvironment().run(Visiting(site.deps).board_hosts, asked, its)
        await moved(store, "gpu002", "other")
        return found

    stood_still = Visiting(replace(site.deps, store=Other(store, leases=leases)))
    await ActivityEnvironment().run(stood_still.board_hosts, asked, its)

    assert ["gpu001", "gpu002"] == [lease.host for lease in await store.leases(VISIT)]
    assert [] == list(await store.outcomes(CLUSTER, visit=VISIT))


async def test_a_host_that_is_flashed_is_not_let_go_by_one_who_began_to_read_its_versions_before(site):
    """While it is flashed its versions can't be read."""
    store, asked = site.store, VisitAsked(ask=1, request=VISIT, granted=True)
    its = await opened(store, VISIT, "d001", "gpu001", "gpu002")

    async def versions(host):
        if host == "gpu001":
            await ActivityEnvironment().run(Visiting(site.deps).board_hosts, asked, its)
            raise Unreachable("it is flashed")
        return await site.hands.hardware.versions(host)

    silent = OpenDrivers(site.hands.scheduler, Other(site.hands.hardware, versions=versions), site.hands.verifier)
    await ActivityEnvironment().run(Visiting(replace(site.deps, hands={CLUSTER: silent})).board_hosts, asked, its)

    assert ["gpu001", "gpu002"] == [lease.host for lease in await store.leases(VISIT)]
    assert [] == list(await store.outcomes(CLUSTER, visit=VISIT))


async def test_hosts_that_a_stop_has_boarded_are_not_let_go_by_one_who_wakes_late_to_find_it_stopped(urgent):
    store = urgent.store
    await urgent.begin()
    asked = await urgent.granted()

    async def matrix(cluster):
        await urgent.board(asked)
        await urgent.order(EmergencyVerb.STOP)
        return await store.matrix(cluster)

    stood_still = Visiting(replace(urgent.deps, store=Other(store, matrix=matrix)))
    boarded = await ActivityEnvironment().run(stood_still.board_hosts, asked, ASK.input)

    held = [lease.host for lease in await store.leases(STOP)]
    assert (["gpu004"], held) == (held, [work.host for work in boarded.works])
    assert [] == list(await store.outcomes(CLUSTER, visit=STOP))
