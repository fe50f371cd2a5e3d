"""The gate of a phase: nothing opens before its predecessor has passed, soaked and been approved where it must be."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from fleet.models.phases import GateAction, PhaseCount, PhaseFacts
from fleet.models.rollouts import RolloutState
from fleet.policy.phase_counts import phase_counts
from fleet.policy.phases import gate, needed, too_many
from tests.host_policy.build import NOW
from tests.rollouts.make import host, rollout, spec, trial

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
    assert GateAction.OPEN_NEXT is gate(facts(rollout(phase=0), count(hosts=0), at=2)).action


def test_it_is_complete_when_every_host_that_is_not_out_carries_it():
    last = rollout(phase=2)
    full = count(hosts=4, successes=4, last_success_at=NOW)
    left = gate(facts(last, full, full, count(hosts=8, successes=6, last_success_at=NOW), out=1))
    done = gate(facts(last, full, full, count(hosts=8, successes=7, last_success_at=NOW), out=1))

    assert (GateAction.HOLD, "everywhere: 1 hosts to go, and 1 that are out") == (left.action, left.reason)
    assert (GateAction.COMPLETE, "every host carries it but 1 that are out") == (done.action, done.reason)


def test_an_offboarded_rollout_ends_when_nobody_carries_it_any_more():
    gone = rollout(phase=1, state=RolloutState.OFFBOARDED, reason="it hangs")

    assert GateAction.HOLD is gate(facts(gone, on_offboarded=2)).action
    assert GateAction.END is gate(facts(gone)).action


def test_a_dependant_of_an_offboarded_one_waits_with_the_reason():
    found = gate(facts(rollout(phase=0), count(successes=4, enough_at=NOW), at=9, waits_for="it depends on x"))

    assert (GateAction.HOLD, "it depends on x") == (found.action, found.reason)


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
        assert phase + 1 == found.phase
        if phase >= 0:
            before, its = of.spec.phases[phase], counts[phase]
            assert its.successes >= needed(before, its)
            assert not too_many(before, its)
            assert NOW >= (its.enough_at or NOW) + before.soak or its.enough_at is None
    if found.action is GateAction.COMPLETE:
        assert of.last_phase == phase
        assert 0 == sum(c.to_go for c in counts)


def test_hosts_are_counted_by_their_last_trial_that_told_something():
    of = rollout()
    members = [host(f"gpu{n:03}") for n in range(1, 7)]
    frozen = {("east", f"gpu{n:03}"): 0 for n in range(1, 6)}
    versions = {("east", f"gpu{n:03}"): "550.90" for n in (1, 2, 3, 5)}
    trials = [
        trial("gpu001", at=1),
        trial("gpu002", at=1, failed=True),
        trial("gpu002", at=2),
        trial("gpu003", at=3),
        trial("gpu003", at=4, failed=True, in_production=True),
        trial("gpu004", at=4, inconclusive=True),
        trial("gpu006", at=5, rollouts=("bmc/1.1",), failed=True),
    ]
    canary, _, rest = phase_counts(of, members, frozen, versions, trials)

    assert (5, 4, 1, 2, 1, 1) == (
        canary.hosts,
        canary.carrying,
        canary.already,
        canary.successes,
        canary.failures,
        canary.inconclusive,
    )
    assert (1, 0, 0, 0) == (rest.hosts, rest.carrying, rest.successes, rest.failures)


def test_failures_that_are_the_hosts_or_were_forgiven_do_not_count():
    members, frozen = [host("gpu001"), host("gpu002")], {("east", "gpu001"): 0, ("east", "gpu002"): 0}
    trials = [trial("gpu001", at=1, failed=True), trial("gpu002", at=3, failed=True)]
    late = rollout(counted_since=NOW + 2 * HOUR)

    assert 2 == phase_counts(rollout(), members, frozen, {}, trials)[0].failures
    assert 1 == phase_counts(late, members, frozen, {}, trials)[0].failures
    assert 1 == phase_counts(rollout(), members, frozen, {}, trials, frozenset(["visit/1#gpu001"]))[0].failures


def test_a_stage_that_went_well_is_no_success_yet_and_one_that_failed_is_a_failure():
    of = rollout(spec(stages=("550.70",)))
    members = [host("gpu001"), host("gpu002")]
    frozen = {("east", "gpu001"): 0, ("east", "gpu002"): 0}
    stage = {"gpu-driver": "550.70"}
    trials = [trial("gpu001", versions=stage), trial("gpu002", versions=stage, failed=True)]

    canary = phase_counts(of, members, frozen, {}, trials)[0]

    assert (0, 1) == (canary.successes, canary.failures)
