"""Who wakes late must not undo what a visit has done meanwhile, nor ask in its name."""

from dataclasses import replace

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.visit import Visiting
from drivers.registry import OpenDrivers
from fleet.errors import Unreachable
from fleet.models.emergency import EmergencyHostState
from fleet.models.ledger import Grant, Settlement
from fleet.models.messages import VisitAsk, VisitAsked, VisitEnd, VisitInput
from fleet.models.train import Domain, Visit, VisitState
from fleet.policy.emergency_orders import EmergencyVerb
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.other import Other
from tests.steps.site import VISIT
from tests.steps.urgent import ASK, STOP, outcome


async def opened(store, visit, domain, *hosts):
    """A train's visit to a domain of its own."""
    now = await store.clock()
    await store.open_cycle(CLUSTER, POOL, 1, (Domain(name=domain, hosts=hosts),), now, now)
    its = {"cluster": CLUSTER, "pool": POOL, "domain": domain}
    await store.open_visit(Visit(id=visit, **its, cycle=1, attempt=1, state=VisitState.WAITING, opened_at=now))
    return VisitInput(visit=visit, **its)


async def moved(store, host, pool):
    """A load puts a host into a pool."""
    members = (h.model_copy(update={"pool": pool}) if h.name == host else h for h in await store.hosts(CLUSTER))
    await store.sync_hosts(CLUSTER, tuple(members), await store.clock())


async def granted(store, asked):
    grant = Settlement(reason="granted", grants=(Grant(request=asked.request, reason="free"),))
    await store.settle(CLUSTER, None, lambda _: grant)


async def test_what_a_visit_works_on_is_not_withdrawn_by_one_who_saw_it_wait_for_hosts_that_have_changed(site):
    store, late = site.store, "visit/sim/gpu-train/1/d002/1"
    ask = VisitAsk(input=await opened(store, late, "d002", "gpu004", "gpu005"))
    asked = await ActivityEnvironment().run(Visiting(site.deps).ask_for_hosts, ask)
    await moved(store, "gpu005", "other")

    async def facts(*args):
        found = await store.facts(*args)
        await moved(store, "gpu005", POOL)
        await granted(store, asked)
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
    await granted(store, asked)

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


@pytest.mark.parametrize("stands_still", ["before it files", "before it asks for other hosts"])
async def test_nothing_is_asked_for_in_the_name_of_a_visit_that_is_over_by_one_who_wakes_late(site, stands_still):
    """Hosts would be leased to nobody, and go to repair for that."""
    store, visit = site.store, "visit/sim/gpu-train/1/d002/1"
    its = await opened(store, visit, "d002", "gpu004", "gpu005")
    visiting, ask = Visiting(site.deps), VisitAsk(input=its)
    if stands_still == "before it asks for other hosts":
        await ActivityEnvironment().run(visiting.ask_for_hosts, ask)
        await moved(store, "gpu005", "other")

    async def facts(*args):
        found = await store.facts(*args)
        asked = await ActivityEnvironment().run(visiting.ask_for_hosts, ask)
        end = VisitEnd(input=its, request=asked.request, reason="nothing to do")
        await ActivityEnvironment().run(visiting.end_visit, end)
        return found

    stood_still = Visiting(replace(site.deps, store=Other(store, facts=facts)))
    answer = await ActivityEnvironment().run(stood_still.ask_for_hosts, ask)

    assert (False, (), ()) == (answer.granted, answer.hosts, (await store.facts(CLUSTER, await store.clock())).requests)


async def test_nothing_is_asked_for_in_the_name_of_a_stop_that_is_over_by_one_who_wakes_late(urgent):
    store = urgent.store
    await urgent.begin()
    await urgent.plan()

    async def emergency_hosts(*args):
        found = await store.emergency_hosts(*args)
        asked = await urgent.ask()
        await ActivityEnvironment().run(urgent.visiting.end_visit, VisitEnd(input=ASK.input, request=asked.request))
        return found

    stood_still = Visiting(replace(urgent.deps, store=Other(store, emergency_hosts=emergency_hosts)))
    await ActivityEnvironment().run(stood_still.ask_for_hosts, ASK)

    assert () == (await store.facts(CLUSTER, await store.clock())).requests


async def test_a_visit_whose_hosts_change_as_it_is_granted_keeps_its_grant(site):
    """Taken back by one who stood still, its domain would count as visited, by nobody."""
    store, visit = site.store, "visit/sim/gpu-train/1/d002/1"
    its = await opened(store, visit, "d002", "gpu004", "gpu005")
    visiting, ask = Visiting(site.deps), VisitAsk(input=its)
    asked = await ActivityEnvironment().run(visiting.ask_for_hosts, ask)
    await moved(store, "gpu005", "other")

    async def facts(*args):
        found = await store.facts(*args)
        await moved(store, "gpu005", POOL)
        await granted(store, asked)
        return found

    stood_still = Visiting(replace(site.deps, store=Other(store, facts=facts)))
    answer = await ActivityEnvironment().run(stood_still.ask_for_hosts, ask)
    boarded = await ActivityEnvironment().run(visiting.board_hosts, asked, its)

    assert (True, asked.request) == (answer.granted, answer.request)
    assert ["gpu004", "gpu005"] == [work.host for work in boarded.works]


async def test_a_host_that_a_stop_is_done_with_is_not_under_way_again_by_one_who_read_its_lease_before(urgent):
    store = urgent.store
    await urgent.begin()
    asked = await urgent.granted()

    async def matrix(cluster):
        await urgent.board(asked)
        await outcome(urgent, "gpu004")
        await ActivityEnvironment().run(urgent.visiting.end_visit, VisitEnd(input=ASK.input, request=asked.request))
        return await store.matrix(cluster)

    stood_still = Visiting(replace(urgent.deps, store=Other(store, matrix=matrix)))
    await ActivityEnvironment().run(stood_still.board_hosts, asked, ASK.input)

    assert EmergencyHostState.DONE is (await urgent.states())["gpu004"]


async def test_a_visit_keeps_its_age_when_the_attempt_that_asks_anew_dies_on_the_way(site):
    store = site.store
    its = await opened(store, "visit/sim/gpu-train/1/d002/1", "d002", "gpu004", "gpu005")
    visiting, ask = Visiting(site.deps), VisitAsk(input=its)
    await ActivityEnvironment().run(visiting.ask_for_hosts, ask)
    [first] = (await store.facts(CLUSTER, await store.clock())).requests
    await moved(store, "gpu005", "other")

    async def dies(request, *, unless_over=False):
        if unless_over:
            raise Unreachable("the store")
        return await store.request(request)

    dying = Visiting(replace(site.deps, store=Other(store, request=dies)))
    with pytest.raises(ApplicationError, match="the store"):
        await ActivityEnvironment().run(dying.ask_for_hosts, ask)
    await ActivityEnvironment().run(visiting.ask_for_hosts, ask)
    [anew] = (await store.facts(CLUSTER, await store.clock())).requests

    assert (("gpu004",), first.asked_at) == (anew.hosts, anew.asked_at)
