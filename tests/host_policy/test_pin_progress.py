"""What a pin switch does next: forward one state after the other, and back from wherever it must."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.models.pin import OVER, UNSETTLED, PinHostState, PinSpec, PinState, PinSwitch
from fleet.models.pin_messages import PinAction, PinPhase
from fleet.policy.pin_check import PinCheck
from fleet.policy.pin_look import PinFacts, announced
from fleet.policy.pin_progress import progress
from tests.host_policy.build import NOW

WINDOW = timedelta(minutes=30)
SPEC = PinSpec(cluster="east", component="nccl", version="2.22", window=WINDOW, max_failed=1)
FITS = PinCheck(ok=True, reason="all fit")
MISFITS = PinCheck(ok=False, co_rollouts={"gpu-driver": "550.90"}, reason="2 do not fit")
H = PinHostState


def switch(state: PinState, **changes) -> PinSwitch:
    values = {
        "id": "pin/east/nccl/1",
        "number": 1,
        "spec": SPEC,
        "prior": "2.20",
        "state": state,
        "started_by": "ann",
        "why": "nccl 2.22 is out",
        "started_at": NOW,
        "changed_at": NOW,
    }
    if state in (PinState.MOVING, PinState.RESTORING, PinState.RELEASING, PinState.LATE):
        values["closed_at"] = NOW
    return PinSwitch(**{**values, **changes})


def step(  # noqa: PLR0913 - what a look may find
    state: PinState,
    *,
    after=timedelta(0),
    counts=None,
    check=FITS,
    stop="",
    granted=False,
    unprepared=0,
    joined=(),
    pins=None,
    **changes,
):
    return progress(
        PinFacts(
            switch=switch(state, **changes),
            now=NOW + after,
            check=check,
            counts=counts or {},
            stop=stop,
            granted=granted,
            unprepared=unprepared,
            joined=joined,
            pins=pins or {},
        )
    )


def told(found):
    return found.action, found.state


FORWARD = [
    (PinState.CHECKING, {}, (PinAction.AGAIN, PinState.PREPARING)),
    (PinState.PREPARING, {"counts": {H.TO_PREPARE: 2}}, (PinAction.RUN, PinState.PREPARING)),
    (PinState.PREPARING, {"counts": {H.PREPARED: 9, H.NOT_PREPARED: 1}}, (PinAction.AGAIN, PinState.ASKING)),
    (PinState.ASKING, {}, (PinAction.WAIT, PinState.ASKING)),
    (PinState.ASKING, {"approved_by": "bob"}, (PinAction.AGAIN, PinState.REQUESTING)),
    (PinState.ASKING, {"approved_by": "bob", "check": MISFITS}, (PinAction.AGAIN, PinState.CHECKING)),
    (PinState.REQUESTING, {}, (PinAction.WAIT, PinState.REQUESTING)),
    (PinState.REQUESTING, {"check": MISFITS}, (PinAction.AGAIN, PinState.CHECKING)),
    (PinState.REQUESTING, {"granted": True, "check": MISFITS}, (PinAction.AGAIN, PinState.CHECKING)),
    (PinState.REQUESTING, {"granted": True}, (PinAction.AGAIN, PinState.CLOSING)),
    (PinState.CLOSING, {}, (PinAction.CLOSE, PinState.CLOSING)),
    (PinState.CLOSING, {"closed_at": NOW}, (PinAction.CLEAR, PinState.CLOSING)),
    (PinState.MOVING, {"counts": {H.TO_MOVE: 1, H.MOVED: 9}}, (PinAction.RUN, PinState.MOVING)),
    (PinState.MOVING, {"counts": {H.MOVED: 9, H.CHECKED: 1}}, (PinAction.RUN, PinState.MOVING)),
    (PinState.MOVING, {"counts": {H.CHECKED: 9, H.FAILED: 1}}, (PinAction.COMMIT, PinState.MOVING)),
    (PinState.RELEASING, {"committed_at": NOW}, (PinAction.OPEN, PinState.RELEASING)),
    (
        PinState.RELEASING,
        {"committed_at": NOW, "opened_at": NOW, "counts": {H.CHECKED: 3}},
        (PinAction.RUN, PinState.RELEASING),
    ),
    (
        PinState.RELEASING,
        {"committed_at": NOW, "opened_at": NOW, "counts": {H.RETURNED: 3, H.LATE: 1}},
        (PinAction.AGAIN, PinState.LATE),
    ),
    (
        PinState.RELEASING,
        {"committed_at": NOW, "opened_at": NOW, "counts": {H.RETURNED: 3}},
        (PinAction.AGAIN, PinState.DONE),
    ),
    (PinState.LATE, {"committed_at": NOW, "counts": {H.LATE: 1}}, (PinAction.WAIT, PinState.LATE)),
    (PinState.LATE, {"committed_at": NOW, "counts": {H.CAUGHT_UP: 1}}, (PinAction.AGAIN, PinState.DONE)),
    (PinState.DONE, {}, (PinAction.END, PinState.DONE)),
]


@pytest.mark.parametrize(("state", "facts", "expected"), FORWARD)
def test_every_state_leads_to_the_next_when_its_time_has_come(state, facts, expected):
    assert expected == told(step(state, **facts))


def test_a_check_that_fails_waits_and_opens_its_co_rollout_once():
    first = step(PinState.CHECKING, check=MISFITS)
    assert (PinAction.WAIT, PinState.CHECKING) == told(first)
    assert first.co_rollout
    assert not step(PinState.CHECKING, check=MISFITS, co_rollouts=("gpu-driver/550.90",)).co_rollout


def test_an_approved_switch_waits_for_its_time():
    at = NOW + timedelta(hours=2)
    spec = SPEC.model_copy(update={"at": at})
    early = step(PinState.ASKING, approved_by="bob", spec=spec)
    assert PinAction.WAIT is early.action
    assert "approved by bob; begins at 2026-01-01 02:00:00Z" == early.reason
    assert PinState.REQUESTING is step(PinState.ASKING, approved_by="bob", spec=spec, after=timedelta(hours=2)).state


@pytest.mark.parametrize("state", [PinState.CHECKING, PinState.PREPARING, PinState.ASKING, PinState.REQUESTING])
def test_before_it_is_closed_a_persons_word_calls_it_off(state):
    found = step(state, aborted="aborted by bob: not tonight")
    assert (PinAction.AGAIN, PinState.CALLED_OFF) == told(found)
    assert "aborted by bob: not tonight" == found.reason


def test_a_switch_that_most_hosts_can_not_prepare_is_called_off():
    found = step(PinState.PREPARING, counts={H.PREPARED: 8, H.NOT_PREPARED: 2})
    assert PinState.CALLED_OFF is found.state
    assert "it could not be prepared: 2 of 10 hosts can't follow, 1 may be left behind" == found.reason


BACK = [
    ({"aborted": "aborted by bob: pulled"}, "aborted by bob: pulled"),
    ({"stop": "stop of everything by eve"}, "a stop came into force: stop of everything by eve"),
    ({"counts": {H.CHECKED: 8, H.FAILED: 2}}, "2 of 10 hosts can't follow, 1 may be left behind"),
    ({"after": WINDOW}, "its window of 30m is over"),
]


@pytest.mark.parametrize(("facts", "why"), BACK)
@pytest.mark.parametrize("state", [PinState.CLOSING, PinState.MOVING])
def test_once_it_is_closed_it_goes_back_and_says_why(state, facts, why):
    found = step(state, closed_at=NOW, **{"counts": {H.TO_MOVE: 5}, **facts})
    assert (PinState.RESTORING, why, True) == (found.state, found.reason, found.breaks_off)


def test_a_switch_that_nobody_could_follow_goes_back():
    assert PinState.RESTORING is step(PinState.MOVING, counts={H.FAILED: 1}).state


@pytest.mark.parametrize("state", [H.TO_MOVE, H.MOVED, H.CHECKED])
def test_on_the_way_back_every_host_is_restored_then_verified_then_released(state):
    facts = {"aborted": "aborted by bob: pulled", "after": 3 * WINDOW, "stop": "stop of everything"}
    assert PinPhase.BACK is step(PinState.RESTORING, counts={state: 1, H.BACK: 1}, **facts).phase
    assert PinPhase.VERIFY_BACK is step(PinState.RESTORING, counts={H.BACK: 1, H.RESTORED: 1}, **facts).phase
    assert PinState.RELEASING is step(PinState.RESTORING, counts={H.RESTORED: 2, H.FAILED: 9}, **facts).state
    opened = {"opened_at": NOW, **facts}
    assert PinPhase.RELEASE is step(PinState.RELEASING, counts={H.RESTORED: 2}, **opened).phase
    assert PinState.WENT_BACK is step(PinState.RELEASING, counts={H.RETURNED: 2, H.FAILED: 1}, **opened).state


def test_a_switch_that_went_back_is_late_too_while_a_host_may_come_back_with_the_new_pin():
    opened = {"aborted": "aborted by bob: pulled", "opened_at": NOW}
    assert PinState.LATE is step(PinState.RELEASING, counts={H.RETURNED: 2, H.LATE: 1}, **opened).state
    waits = step(PinState.LATE, counts={H.RETURNED: 2, H.LATE: 1}, **opened)
    assert (PinAction.WAIT, PinState.LATE) == told(waits)
    assert "1 hosts that no drain of ours holds stay closed to jobs until they carry nccl 2.20" == waits.reason
    over = step(PinState.LATE, counts={H.RETURNED: 2, H.CAUGHT_UP: 1, H.FAILED: 1}, **opened)
    assert (PinAction.AGAIN, PinState.WENT_BACK) == told(over)
    assert over.reason.startswith("every host in production carries nccl 2.20 again; 1 hosts that could not follow")


@pytest.mark.parametrize("state", [PinState.CLOSING, PinState.MOVING])
def test_a_host_that_joins_in_the_window_sends_it_back_at_once(state):
    back = step(state, counts={H.TO_MOVE: 3}, closed_at=NOW, joined=("gpu009",))
    assert (PinAction.AGAIN, PinState.RESTORING, True) == (*told(back), back.breaks_off)
    assert "gpu009 got into production with the old pin meanwhile" == back.reason


def test_what_a_later_switch_put_in_force_is_what_late_hosts_wait_for():
    opened = {"committed_at": NOW, "opened_at": NOW, "counts": {H.RETURNED: 2, H.LATE: 1}}
    waits = step(PinState.LATE, pins={"nccl": "2.23", "cuda": "12.6"}, **opened)
    assert waits.reason.endswith("stay closed to jobs until they carry nccl 2.23, cuda 12.6")
    over = step(PinState.LATE, pins={"nccl": "2.23"}, **{**opened, "counts": {H.RETURNED: 3}})
    assert "every host in production carries the pins in force, which a later switch moved on" == over.reason


@pytest.mark.parametrize("state", [PinState.ASKING, PinState.REQUESTING])
def test_hosts_that_came_up_since_the_others_were_prepared_are_prepared_too(state):
    found = step(state, unprepared=2, counts={H.PREPARED: 9}, approved_by="bob")
    assert (PinAction.RUN, state, PinPhase.PREPARE, True) == (*told(found), found.phase, found.prepares_more)
    goes_on = step(state, counts={H.PREPARED: 9, H.TO_PREPARE: 2}, approved_by="bob")
    assert (PinPhase.PREPARE, False) == (goes_on.phase, goes_on.prepares_more)
    unfit = step(state, counts={H.PREPARED: 9, H.NOT_PREPARED: 2}, approved_by="bob")
    assert "it could not be prepared: 2 of 11 hosts can't follow, 1 may be left behind" == unfit.reason


def test_a_lease_that_is_there_waits_for_no_more_hosts_to_be_prepared():
    assert PinState.CLOSING is step(PinState.REQUESTING, unprepared=2, granted=True).state


COUNTS = st.dictionaries(st.sampled_from(list(PinHostState)), st.integers(0, 5))
FACTS = st.fixed_dictionaries(
    {
        "counts": COUNTS,
        "check": st.sampled_from([FITS, MISFITS]),
        "after": st.sampled_from([timedelta(0), WINDOW / 2, WINDOW, 3 * WINDOW]),
        "stop": st.sampled_from(["", "stop of everything"]),
        "granted": st.booleans(),
        "unprepared": st.integers(0, 2),
        "aborted": st.sampled_from(["", "aborted by bob: pulled"]),
        "approved_by": st.sampled_from(["", "bob"]),
        "closed_at": st.sampled_from([None, NOW]),
        "committed_at": st.sampled_from([None, NOW]),
        "opened_at": st.sampled_from([None, NOW]),
    }
)
SUCCESSORS = {
    PinState.CHECKING: {PinState.PREPARING, PinState.CALLED_OFF},
    PinState.PREPARING: {PinState.ASKING, PinState.CALLED_OFF},
    PinState.ASKING: {PinState.CHECKING, PinState.REQUESTING, PinState.CALLED_OFF},
    PinState.REQUESTING: {PinState.CHECKING, PinState.CLOSING, PinState.CALLED_OFF},
    PinState.CLOSING: {PinState.RESTORING},
    PinState.MOVING: {PinState.RESTORING},
    PinState.RESTORING: {PinState.RELEASING},
    PinState.RELEASING: {PinState.LATE, PinState.DONE, PinState.WENT_BACK},
    PinState.LATE: {PinState.DONE, PinState.WENT_BACK},
}


@given(st.sampled_from(list(PinState)), FACTS)
def test_it_never_leaves_its_path_never_commits_unchecked_and_always_says_why(state, facts):
    before = switch(
        state, **{k: facts[k] for k in ("aborted", "approved_by", "closed_at", "committed_at", "opened_at")}
    )
    found = step(state, **facts)
    assert found.reason or before.over or state in (PinState.RESTORING, PinState.RELEASING)
    assert found.state is state or found.state in SUCCESSORS.get(state, set())
    assert (found.action is PinAction.END) == (state in OVER)
    counts = {k: v for k, v in facts["counts"].items() if v}
    if found.action is PinAction.COMMIT:
        assert state is PinState.MOVING
        assert not {H.TO_MOVE, H.MOVED, H.BACK} & counts.keys() - {H.BACK}
        assert not facts["aborted"]
        assert not facts["stop"]
    if state not in UNSETTLED:
        assert found.phase not in (PinPhase.MOVE, PinPhase.BACK)
    if state is PinState.CHECKING and found.state is PinState.PREPARING:
        assert facts["check"].ok
    if found.state is PinState.REQUESTING and state is PinState.ASKING:
        assert facts["approved_by"]


@pytest.mark.parametrize(
    ("state", "after", "approved_by", "expected"),
    [
        (PinState.ASKING, timedelta(minutes=49), "bob", False),
        (PinState.ASKING, timedelta(minutes=50), "bob", True),
        (PinState.ASKING, timedelta(minutes=50), "", False),
        (PinState.REQUESTING, timedelta(0), "bob", True),
        (PinState.MOVING, timedelta(minutes=55), "bob", False),
    ],
)
def test_jobs_are_told_as_long_before_it_as_the_pools_say(state, after, approved_by, expected):
    spec = SPEC.model_copy(update={"at": NOW + timedelta(hours=1)})
    found = switch(state, spec=spec, approved_by=approved_by)
    assert expected == announced(PinFacts(switch=found, now=NOW + after, notice=timedelta(minutes=10)))


def test_a_switch_with_a_date_is_looked_at_when_its_jobs_are_to_be_told():
    spec = SPEC.model_copy(update={"at": NOW + timedelta(hours=1)})
    facts = {"notice": timedelta(minutes=10), "looks_every": timedelta(hours=9), "check": FITS}
    waits = PinFacts(switch=switch(PinState.ASKING, spec=spec, approved_by="bob"), now=NOW, **facts)
    assert NOW + timedelta(minutes=50) == progress(waits).until


@pytest.mark.parametrize(("after", "looks_in"), [(0, 5), (28, 2)])
def test_a_phase_on_the_way_there_is_looked_at_though_nobody_wakes_it(after, looks_in):
    now = timedelta(minutes=after)
    for counts in ({H.TO_MOVE: 5}, {H.MOVED: 5}):
        assert NOW + now + timedelta(minutes=looks_in) == step(PinState.MOVING, counts=counts, after=now).until
    assert NOW + timedelta(minutes=5) == step(PinState.PREPARING, counts={H.TO_PREPARE: 5}).until
    assert None is step(PinState.RESTORING, counts={H.TO_MOVE: 5}).until


def test_a_row_that_an_earlier_release_wrote_is_read():
    found = switch(PinState.MOVING)
    assert found == PinSwitch.model_validate({**found.model_dump(), "closing": ["pin_nccl_1"]})
