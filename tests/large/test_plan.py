"""What a large-scale maintenance does next: its rounds, their gates, and how capacity comes back."""

from datetime import timedelta

import pytest

from fleet.models.emergency import EmergencyHostState, EmergencyState
from fleet.models.large import LargePhase
from fleet.policy.emergency_plan import emergency_step
from fleet.policy.large_look import is_noticed, looks_again
from fleet.policy.large_plan import large_step
from tests.emergency.make import emergency
from tests.emergency.make import rows as emergency_rows
from tests.large.make import HOSTS, at, both, large, plan, rows
from tests.policy.make import NOW, NodeBase, ago, facts, host, lease, names, seen

ASKED, UNDER_WAY, DONE = EmergencyHostState.ASKED, EmergencyHostState.UNDER_WAY, EmergencyHostState.DONE
HELD, RETURNING, REPAIR = EmergencyHostState.HELD, EmergencyHostState.RETURNING, EmergencyHostState.HANDED_OVER
MEMBERS = [host(name) for name in names(HOSTS)]
RAMP = {"ramp_up": {"domains": 1, "pause": "10m"}}


def step_of(event, hosts, **known):
    return large_step(event, hosts, facts(hosts=MEMBERS, **known))


def domains(step):
    return [stop.domain for stop in step.stops]


def test_before_its_date_nothing_begins_and_trains_go_on_until_a_visit_would_reach_into_it():
    event = large(EmergencyState.ANNOUNCED, plan_=plan(at=NOW + timedelta(hours=3)))

    step = step_of(event, rows())

    assert ("announced", (), NOW + timedelta(hours=3) - timedelta(minutes=70)) == (step.state, step.stops, step.until)


def test_near_its_date_it_runs_so_that_trains_stand_aside_and_begins_at_the_date():
    event = large(EmergencyState.ANNOUNCED, plan_=plan(at=NOW + timedelta(hours=1)))

    step = step_of(event, rows())

    assert ("running", "clearing", ()) == (step.state, step.progress.phase, step.stops)
    assert NOW + timedelta(hours=1) == step.until


def test_the_first_round_takes_the_domains_of_the_first_step_and_no_more():
    step = step_of(large(EmergencyState.ANNOUNCED), rows())

    assert (1, {"gpu-train": ("d001",)}, ["d001"]) == (step.progress.round, step.progress.domains, domains(step))


def test_a_round_goes_on_with_what_it_has_and_begins_no_other_domain():
    step = step_of(large(progress=at()), rows(**both(UNDER_WAY)))

    assert ((), LargePhase.OUT) == (step.stops, step.progress.phase)
    assert "2 hosts under way, 0 asked for" in step.reason


def test_a_host_that_its_jobs_kept_is_tried_again_in_its_round():
    hosts = rows(**{**both(UNDER_WAY), "gpu002": {}})

    assert [("gpu002",)] == [stop.hosts for stop in step_of(large(progress=at()), hosts).stops]


def test_after_a_round_that_went_well_the_next_step_takes_more():
    step = step_of(large(progress=at()), rows(**both(DONE)))

    assert (2, ["d002", "d003"]) == (step.progress.round, domains(step))


def test_the_last_step_repeats_and_shares_are_of_all_its_domains():
    done = {**both(DONE), **both(DONE, 2, 2), **both(DONE, 3, 3)}

    step = step_of(large(progress=at(number=2, domains=("d002", "d003"), first_stop=2)), rows(**done))

    assert (3, ["d004", "d005", "d006", "d007"]) == (step.progress.round, domains(step))


def test_a_round_is_held_as_long_as_its_step_says_before_its_gate():
    steps = [{"domains": 1, "hold": "30m"}]

    step = step_of(large(progress=at(), plan_=plan(steps=steps)), rows(**both(DONE)))

    assert (LargePhase.HOLDING, NOW + timedelta(minutes=30)) == (step.progress.phase, step.until)


FAILED = {**both(DONE), "gpu002": {"state": REPAIR, "stop": "large/c1/winter/1"}}


def test_more_failures_than_its_step_allows_are_a_no_go_until_a_person_says_go():
    step = step_of(large(progress=at()), rows(**FAILED))

    assert (LargePhase.GATE, ()) == (step.progress.phase, step.stops)
    assert "no-go: 1 of 2 hosts failed (gpu002), more than the 0 of its step; a person decides" == step.asks
    approved = step_of(large(progress=at(LargePhase.GATE, approved_by="ann", asked=("gpu002",))), rows(**FAILED))
    assert (2, "") == (approved.progress.round, approved.progress.approved_by)


def test_failures_within_the_steps_number_go_on_by_themselves():
    steps = [{"domains": 1, "most_failures": 1}]

    assert 2 == step_of(large(progress=at(), plan_=plan(steps=steps)), rows(**FAILED)).progress.round


def test_once_too_many_have_failed_nothing_more_of_the_round_begins():
    hosts = rows(**{**FAILED, "gpu001": {}})

    step = step_of(large(progress=at()), hosts)

    assert (LargePhase.GATE, ()) == (step.progress.phase, step.stops)


def test_a_gate_that_a_person_says_go_at_asks_and_waits():
    steps = [{"domains": 1, "gate": "approval"}]

    step = step_of(large(progress=at(), plan_=plan(steps=steps)), rows(**both(DONE)))

    assert (LargePhase.GATE, (), None) == (step.progress.phase, step.stops, step.until)
    assert "0 of 2 hosts failed; a person is to say go" == step.asks


