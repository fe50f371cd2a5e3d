"""What becomes of the hosts of a round while its stops go on: the maintenance knows of each before its visit ends, and
what was asked for and has not begun does not begin after a no-go.
"""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.dispatcher import Dispatching
from activities.hand_over import HandingOver
from activities.large_pages import asks_at_gate
from fleet import ids
from fleet.models.large import LargePhase, LargeProgress
from fleet.models.messages import HandOver
from fleet.models.work import EndCause, HostOutcome, Outcome
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.site import VISIT, StepSite
from tests.steps.winter import D1, D2, LARGE, RAMP, Winter

STOP, SECOND = ids.emergency_stop(LARGE, 1), ids.emergency_stop(LARGE, 2)


@pytest.fixture
async def winter(tmp_path):
    """Nobody else has hosts: the visit of the site has given its two back."""
    site = await StepSite.open(tmp_path, planned_buffer=6, floor=0)
    found = Winter(site)
    await ends(found, "gpu001", Outcome.CURRENT, VISIT)
    await ends(found, "gpu002", Outcome.CURRENT, VISIT)
    yield found
    await site.close()


async def ends(winter, host, outcome, visit=STOP, cause=None):
    """A host's work ends so, and its visit goes on."""
    operation = ids.operation(visit, host)
    known = {"cluster": CLUSTER, "pool": POOL, "host": host, "operation": operation, "visit": visit, "cause": cause}
    row = HostOutcome(**known, outcome=outcome, reason="so", at=datetime.now(UTC))
    await winter.store.release(CLUSTER, host, operation, row, datetime.now(UTC))


async def goes_to_repair(winter, works, host):
    work = next(w for w in works if w.host == host)
    return await ActivityEnvironment().run(HandingOver(winter.deps).hand_over, HandOver(work=work, reason="it is hot"))


async def test_a_round_does_not_wait_for_the_end_of_a_stop_whose_other_hosts_are_held(winter):
    await winter.begin(ramp_up=RAMP, steps=[{"domains": 1, "most_failures": 1}])
    await winter.plan()
    works = await winter.board()
    await ends(winter, "gpu003", Outcome.UPGRADED)
    await goes_to_repair(winter, works, "gpu002")
    await winter.waits_at_gate("gpu001")

    await winter.plan()

    assert ["returning", "handed_over", "done"] == await winter.states(*D1)
    assert {LARGE} == set(winter.engine.woken)
    assert "" == await winter.waits_at_gate("gpu001")


async def test_failures_count_before_the_stop_has_ended_and_a_person_is_asked_once(winter):
    await winter.begin(ramp_up=RAMP, steps=[{"domains": 2}])
    await winter.plan()
    works = await winter.board()
    await winter.ask(2, "d002")
    await goes_to_repair(winter, works, "gpu002")

    planned = await winter.plan()
    again = await winter.ask(2, "d002")

    assert (SECOND,) == planned.halts
    assert (False, ()) == (again.granted, again.hosts)
    assert "no-go: 1 of 6 hosts failed (gpu002)" in again.reason
    assert () == (await winter.store.facts(CLUSTER, datetime.now(UTC))).requests
    assert 1 == len([t for t in winter.site.pages.titles if "waits for a go" in t])


async def test_a_stop_that_is_granted_after_a_no_go_begins_on_no_host(winter):
    await winter.begin(ramp_up=RAMP, steps=[{"domains": 2}])
    await winter.plan()
    works = await winter.board()
    await goes_to_repair(winter, works, "gpu002")

    begun = await winter.grant_and_board(2, *D2)

    assert () == begun.works
    assert "no-go: 1 of 6 hosts failed (gpu002)" in begun.reason
    assert [] == [h for h in D2 if h in (await winter.store.facts(CLUSTER, datetime.now(UTC))).leases]


async def test_a_host_that_its_jobs_kept_is_counted_once_when_its_stop_ends(winter):
    await winter.begin()
    await winter.plan()
    await winter.board()
    await ends(winter, "gpu001", Outcome.GIVEN_BACK, cause=EndCause.JOBS)
    [stop] = (await winter.plan()).stops

    await winter.came_back(1, "gpu002", "gpu003")

    found = {h.host: h for h in await winter.store.emergency_hosts(LARGE)}
    assert SECOND == stop.stop
    assert ("asked", 1, SECOND) == (found["gpu001"].state, found["gpu001"].give_backs, found["gpu001"].stop)
    assert ["done", "done"] == [found[h].state for h in D1[1:]]


