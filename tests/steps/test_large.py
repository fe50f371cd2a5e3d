"""A large-scale maintenance from look to look, on real facts and drivers and without an engine: what its rounds ask
for, what they may take, how hosts are held and let return, and what people's words change.
"""

from datetime import UTC, datetime, timedelta

import pytest

from activities.announcing import LARGE as ANNOUNCED
from activities.announcing import announce_stops
from activities.attempt import FROZEN
from activities.gate import Gating
from activities.giving_way import yield_of_visit
from fleet import ids
from fleet.models.emergency import EmergencyState
from fleet.models.fleetfile import Announce
from fleet.models.ledger import Autostop, RequestClass
from fleet.models.override import Override
from fleet.models.work import HostOutcome, Outcome
from fleet.policy.sets import standings
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.site import VISIT, StepSite
from tests.steps.winter import D1, D2, LARGE, RAMP, Winter


@pytest.fixture
async def winter(tmp_path):
    """Nobody else has hosts: the visit of the site has given its two back."""
    site = await StepSite.open(tmp_path, planned_buffer=3, floor=1)
    for host in ("gpu001", "gpu002"):
        operation = ids.operation(VISIT, host)
        known = {"cluster": CLUSTER, "pool": POOL, "host": host, "operation": operation, "visit": VISIT}
        row = HostOutcome(**known, outcome=Outcome.CURRENT, reason="so", at=datetime.now(UTC))
        await site.store.release(CLUSTER, host, operation, row, datetime.now(UTC))
    yield Winter(site)
    await site.close()


async def test_a_round_takes_its_domain_and_the_next_one_begins_when_it_is_back(winter):
    await winter.begin()

    first = await winter.plan()
    works = await winter.board()
    during = await winter.plan()
    await winter.came_back(1, *D1)
    second = await winter.plan()

    assert [["d001"], [], ["d002"]] == [[s.domain for s in p.stops] for p in (first, during, second)]
    assert ["drain", "apply:gpu-driver", "reboot", "verify:health", "gate", "return"] == [s.key for s in works[0].steps]
    assert "round 2 of 1 domains" in second.reason


async def test_its_requests_are_held_to_promises_autostops_and_stops_as_planned_work_is(winter):
    await winter.begin()
    await winter.plan()
    await winter.ask()
    [request] = (await winter.store.facts(CLUSTER, datetime.now(UTC))).requests
    assert (RequestClass.LARGE, True, None) == (request.kind, request.partial, request.override)
    autostop = Autostop(stopped=True, since=datetime.now(UTC), reason="paused: gpu009: as ever")
    await winter.store.set_autostop(CLUSTER, POOL, autostop, "maintrain", autostop.reason, datetime.now(UTC))

    await winter.settle()

    [request] = (await winter.store.facts(CLUSTER, datetime.now(UTC))).requests
    assert "autostop of pool gpu: paused: gpu009: as ever" == request.waits_because


async def test_beyond_the_buffer_it_takes_what_its_override_names_and_no_more(winter):
    named = Override(actor="ann", reason="winter", lasts=3600, planned_buffer={POOL: 5}, floor={POOL: 1})
    await winter.begin(named, steps=[{"domains": 2}])
    planned = await winter.plan()

    await winter.board(1, "d001")
    await winter.board(2, "d002")

    facts = await winter.store.facts(CLUSTER, datetime.now(UTC))
    assert ["d001", "d002"] == [s.domain for s in planned.stops]
    assert (5, 2) == (len(facts.leases), len(facts.overrides))
    await winter.came_back(1, *D1)
    await winter.came_back(2, *(h for h in D2 if h in facts.leases))
    assert () == (await winter.store.facts(CLUSTER, datetime.now(UTC))).overrides


async def test_verified_hosts_are_held_at_their_gate_until_they_are_let_return(winter):
    await winter.begin(ramp_up=RAMP, steps=[{"domains": 1, "gate": "approval"}])
    await winter.plan()
    await winter.board()

    waits = [await winter.waits_at_gate(host) for host in D1]
    at_gate = await winter.plan()
    still = await winter.waits_at_gate("gpu001")
    await winter.say("approve")
    await winter.plan()

    assert {"verified, and held until large/sim/winter lets it return"} == {*waits, still}
    assert [LARGE] == winter.engine.woken
    assert "0 of 3 hosts failed; a person is to say go" in at_gate.reason
    assert ["Round 1 of winter in sim (gpu-driver 550.3) waits for a go"] == winter.site.pages.titles
    assert ["returning"] * 3 == await winter.states(*D1)
    assert "" == await winter.waits_at_gate("gpu001")