def test_a_host_that_goes_down_after_its_return_counts_at_the_gate():
    step = step_of(large(progress=at()), rows(**both(DONE)), nodes={"gpu001": seen("gpu001", base=NodeBase.DOWN)})

    assert "no-go: 1 of 2 hosts failed (gpu001)" in step.asks


@pytest.mark.parametrize("known", [{"looked": ago(minutes=5)}, {"observation": None}])
def test_a_gate_does_not_pass_what_it_does_not_know(known):
    step = step_of(large(progress=at(LargePhase.GATE)), rows(**both(DONE)), **known)

    assert (LargePhase.GATE, (), "") == (step.progress.phase, step.stops, step.asks)
    assert "waits for a look at" in step.reason


def test_held_hosts_return_in_batches_with_a_pause_between():
    event, its = large(plan_=plan(**RAMP)), at(LargePhase.GATE, 2, ("d001", "d002"))
    held = {**both(HELD), **both(HELD, 2, 2)}

    first = step_of(event.model_copy(update={"progress": its}), rows(**held))
    on_the_way = step_of(event.model_copy(update={"progress": first.progress}), rows(**{**held, **both(RETURNING)}))
    paused = step_of(event.model_copy(update={"progress": first.progress}), rows(**{**held, **both(DONE)}))

    assert (("gpu001", "gpu002"), LargePhase.UP) == (first.released, first.progress.phase)
    assert () == on_the_way.released
    assert ((), NOW + timedelta(minutes=10)) == (paused.released, paused.until)


def test_the_next_round_begins_when_the_last_held_host_is_back():
    event = large(plan_=plan(**RAMP), progress=at(LargePhase.UP, released_at=ago(minutes=20)))

    assert (2, LargePhase.OUT) == ((step := step_of(event, rows(**both(DONE))).progress).round, step.phase)


@pytest.mark.parametrize("state", [EmergencyState.STOPPED, EmergencyState.ABORTED, EmergencyState.ENDED])
def test_a_stopped_or_aborted_one_begins_nothing_and_halts_its_stops(state):
    step = step_of(large(state, progress=at()), rows(**both(UNDER_WAY)))

    assert ((), ("large/c1/winter/1",), False) == (step.stops, step.halts, step.over)


def test_an_aborted_one_is_over_when_its_last_host_is_back():
    assert step_of(large(EmergencyState.ABORTED, progress=at()), rows(**both(DONE))).over


def test_a_round_that_would_not_be_over_in_time_does_not_begin_and_the_rest_stays_as_it_is():
    event = large(plan_=plan(until=NOW + timedelta(minutes=60)), progress=at())

    step = step_of(event, rows(**both(DONE)))

    assert (EmergencyState.ABORTED, (), True) == (step.state, step.stops, step.over)
    assert "aborted: round 2 needs 1h10m" in step.reason
    assert "14 hosts were not taken" in step.reason


def test_it_is_done_when_nothing_is_left_without_a_gate_that_has_nothing_to_let_through():
    everyone = {name: {"state": DONE, "stop": "large/c1/winter/1"} for name in names(HOSTS)}

    step = step_of(large(progress=at(), plan_=plan(steps=[{"domains": 8, "gate": "approval"}])), rows(**everyone))

    assert (EmergencyState.DONE, True) == (step.state, step.over)
    assert "16 of 16 hosts done" in step.reason


def test_its_own_stops_never_give_way_to_it():
    leases = [lease("gpu001", "large/c1/winter/1"), lease("gpu003", "visit/c1/gpu-train/1/d002/1")]
    hosts = rows(**{"gpu001": both(UNDER_WAY)["gpu001"], "gpu002": {**both(ASKED)["gpu002"]}})

    step = step_of(large(progress=at()), hosts, leases=leases)

    assert "large/c1/winter/1" not in step.yields


def test_it_gives_way_to_an_emergency():
    stop = "large/c1/winter/1"
    leases = [lease(name, stop) for name in names(2)]
    hosts = [r for r in emergency_rows() if r.domain == "d001"]

    assert [stop] == list(emergency_step(emergency(), hosts, facts(leases=leases)).yields)


@pytest.mark.parametrize("state", [EmergencyState.ANNOUNCED, EmergencyState.RUNNING, EmergencyState.STOPPED])
def test_jobs_that_nobody_told_in_its_notice_are_told_as_it_begins(state):
    """No worker ran meanwhile, or a person had stopped it."""
    event = large(state, notice="2h")
    step = step_of(event, rows())
    begun = event.model_copy(update={"state": step.state, "progress": step.progress})

    assert (state is not EmergencyState.STOPPED) == is_noticed(event, step, NOW)
    assert not is_noticed(begun, step_of(begun, rows()), NOW)


def test_jobs_are_told_from_its_notice_before_the_date_on():
    event = large(EmergencyState.ANNOUNCED, plan_=plan(at=NOW + timedelta(hours=3)), notice="2h")
    step = step_of(event, rows())

    assert not is_noticed(event, step, NOW)
    assert is_noticed(event, step, NOW + timedelta(hours=1))
    assert (timedelta(hours=1), timedelta(minutes=5)) == (
        looks_again(event, NOW),
        looks_again(event, NOW + timedelta(hours=1)),
    )
