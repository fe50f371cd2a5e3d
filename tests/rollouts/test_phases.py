"""The gate of a phase: nothing opens before its predecessor has passed, soaked and been approved where it must be."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from fleet.models.phases import GateAction, PhaseCount, PhaseFacts
from fleet.models.rollouts import RolloutState
from fleet.policy.phases import gate, needed, too_many
from tests.host_policy.build import NOW
from tests.rollouts.make import rollout, spec

HOUR = timedelta(hours=1)


def count(hosts=4, successes=0, failures=0, **changes):
    values = {"hosts": hosts, "carrying": successes, "successes": successes, "failures": failures}
    return PhaseCount(**{**values, **changes})


def facts(of, *counts, at=0.0, **changes):
    every = (*counts, *(count() for _ in range(3 - len(counts))))
    return PhaseFacts(rollout=of, now=NOW + at * HOUR, counts=every, **changes)


def test_the_first_phase_opens_at_once():
    found = gate(facts(rollout()))

    assert (GateAction.OPEN_NEXT, 0) == (found.action, found.phase)


def test_it_holds_until_there_are_enough_successes_and_they_have_soaked():
    open_ = rollout(phase=0)
    some = gate(facts(open_, count(successes=2)))
    enough = gate(facts(open_, count(successes=3, enough_at=NOW), at=0.5))
    soaked = gate(facts(open_, count(successes=3, enough_at=NOW), at=1))

    assert (GateAction.HOLD, "canary: 2 of 3 successes") == (some.action, some.reason)
    assert (GateAction.HOLD, "canary: 3 of 3 successes, soaks until 2026-01-01 01:00:00+00:00") == (
        enough.action,
        enough.reason,
    )
    assert NOW + HOUR == enough.until
    assert (GateAction.OPEN_NEXT, 1) == (soaked.action, soaked.phase)


def test_too_many_failures_hold_a_phase_and_pause_the_last():
    early = gate(facts(rollout(phase=0), count(hosts=5, successes=3, failures=2, enough_at=NOW), at=9))
    last = gate(facts(rollout(phase=2), count(), count(), count(hosts=40, successes=8, failures=2)))

    assert (GateAction.HOLD, True) == (early.action, early.too_many)
    assert "canary: 2 of 5 hosts failed with it, more than 10% may" == early.reason
    assert (GateAction.PAUSE, True) == (last.action, last.too_many)


def test_one_failure_alone_proves_no_rate_unless_none_may_fail():
    strict = spec(phases=({"name": "canary", "cohort": {"count": 4}, "max_failure_rate": 0}, {"name": "rest"})).phases[
        0
    ]

    assert not too_many(spec().phases[0], count(successes=1, failures=1))
    assert too_many(strict, count(hosts=99, successes=90, failures=1))


def test_a_phase_that_needs_an_approval_opens_only_with_it():
    phases = ({"name": "canary", "cohort": {"count": 4}}, {"name": "rest", "approval": True})
    waiting = rollout(spec(phases=phases), phase=0)
    passed = count(successes=4, enough_at=NOW)

    asks = gate(facts(waiting, passed, count()))
    opens = gate(facts(waiting.model_copy(update={"approved": 1}), passed, count()))

    assert (GateAction.ASK_APPROVAL, 1) == (asks.action, asks.phase)
    assert (GateAction.OPEN_NEXT, 1) == (opens.action, opens.phase)


def test_a_phase_needs_no_more_successes_than_it_has_hosts_that_can_show_one():
    phase = spec().phases[0]

    assert 2 == needed(phase, count(hosts=2))
    assert 1 == needed(phase, count(hosts=4, carrying=3, already=3))


def test_it_is_complete_when_every_host_that_is_not_out_carries_it():
    last = rollout(phase=2)
    full = count(hosts=4, successes=4, last_success_at=NOW)
    left = gate(facts(last, full, full, count(hosts=8, successes=6, last_success_at=NOW), out=1))
    done = gate(facts(last, full, full, count(hosts=8, successes=7, last_success_at=NOW), out=1))

    assert (GateAction.HOLD, "everywhere: 1 hosts to go, and 1 that are out") == (left.action, left.reason)
    assert (GateAction.COMPLETE, "every host carries it but 1 that are out") == (done.action, done.reason)


def test_hosts_that_others_hold_keep_it_from_being_complete_when_they_are_many():
    last, full = rollout(phase=2), count(hosts=4, successes=4, last_success_at=NOW)
    rest = count(hosts=8, successes=6, last_success_at=NOW)
    few = gate(facts(last, full, full, rest, out=2, foreign=1))
    many = gate(facts(last, full, full, rest, out=2, foreign=2))

    assert GateAction.COMPLETE is few.action
    assert (GateAction.HOLD, "everywhere: 2 hosts are in the hands of others, too many to end without") == (
        many.action,
        many.reason,
    )


def test_a_phase_with_too_few_successes_and_nobody_left_to_try_tells_people():
    waits = gate(facts(rollout(phase=0), count(successes=2, failures=1)))
    stuck = gate(facts(rollout(phase=0), count(successes=2, failures=1, inconclusive=1)))

    assert (GateAction.HOLD, False) == (waits.action, waits.stuck)
    assert (GateAction.HOLD, True) == (stuck.action, stuck.stuck)
    assert "canary: 2 of 3 successes (1 failed, 1 inconclusive), and none of its hosts is left to try" == stuck.reason


def test_a_last_phase_with_too_few_successes_and_nobody_left_to_try_tells_people_too():
    full = count(hosts=4, successes=4, last_success_at=NOW)
    found = gate(facts(rollout(phase=2), full, full, count(hosts=1, carrying=1, inconclusive=1), at=9))

    assert (GateAction.HOLD, 2, True) == (found.action, found.phase, found.stuck)
    assert found.reason.startswith("everywhere: 0 of 1 successes (1 inconclusive), and none of its hosts is left")


def test_too_many_failures_are_told_while_it_is_paused_too():
    """Whoever wrote the pause may have died before anybody was told."""
    paused = rollout(phase=2, state=RolloutState.PAUSED, reason="ann: look first")
    found = gate(facts(paused, count(), count(), count(hosts=40, successes=8, failures=2)))
    quiet = gate(facts(paused, count(), count(), count(hosts=40, successes=8)))

    assert (GateAction.HOLD, 2, True) == (found.action, found.phase, found.too_many)
    assert "paused: ann: look first; everywhere: 2 of 10 hosts failed with it, more than 10% may" == found.reason
    assert (GateAction.HOLD, False, "paused: ann: look first") == (quiet.action, quiet.too_many, quiet.reason)


def test_hosts_that_fail_later_in_an_earlier_phase_hold_the_open_one_too():
    found = gate(facts(rollout(phase=1), count(hosts=9, successes=7, failures=2), count(hosts=9, successes=9)))

    assert (GateAction.HOLD, 0, True) == (found.action, found.phase, found.too_many)
    assert found.reason.startswith("canary: 2 of 9 hosts failed with it")


def test_a_phase_that_no_host_fits_does_not_open():
    first = gate(facts(rollout(), count(hosts=0, empty=True)))
    passed = count(successes=4, enough_at=NOW)
    later = gate(facts(rollout(phase=0), passed, count(hosts=0, empty=True), at=9))

    assert (GateAction.HOLD, "it was started; canary takes no host: none fits its cohort") == (
        first.action,
        first.reason,
    )
    assert (GateAction.HOLD, 1) == (later.action, later.phase)


def test_a_phase_whose_hosts_have_all_left_takes_others_and_is_not_passed():
    found = gate(facts(rollout(phase=0), count(hosts=0), at=9))
    none = gate(facts(rollout(phase=0), count(hosts=0, empty=True), at=9))
    last = gate(facts(rollout(phase=2), count(hosts=0), count(hosts=0), count(hosts=0), at=9))

    assert (GateAction.OPEN_NEXT, 0) == (found.action, found.phase)
    assert "canary: none of its hosts is left, others take their place" == found.reason
    assert GateAction.HOLD is none.action
    assert (GateAction.HOLD, "everywhere: no host is in its scope") == (last.action, last.reason)


def test_a_phase_that_earlier_ones_have_covered_needs_nothing_of_its_own():
    passed = count(successes=4, enough_at=NOW)

    assert (GateAction.OPEN_NEXT, 2) == (
        (found := gate(facts(rollout(phase=1), passed, count(hosts=0), at=9))).action,
        found.phase,
    )


def test_an_offboarded_rollout_ends_when_nobody_carries_it_any_more():
    gone = rollout(phase=1, state=RolloutState.OFFBOARDED, reason="it hangs")

    assert GateAction.HOLD is gate(facts(gone, on_offboarded=2)).action
    assert GateAction.END is gate(facts(gone)).action


def test_hosts_that_keep_an_offboarded_version_in_repair_are_told_apart():
    gone = rollout(phase=1, state=RolloutState.OFFBOARDED, reason="it hangs")
    in_repair = "1 carry it in repair or in others' hands, where no visit takes them"

    both, out = (gate(facts(gone, on_offboarded=n, on_offboarded_out=1)) for n in (3, 1))

    assert (GateAction.HOLD, GateAction.HOLD) == (both.action, out.action)
    assert f"offboarded (it hangs); 2 hosts still carry it and are rolled back; {in_repair}" == both.reason
    assert f"offboarded (it hangs); {in_repair}" == out.reason


def test_a_dependant_of_an_offboarded_one_waits_with_the_reason():
    found = gate(facts(rollout(phase=0), count(successes=4, enough_at=NOW), at=9, waits_for="it depends on x"))

    assert (GateAction.HOLD, "it depends on x", True) == (found.action, found.reason, found.barred)


def test_too_many_failures_are_told_also_while_it_waits_for_another():
    found = gate(facts(rollout(phase=0), count(successes=1, failures=8), at=9, waits_for="it depends on x"))

    assert (True, False) == (found.too_many, found.barred), found


def test_blame_offboards_also_while_paused():
    found = gate(facts(rollout(phase=0, state=RolloutState.PAUSED), blamed="12 of 20 failed"))

    assert (GateAction.OFFBOARD, "12 of 20 failed") == (found.action, found.reason)


COUNTS = st.builds(
    lambda hosts, good, bad, soaked: PhaseCount(
        hosts=hosts,
        carrying=min(hosts, good),
        successes=min(hosts, good),
        failures=min(bad, hosts - min(hosts, good)),
        enough_at=NOW - soaked * HOUR if good else None,
    ),
    st.integers(0, 12),
    st.integers(0, 12),
    st.integers(0, 4),
    st.integers(0, 3),
)


@given(st.lists(COUNTS, min_size=3, max_size=3), st.integers(-1, 2), st.sampled_from(list(RolloutState)), st.booleans())
def test_no_phase_opens_without_the_gate_of_the_one_before(counts, phase, state, blamed):
    of = rollout(phase=phase, state=state)
    found = gate(facts(of, *counts, blamed="bad" if blamed else ""))

    if found.action is GateAction.OPEN_NEXT:
        assert state is RolloutState.RUNNING
        assert not blamed
        again = phase >= 0 and not any(c.hosts for c in counts[: phase + 1])
        assert (phase if again else phase + 1) == found.phase
        if phase >= 0 and not again:
            assert not any(map(too_many, of.spec.phases[:phase], counts[:phase]))
            before, its = of.spec.phases[phase], counts[phase]
            assert its.successes >= needed(before, its)
            assert not too_many(before, its)
            assert NOW >= (its.enough_at or NOW) + before.soak or its.enough_at is None
    if found.action is GateAction.COMPLETE:
        assert of.last_phase == phase
        assert 0 == sum(c.to_go for c in counts)
