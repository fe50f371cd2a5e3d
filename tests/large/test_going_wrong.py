"""What does not go by plan: bad looks, hosts that fail late, requests that are barred. No version spreads for it, and
no round waits for itself.
"""

from datetime import timedelta

import pytest

from fleet.models.emergency import EmergencyHostState, EmergencySpec, EmergencyState
from fleet.models.large import AfterAbort, LargePhase
from fleet.models.ledger import Counted, RequestClass
from fleet.models.messages import Command
from fleet.models.replicas import Replicas
from fleet.policy.large_checks import large_problems
from fleet.policy.large_gate import begins_no_more
from fleet.policy.large_plan import LOOKS_AGAIN, large_step
from fleet.policy.limits import limits
from tests.large.make import HOSTS, LARGE, SPEC, at, both, large, plan, rows
from tests.policy.make import NOW, NodeBase, ago, facts, host, lease, names, pool, request, seen

ASKED, UNDER_WAY, DONE = EmergencyHostState.ASKED, EmergencyHostState.UNDER_WAY, EmergencyHostState.DONE
HELD, RETURNING, REPAIR = EmergencyHostState.HELD, EmergencyHostState.RETURNING, EmergencyHostState.HANDED_OVER
MEMBERS = [host(name) for name in names(HOSTS)]
DOWN = {name: seen(name, base=NodeBase.DOWN) for name in names(HOSTS - 2, 3)}
RAMP = {"ramp_up": {"domains": 1, "pause": "10m"}}
TWO = {"domains": ("d001", "d002")}
ANN = Command(actor="ann", reason="so")
BY_A_PERSON = plan(steps=[{"domains": 1, "gate": "approval"}])


def step_of(event, its, **known):
    return large_step(event, its, facts(**{"hosts": MEMBERS, **known}))


@pytest.mark.parametrize("phase", [LargePhase.OUT, LargePhase.HOLDING, LargePhase.GATE])
def test_one_bad_look_at_the_others_ends_no_round_without_its_go(phase):
    step = step_of(large(progress=at(phase), plan_=BY_A_PERSON), rows(**both(DONE)), nodes=DOWN)

    assert (EmergencyState.RUNNING, LargePhase.GATE, {}) == (step.state, step.progress.phase, step.left_out)
    assert "0 of 2 hosts failed; a person is to say go" == step.asks


@pytest.mark.parametrize("progress", [at(LargePhase.UP), at(LargePhase.CLEARING, 0, ())])
def test_hosts_that_can_not_be_had_are_waited_for_and_after_a_while_a_person_is_told(progress):
    nodes = {name: seen(name, base=NodeBase.DOWN) for name in names(HOSTS)} if not progress.round else DOWN
    hosts = rows(**both(DONE)) if progress.round else rows()
    long = progress.model_copy(update={"since": ago(hours=1)})

    step, later = (step_of(large(progress=p), hosts, nodes=nodes) for p in (progress, long))

    assert (EmergencyState.RUNNING, NOW + LOOKS_AGAIN, "") == (step.state, step.until, step.asks)
    assert ({}, False, progress.phase) == (step.left_out, step.over, step.progress.phase)
    assert "hosts can't be had" in later.asks


def test_hosts_that_are_gone_for_good_do_not_keep_it_from_its_end():
    step = step_of(large(progress=at()), rows(**both(DONE)), hosts=MEMBERS[:2])

    assert (EmergencyState.DONE, HOSTS - 2) == (step.state, len(step.left_out))


def test_hosts_that_a_load_put_into_another_pool_do_not_keep_it_from_its_end():
    moved = [host(name, pool="gpu-train" if name in names(2) else "other") for name in names(HOSTS)]

    step = step_of(large(progress=at()), rows(**both(DONE)), hosts=moved, pools=[pool(), pool("other")])

    assert (EmergencyState.DONE, HOSTS - 2, ()) == (step.state, len(step.left_out), step.stops)