async def test_a_round_that_comes_back_to_its_gate_asks_once_more_and_a_go_for_it_is_needed(winter):
    await winter.begin(ramp_up=RAMP, steps=[{"domains": 1, "gate": "approval"}])
    await winter.plan()
    works = await winter.board()
    for host in D1:
        await winter.waits_at_gate(host)
    await winter.plan()
    await winter.say("approve")
    await winter.plan()
    await ends(winter, "gpu001", Outcome.UPGRADED)
    await goes_to_repair(winter, works, "gpu002")
    await ends(winter, "gpu003", Outcome.UPGRADED)

    planned = [await winter.plan() for _ in range(2)]

    assert [(), ()] == [p.stops for p in planned]
    assert "no-go: 1 of 3 hosts failed (gpu002)" in planned[1].reason
    assert ["Round 1 of", "Round 1.1 of"] == [t[: t.index(" winter")] for t in winter.site.pages.titles if "go" in t]
    with pytest.raises(ApplicationError, match=r"is at the gate of round 1\.1, and the go names round 1$"):
        await winter.say("approve", again=0)  # who answers the first page has not seen what failed since
    await winter.say("approve")
    await winter.settle()
    assert ["d002"] == [s.domain for s in (await winter.plan()).stops]


async def test_hosts_that_can_not_be_had_while_there_are_no_others_are_paged_as_such(winter):
    event = await winter.begin()
    large = await event.store.emergency(LARGE)
    waits = large.model_copy(update={"progress": LargeProgress(phase=LargePhase.UP, round=2, since=datetime.now(UTC))})

    page = asks_at_gate(waits, "2 hosts can't be had: gpu004 (down)")

    assert (f"{LARGE}/left/2", "waits for hosts that can't be had") == (page.key, page.title[-33:])
    assert "maintrain large abort winter" in page.body
    assert "approve" not in page.body


async def test_a_share_that_returns_is_one_of_all_domains_in_what_a_request_says_of_its_length(winter):
    await winter.begin(alone=True, ramp_up={"domains": "50%", "pause": "1h"}, steps=[{"domains": 3}])
    await winter.plan()
    await winter.ask(1, "gpu001")

    [request] = (await winter.store.facts(CLUSTER, datetime.now(UTC))).requests

    _, pool = await winter.deps.pool(CLUSTER, POOL)
    assert (pool.drain.deadline + pool.visit_budget).total_seconds() == request.expected_seconds


async def test_hosts_that_a_gate_holds_past_their_time_are_one_page_a_stop(winter):
    await winter.begin(ramp_up=RAMP, steps=[{"domains": 1, "gate": "approval"}])
    await winter.plan()
    await winter.board()

    late = await winter.store.facts(CLUSTER, datetime.now(UTC) + timedelta(hours=2))
    await Dispatching(winter.deps)._page(late, frozenset())

    assert ["Hosts of large/sim/winter are out longer than expected"] == winter.site.pages.titles


async def test_a_go_that_is_tried_again_does_not_pass_the_next_gate(winter):
    await winter.begin(ramp_up=RAMP, steps=[{"domains": 1, "gate": "approval"}])
    await winter.plan()
    await winter.board()
    for host in D1:
        await winter.waits_at_gate(host)
    await winter.plan()
    await winter.say("approve", key="go")
    await winter.plan()
    entries = await winter.store.audit_log(10, f"large {LARGE}")

    await winter.say("approve", key="go")

    assert entries == await winter.store.audit_log(10, f"large {LARGE}")
    assert "round 1" == entries[0].detail


async def test_a_maintenance_that_ends_for_want_of_time_tells_people_once(winter):
    soon = datetime.now(UTC) + timedelta(seconds=1)
    await winter.begin(until=soon)

    planned = [await winter.plan() for _ in range(2)]

    assert [("aborted", True)] * 2 == [(p.state, p.over) for p in planned]
    assert ["winter in sim (gpu-driver 550.3) ended before it was through"] == winter.site.pages.titles


@pytest.mark.parametrize(("of_the_first", "told"), [(Outcome.LEFT_OUT, ["left out 3 hosts"]), (Outcome.UPGRADED, [])])
async def test_a_maintenance_that_is_through_tells_people_once_of_hosts_that_it_left_out(winter, of_the_first, told):
    await winter.begin(steps=[{"domains": 2}])
    await winter.plan()
    await winter.board()
    await winter.board(2, "d002")
    await winter.came_back(1, *D1, outcome=of_the_first)
    await winter.came_back(2, *D2)

    planned = [await winter.plan() for _ in range(2)]

    assert [("done", True)] * 2 == [(p.state, p.over) for p in planned]
    assert [f"winter in sim (gpu-driver 550.3) has ended, and {what}" for what in told] == winter.site.pages.titles


async def test_an_abort_by_a_person_is_told_to_nobody(winter):
    await winter.begin()
    await winter.plan()
    await winter.say("abort")
    await winter.plan()

    assert [] == winter.site.pages.titles