async def test_a_held_host_stays_drained_at_its_gate_and_its_step_is_asked_again(winter):
    await winter.begin(ramp_up=RAMP)
    await winter.plan()
    await winter.board()

    with pytest.raises(Exception, match="verified, and held") as raised:
        await winter.site.run(Gating(winter.deps).gate, winter.gate_order("gpu001"))

    assert ("Frozen", timedelta(seconds=2)) == (raised.value.type, raised.value.next_retry_delay)
    assert 0 == await winter.store.count_claims(f"{FROZEN}/")
    assert ["held"] == await winter.states("gpu001")


@pytest.mark.parametrize("verb", ["abort", "stop", "end"])
async def test_an_abort_or_a_stop_lets_every_held_host_go_and_takes_nothing_more_out(winter, verb):
    await winter.begin(ramp_up=RAMP)
    await winter.plan()
    await winter.board()
    await winter.waits_at_gate("gpu001")

    await winter.say(verb)

    assert "" == await winter.waits_at_gate("gpu001")
    planned = await winter.plan()
    assert ((), (ids.emergency_stop(LARGE, 1),)) == (planned.stops, planned.halts)
    assert {} == await winter.store.urgent_pools(CLUSTER)
    await winter.came_back(1, *D1)
    assert (verb != "stop") == (await winter.plan()).over


async def test_more_urgent_work_that_needs_its_place_lets_a_held_host_go(winter):
    await winter.begin(ramp_up=RAMP)
    await winter.plan()
    await winter.board()
    await winter.waits_at_gate("gpu001")

    await winter.store.first_time(yield_of_visit(ids.emergency_stop(LARGE, 1)), datetime.now(UTC))

    assert "" == await winter.waits_at_gate("gpu001")


async def test_failures_beyond_its_steps_number_page_once_and_go_on_with_a_persons_word(winter):
    await winter.begin()
    await winter.plan()
    await winter.board()
    await winter.came_back(1, *D1, outcome=Outcome.HANDED_OVER)

    planned = [await winter.plan() for _ in range(2)]
    await winter.say("approve")
    after = await winter.plan()

    assert [(), ()] == [p.stops for p in planned]
    assert "no-go: 3 of 3 hosts failed" in planned[0].reason
    assert 1 == len(winter.site.pages.titles)
    assert ["d002"] == [s.domain for s in after.stops]


async def test_a_work_that_is_no_upgrade_is_done_on_every_host(winter):
    await winter.begin(work="reboot")
    await winter.plan()

    works = await winter.board()

    assert [["drain", "reboot", "verify:health", "gate", "return"]] * 3 == [[s.key for s in w.steps] for w in works]


async def test_before_its_date_its_first_hosts_are_announced_and_nothing_is_asked_for(winter):
    await winter.begin(begins_in=3600)
    planned = await winter.plan()
    cluster = (await winter.deps.cluster(CLUSTER)).model_copy(update={"announce": Announce.RESERVATION})
    facts = await winter.store.facts(CLUSTER, datetime.now(UTC))

    await announce_stops(winter.deps, cluster, facts, standings(facts))

    assert ("announced", ()) == (planned.state, planned.stops)
    assert 3000 < planned.wait_seconds <= 3600
    name, plan = announced(winter.site)
    assert (f"maintrain_next_{ANNOUNCED}", D1) == (name, tuple(plan))


def announced(site):
    """The one reservation that announces, and its hosts."""
    [row] = [r for r in site.world.journal() if r.kind == "announced"]
    return row.detail["reservation"], sorted(row.detail["hosts"])


async def test_a_look_that_is_repeated_after_a_crash_opens_nothing_twice(winter):
    await winter.begin()
    first = await winter.plan()

    again = await winter.plan()

    assert (1, 0) == (len(first.stops), len(again.stops))
    assert 1 == (await winter.store.emergency(LARGE)).stops


async def test_a_stop_whose_visit_is_gone_is_opened_anew_within_its_round(winter):
    await winter.begin()
    await winter.plan()
    await winter.ask()
    winter.engine.gone.add(ids.emergency_stop(LARGE, 1))

    planned = await winter.plan()

    assert [(ids.emergency_stop(LARGE, 2), "d001")] == [(s.stop, s.domain) for s in planned.stops]


async def test_its_round_goes_on_where_it_was_after_a_stop(winter):
    await winter.begin()
    await winter.plan()
    await winter.board()
    await winter.say("stop")
    await winter.came_back(1, *D1, outcome=Outcome.GIVEN_BACK)
    stopped = await winter.plan()

    await winter.say("resume")
    planned = await winter.plan()

    assert ((), EmergencyState.STOPPED) == (stopped.stops, stopped.state)
    assert ["d001"] == [s.domain for s in planned.stops]
