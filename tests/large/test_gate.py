"""What a gate knows and what it does not: hosts that nobody can tell of, and failures since a person was asked."""

import pytest

from fleet import ids
from fleet.errors import Refused
from fleet.models.emergency import EmergencyHostState
from fleet.models.large import LargePhase
from fleet.models.messages import Command
from fleet.models.observation import ObservedHost
from fleet.policy.emergency_orders import EmergencyVerb, Gate, emergency_order
from fleet.policy.large_plan import LOOKS_AGAIN, large_step
from tests.large.make import HOSTS, LARGE, at, both, large, plan, rows
from tests.policy.make import NOW, NodeBase, ago, facts, host, names, seen

UNDER_WAY, DONE = EmergencyHostState.UNDER_WAY, EmergencyHostState.DONE
HELD, REPAIR = EmergencyHostState.HELD, EmergencyHostState.HANDED_OVER
MEMBERS = [host(name) for name in names(HOSTS)]
RAMP = {"ramp_up": {"domains": 1, "pause": "10m"}}
TWO = {"domains": ("d001", "d002")}
ANN = Command(actor="ann", reason="so")
BY_A_PERSON = plan(steps=[{"domains": 1, "gate": "approval"}])
FAILED = {"gpu001": {"state": REPAIR, "stop": f"{LARGE}/1"}, "gpu002": {"state": DONE, "stop": f"{LARGE}/1"}}


def step_of(event, its, **known):
    return large_step(event, its, facts(**{"hosts": MEMBERS, **known}))


UNTOLD = {
    "does not list it": ObservedHost(host="gpu001", node=None),
    "shows it as error": seen("gpu001", base=NodeBase.ERROR),
    "orphan": seen("gpu001", draining=True, reason=ids.drain_reason(ids.PLANNED, "visit/x#gpu001")),
}


@pytest.mark.parametrize("why", UNTOLD)
@pytest.mark.parametrize("phase", [LargePhase.OUT, LargePhase.UP])
def test_a_host_that_came_back_and_that_nobody_can_tell_of_is_no_go_and_after_a_while_a_person_is_asked(phase, why):
    known = {"nodes": {"gpu001": UNTOLD[why]}}

    step = step_of(large(progress=at(phase)), rows(**both(DONE)), **known)
    later = step.progress.model_copy(update={"untold_since": ago(hours=1)})
    asks = step_of(large(progress=later), rows(**both(DONE)), **known)

    assert (1, (), NOW + LOOKS_AGAIN, "") == (step.progress.round, step.stops, step.until, step.asks)
    assert why in step.reason
    assert (LargePhase.GATE, 1) == (asks.progress.phase, asks.progress.round)
    assert "gpu001 can't be told" in asks.asks


def test_a_person_says_go_with_a_host_that_nobody_can_tell_of_and_without_it():
    known = {"nodes": {"gpu001": UNTOLD["orphan"]}}
    held = {**both(DONE), "gpu002": {"state": HELD, "stop": f"{LARGE}/1"}}
    event = large(progress=at(LargePhase.GATE, approved_by="ann", doubted=("gpu001",)), plan_=plan(**RAMP))

    up = step_of(event, rows(**held), **known)
    on = step_of(event.model_copy(update={"progress": up.progress}), rows(**both(DONE)), **known)
    other = step_of(event.model_copy(update={"progress": at(LargePhase.UP, approved_by="ann")}), rows(**held), **known)

    assert (("gpu002",), 2) == (up.released, on.progress.round)
    assert ((), 1) == (other.released, other.progress.round)


def test_a_go_does_not_pass_what_failed_since_a_person_was_asked():
    event = large(progress=at(), plan_=BY_A_PERSON)
    asked = step_of(event, rows(**both(DONE)))
    said = event.model_copy(update={"progress": asked.progress.model_copy(update={"approved_by": "ann"})})

    again = step_of(said, rows(**FAILED))
    well = step_of(said, rows(**both(DONE)))

    assert (LargePhase.GATE, 1, "", ()) == (
        again.progress.phase,
        again.progress.again,
        again.progress.approved_by,
        again.stops,
    )
    assert "no-go: 1 of 2 hosts failed (gpu001)" in again.asks
    assert 2 == well.progress.round
    with pytest.raises(Refused, match=r"is at the gate of round 1\.1, and the go names round 1$"):
        go(event.model_copy(update={"progress": again.progress}), 1)
    passed = again.progress.model_copy(update={"approved_by": "ann"})
    assert 2 == step_of(event.model_copy(update={"progress": passed}), rows(**FAILED)).progress.round