def test_a_host_in_repair_is_left_to_it_once_the_gate_of_its_domain_said_go():
    done = {name: {"state": DONE, "stop": f"{LARGE}/1"} for name in names(HOSTS)}
    leases = [lease("gpu002", "host/c1/gpu002", Counted.FAILED)]
    last = at(LargePhase.UP, 2, ("d008",))

    waits = step_of(large(progress=last), rows(**{**done, "gpu002": {}}), leases=leases)
    passed = last.model_copy(update={"passed": {"gpu-train": ("d001",)}})
    ends = step_of(large(progress=passed), rows(**{**done, "gpu002": {}}), leases=leases)

    assert EmergencyState.RUNNING is waits.state
    assert (EmergencyState.DONE, ["gpu002"]) == (ends.state, list(ends.left_out))
    assert {"gpu-train": ("d001", "d008")} == ends.progress.passed


FAILED = {"gpu001": {"state": REPAIR, "stop": f"{LARGE}/1"}, "gpu002": {"state": DONE, "stop": f"{LARGE}/1"}}


def test_after_a_no_go_a_stop_that_was_asked_for_is_halted_and_a_person_asked_at_once():
    event, hosts = large(progress=at(**TWO)), rows(**{**FAILED, **both(ASKED, 2, 2)})

    step = step_of(event, hosts)
    after = step_of(event.model_copy(update={"progress": step.progress}), rows(**FAILED))

    assert ((), (f"{LARGE}/2",), LargePhase.OUT) == (step.stops, step.halts, step.progress.phase)
    assert "no-go: 1 of 4 hosts failed (gpu001)" in step.asks
    assert ((), LargePhase.GATE) == (after.stops, after.progress.phase)
    assert "no-go: 1 of 4" in begins_no_more(event, hosts, facts(hosts=MEMBERS))


def test_a_host_that_its_repair_holds_counts_before_its_row_says_so():
    hosts = rows(**{**both(UNDER_WAY), **both(ASKED, 2, 2)})
    leases = [lease("gpu001", "host/c1/gpu001", Counted.FAILED)]

    step = step_of(large(progress=at(**TWO)), hosts, leases=leases)

    assert (f"{LARGE}/2",) == step.halts


def test_a_no_go_asks_nobody_where_it_keeps_nothing_from_beginning():
    done = {name: {"state": DONE, "stop": f"{LARGE}/1"} for name in names(HOSTS)}
    last = {**done, **FAILED, "gpu002": {"state": UNDER_WAY, "stop": f"{LARGE}/1"}}

    step = step_of(large(progress=at()), rows(**last))

    assert ("", ()) == (step.asks, step.halts)
    assert "nothing more of it begins: no-go" in step.reason


def test_what_may_begin_is_refused_to_no_stop():
    known = facts(hosts=MEMBERS)

    assert "" == begins_no_more(large(progress=at()), rows(**both(ASKED)), known)
    assert "" == begins_no_more(large(), rows(**both(ASKED)), known)


def barred(because, since=None, **known):
    """A look at a round of which a half is held, and the other half waits, since then as far as looks found it."""
    kept = request(f"{LARGE}/2", names(2, 3), RequestClass.LARGE, waits_because=because)
    event = large(progress=at(**TWO, barred_since=since), plan_=plan(**RAMP))
    return step_of(event, rows(**{**both(HELD), **both(ASKED, 2, 2)}), requests=[kept], **known)


def test_a_round_whose_held_hosts_bar_the_rest_goes_on_with_what_it_has():
    step = barred("pool gpu-train: replica group r1 has hosts out, 1 at once", ago(minutes=2))

    then = step_of(large(progress=step.progress, plan_=plan(**RAMP)), rows(**both(HELD)))
    back = step_of(large(progress=then.progress, plan_=plan(**RAMP)), rows(**both(DONE)))

    assert (f"{LARGE}/2",) == step.halts
    assert "replica group r1 has hosts out" in step.reason
    assert ((), ("gpu001", "gpu002")) == (then.stops, then.released)
    assert (2, ["d002", "d003"]) == (back.progress.round, [s.domain for s in back.stops])