def test_what_failed_while_the_rest_of_a_round_ended_is_told_anew_at_its_gate():
    event, both_failed = large(progress=at(**TWO)), {name: {**FAILED["gpu001"]} for name in names(2)}
    early = step_of(event, rows(**{**FAILED, "gpu002": {"state": UNDER_WAY, "stop": f"{LARGE}/1"}}))

    step = step_of(event.model_copy(update={"progress": early.progress}), rows(**both_failed))

    assert "no-go: 1 of 2 hosts failed (gpu001)" in early.asks
    assert ("1.1", LargePhase.GATE) == (step.progress.occasion, step.progress.phase)
    assert "no-go: 2 of 2 hosts failed" in step.asks


def go(event, *gate):
    return emergency_order(ANN, EmergencyVerb.APPROVE, NOW, Gate(*gate))(event, ()).emergency.progress.approved_by


@pytest.mark.parametrize("gate", [(0,), (1,), (3,), (2, 1)])
def test_a_go_for_another_round_is_refused(gate):
    event = large(progress=at(LargePhase.GATE, 2))

    with pytest.raises(Refused, match="is at the gate of round 2, and"):
        go(event, *gate)
    assert "ann" == go(event, 2)


def test_a_go_that_was_said_before_hosts_failed_on_their_return_does_not_pass_the_gate_once_more():
    event = large(progress=at(LargePhase.GATE, 2, again=1))

    with pytest.raises(Refused, match=r"is at the gate of round 2\.1, and the go names round 2$"):
        go(event, 2)
    assert "ann" == go(event, 2, 1)


def test_a_host_that_goes_down_and_comes_up_again_and_again_is_told_once():
    event, down = large(progress=at(), plan_=BY_A_PERSON), {"nodes": {"gpu001": seen("gpu001", base=NodeBase.DOWN)}}

    for known in (down, {}, down, {}, down):
        event = event.model_copy(update={"progress": step_of(event, rows(**both(DONE)), **known).progress})

    assert ("1", LargePhase.GATE) == (event.progress.occasion, event.progress.phase)


DOWN = {name: {"nodes": {name: seen(name, base=NodeBase.DOWN)}} for name in names(2)}


def test_hosts_that_go_down_by_turns_are_told_once_each_so_that_a_go_can_be_given():
    event = large(progress=at(), plan_=BY_A_PERSON)

    for known in (DOWN["gpu001"], DOWN["gpu002"], DOWN["gpu001"], DOWN["gpu002"]):
        event = event.model_copy(update={"progress": step_of(event, rows(**both(DONE)), **known).progress})

    assert ("1.1", LargePhase.GATE) == (event.progress.occasion, event.progress.phase)


def test_hosts_that_fail_one_by_one_after_the_page_are_told_of_before_a_go_is_with_both():
    """Each alone is no more than the step allows, so that no page tells of it."""
    event = large(progress=at(), plan_=plan(steps=[{"domains": 1, "gate": "approval", "most_failures": 1}]))
    together = {"nodes": {**DOWN["gpu001"]["nodes"], **DOWN["gpu002"]["nodes"]}}

    for known in ({}, DOWN["gpu001"], DOWN["gpu002"]):
        event = event.model_copy(update={"progress": step_of(event, rows(**both(DONE)), **known).progress})
    said = event.model_copy(update={"progress": event.progress.model_copy(update={"approved_by": "ann"})})
    both_down = step_of(said, rows(**both(DONE)), **together)

    assert ("1", LargePhase.GATE) == (event.progress.occasion, event.progress.phase)
    assert ("1.1", LargePhase.GATE) == (both_down.progress.occasion, both_down.progress.phase)
    assert "no-go: 2 of 2 hosts failed" in both_down.asks


def test_a_go_is_not_with_a_host_that_failed_alone_when_it_was_said_and_that_its_page_did_not_name():
    steps = [{"domains": 1, "gate": "approval", "most_failures": 1}]
    event, hosts = large(progress=at(), plan_=plan(steps=steps, **RAMP)), rows(**{**both(DONE), **both(HELD, 2)})
    together = {"nodes": {**DOWN["gpu001"]["nodes"], **DOWN["gpu002"]["nodes"]}}

    asked = step_of(event, hosts, **DOWN["gpu001"])
    said = event.model_copy(update={"progress": asked.progress.model_copy(update={"approved_by": "ann"})})
    up = step_of(said, hosts, **DOWN["gpu002"])
    both_down = step_of(event.model_copy(update={"progress": up.progress}), hosts, **together)

    assert ("1 of 2 hosts failed (gpu001); a person is to say go", LargePhase.UP) == (asked.asks, up.progress.phase)
    assert ("1.1", LargePhase.GATE) == (both_down.progress.occasion, both_down.progress.phase)


def test_a_host_that_a_person_said_go_with_and_that_fails_by_turns_with_another_asks_no_more():
    hosts = rows(**{**both(DONE), **both(HELD, 2)})
    known = {"domains": ("d001", "d002"), "released_at": NOW}
    event = large(progress=at(LargePhase.UP, approved_by="ann", accepted=("gpu001",), **known), plan_=plan(**RAMP))

    for failing in ("gpu002", "gpu002", "gpu001", "gpu002"):
        after = step_of(event, hosts, **DOWN[failing]).progress
        go = {"approved_by": "ann"} if after.phase is LargePhase.GATE else {}
        event = event.model_copy(update={"progress": after.model_copy(update=go)})

    assert ("1.1", LargePhase.UP) == (event.progress.occasion, event.progress.phase)


def test_a_go_is_not_with_hosts_that_nobody_can_tell_of_since_a_person_was_asked():
    event, unsure = large(progress=at(), plan_=BY_A_PERSON), {"nodes": {"gpu001": UNTOLD["orphan"]}}
    asked = step_of(event, rows(**both(DONE)))
    said = event.model_copy(update={"progress": asked.progress.model_copy(update={"approved_by": "ann"})})

    waits = step_of(said, rows(**both(DONE)), **unsure)
    on = event.model_copy(update={"progress": waits.progress})
    failed, well = step_of(on, rows(**both(DONE)), **DOWN["gpu001"]), step_of(on, rows(**both(DONE)))

    assert (1, (), LargePhase.UP, NOW + LOOKS_AGAIN) == (
        waits.progress.round,
        waits.stops,
        waits.progress.phase,
        waits.until,
    )
    assert ("1.1", LargePhase.GATE) == (failed.progress.occasion, failed.progress.phase)
    assert 2 == well.progress.round


def test_a_go_that_was_said_unasked_while_a_look_was_waited_for_does_not_pass_what_it_shows():
    event = large(progress=at())
    waits = step_of(event, rows(**both(DONE)), looked=ago(minutes=5))
    said = event.model_copy(update={"progress": waits.progress.model_copy(update={"approved_by": "ann"})})

    failed, well = step_of(said, rows(**both(DONE)), **DOWN["gpu001"]), step_of(said, rows(**both(DONE)))

    assert ("", LargePhase.GATE) == (waits.asks, waits.progress.phase)
    assert ("1.1", LargePhase.GATE, "") == (
        failed.progress.occasion,
        failed.progress.phase,
        failed.progress.approved_by,
    )
    assert "no-go: 1 of 2 hosts failed (gpu001)" in failed.asks
    assert 2 == well.progress.round


def test_what_a_person_was_told_of_as_unsure_is_gone_with_until_it_turns_out_to_have_failed():
    event, unsure = large(progress=at(), plan_=plan(steps=BY_A_PERSON["steps"], **RAMP)), UNTOLD["orphan"]
    hosts = rows(**{**both(DONE), "gpu002": {"state": HELD, "stop": f"{LARGE}/1"}})
    asked = step_of(event, hosts, nodes={"gpu001": unsure})
    said = event.model_copy(update={"progress": asked.progress.model_copy(update={"approved_by": "ann"})})

    up = step_of(said, hosts, nodes={"gpu001": unsure})
    failed = step_of(event.model_copy(update={"progress": up.progress}), hosts, **DOWN["gpu001"])

    assert "gpu001 can't be told" in asked.asks
    assert (("gpu002",), "1.1") == (up.released, failed.progress.occasion)


@pytest.mark.parametrize("phase", [LargePhase.GATE, LargePhase.UP])
def test_one_bad_look_long_after_its_go_or_its_last_batch_asks_nobody(phase):
    hosts = rows(**{**both(DONE), **both(HELD, 2)})
    long_ago = {"since": ago(hours=2), "released_at": ago(hours=1), "domains": ("d001", "d002")}
    event = large(progress=at(phase, **long_ago), plan_=plan(ramp_up={"domains": 1, "pause": "2h"}))

    step = step_of(event, hosts, nodes={"gpu001": UNTOLD["orphan"]})
    then = step.progress.model_copy(update={"untold_since": ago(minutes=31)})
    asks = step_of(event.model_copy(update={"progress": then}), hosts, nodes={"gpu001": UNTOLD["orphan"]})
    well = step_of(event.model_copy(update={"progress": then}), hosts)

    assert ("", phase) == (step.asks, step.progress.phase)
    assert NOW == step.progress.untold_since
    assert "gpu001 can't be told" in asks.asks
    assert ("", None) == (well.asks, well.progress.untold_since)