def test_a_request_that_was_not_looked_at_yet_bars_nothing():
    assert () == barred("", ago(minutes=2)).halts


def test_what_the_next_look_may_tell_closes_no_round():
    first = barred("waits for the next look at gpu003, just released")
    well = barred("", ago(minutes=2))
    stale = barred("waits for a fresh look at the cluster", ago(minutes=9), looked=ago(minutes=5))

    assert ((), "", NOW) == (first.halts, first.progress.closed, first.progress.barred_since)
    assert ((), "", None) == (well.halts, well.progress.closed, well.progress.barred_since)
    assert ((), "") == (stale.halts, stale.progress.closed)


def test_hosts_that_fail_on_their_return_bring_the_round_back_to_its_gate():
    event = large(progress=at(LargePhase.UP, approved_by="ann"), plan_=plan(**RAMP))

    lost = step_of(event, rows(**FAILED))
    down = step_of(event, rows(**both(DONE)), nodes={"gpu001": seen("gpu001", base=NodeBase.DOWN)})
    between = step_of(event, rows(**{**FAILED, **both(HELD, 2, 2)}))

    for step in (lost, down, between):
        assert (LargePhase.GATE, "", 1, ()) == (
            step.progress.phase,
            step.progress.approved_by,
            step.progress.again,
            step.released,
        )
        assert "more than the 0 of its step; a person decides" in step.asks


def test_failures_that_a_person_said_go_with_do_not_ask_again():
    event = large(progress=at(LargePhase.GATE, approved_by="ann", asked=("gpu001",)), plan_=plan(**RAMP))

    up = step_of(event, rows(**{**FAILED, "gpu002": {"state": HELD, "stop": f"{LARGE}/1"}}))
    back = step_of(event.model_copy(update={"progress": up.progress}), rows(**FAILED))

    assert (("gpu002",), 2) == (up.released, back.progress.round)


def test_the_next_round_waits_for_a_look_at_the_hosts_that_came_back():
    event = large(progress=at(LargePhase.UP, approved_by="ann"), plan_=plan(**RAMP))

    step = step_of(event, rows(**both(DONE)), looked=ago(minutes=5))

    assert (1, NOW + LOOKS_AGAIN) == (step.progress.round, step.until)
    assert "waits for a look at" in step.reason


@pytest.mark.parametrize(("after", "state"), [("keep", EmergencyState.ABORTED), ("back", EmergencyState.ENDED)])
def test_want_of_time_leaves_what_an_abort_leaves(after, state):
    event = large(plan_=plan(until=NOW + timedelta(minutes=60), after_abort=AfterAbort(after)), progress=at())

    assert state is step_of(event, rows(**both(DONE))).state


@pytest.mark.parametrize(
    ("ramp", "at_once", "told"), [(True, 1, ["plan.steps"]), (True, 2, []), (False, 1, [])], ids=["held", "both", "no"]
)
def test_a_round_that_would_hold_one_replica_group_and_wait_for_another_is_refused(ramp, at_once, told):
    pools = [pool(planned_buffer=8, floor=8, replicas=Replicas(by="rack", at_once=at_once))]
    steps = {"at": NOW + timedelta(days=2), "steps": [{"domains": 2}], **(RAMP if ramp else {})}
    spec = EmergencySpec.model_validate({**SPEC, "plan": steps})
    members = [host(name, rack=f"r{index // 2}") for index, name in enumerate(names(HOSTS))]

    found = large_problems(spec, rows(), pools, {"gpu-train": limits(pools[0], HOSTS)}, None, NOW, members)

    assert told == [place for place, _ in found]
    assert all("hosts of at most 1 replica groups of pool gpu-train at once (or no ramp_up)" in w for _, w in found)
