"""What counts in a phase: hosts that carry the version, their successes and failures, and what is left to go."""

from datetime import timedelta

from fleet.policy.phase_counts import phase_counts
from fleet.policy.phases import needed
from tests.host_policy.build import NOW
from tests.rollouts.make import PHASES, host, rollout, spec, trial

HOUR = timedelta(hours=1)


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


def test_hosts_whose_visit_is_under_way_have_yet_to_show_that_the_version_is_good():
    members = [host("gpu001"), host("gpu002")]
    frozen, carried = {("east", h.name): 0 for h in members}, {("east", h.name): "550.90" for h in members}

    before = phase_counts(rollout(), members, frozen, carried, ())[0]
    during = phase_counts(rollout(), members, frozen, carried, (), visited=frozenset([("east", "gpu002")]))[0]

    assert (2, 1) == (before.already, during.already)
    assert (0, 1) == (needed(rollout().spec.phases[0], before), needed(rollout().spec.phases[0], during))


def test_a_cohort_that_no_host_fits_is_told_from_one_that_earlier_phases_have_covered():
    b200 = {"name": "b200", "cohort": {"hosts": {"model": "b200"}}}
    of = rollout(spec(phases=(*PHASES[:2], b200, PHASES[2])))
    members = [host("gpu001"), host("gpu002"), host("gpu003", pool="other", decommissioned=True)]
    frozen = {("east", "gpu001"): 0, ("east", "gpu002"): 0}

    found = phase_counts(of, members, frozen, {}, ())

    assert [(2, False), (0, False), (0, True), (0, False)] == [(c.hosts, c.empty) for c in found]


def test_failures_that_are_the_hosts_or_were_forgiven_do_not_count():
    members, frozen = [host("gpu001"), host("gpu002")], {("east", "gpu001"): 0, ("east", "gpu002"): 0}
    trials = [trial("gpu001", at=1, failed=True), trial("gpu002", at=3, failed=True)]
    late = rollout(counted_since=NOW + 2 * HOUR)

    assert 2 == phase_counts(rollout(), members, frozen, {}, trials)[0].failures
    assert 1 == phase_counts(late, members, frozen, {}, trials)[0].failures
    assert 1 == phase_counts(rollout(), members, frozen, {}, trials, frozenset(["visit/1#gpu001"]))[0].failures


def test_what_stayed_unclear_is_forgiven_by_a_resume_too_so_that_a_phase_is_never_stuck_for_good():
    members = [host(f"gpu{n:03}") for n in range(1, 5)]
    frozen = {("east", h.name): 0 for h in members}
    versions = {("east", h.name): "550.90" for h in members}
    trials = [trial(f"gpu{n:03}", at=1) for n in (1, 2)] + [trial("gpu003", at=1, inconclusive=True)]
    trials.append(trial("gpu004", at=1, failed=True))
    before = phase_counts(rollout(), members, frozen, versions, trials)[0]
    after = phase_counts(rollout(counted_since=NOW + 2 * HOUR), members, frozen, versions, trials)[0]

    assert (2, 1, 1, 0) == (before.successes, before.failures, before.inconclusive, before.already)
    assert (2, 0, 0, 2) == (after.successes, after.failures, after.inconclusive, after.already)
    assert 2 == needed(spec().phases[0], after)


def test_a_stage_that_went_well_is_no_success_yet_and_one_that_failed_is_a_failure():
    of = rollout(spec(stages=("550.70",)))
    members = [host("gpu001"), host("gpu002")]
    frozen = {("east", "gpu001"): 0, ("east", "gpu002"): 0}
    stage = {"gpu-driver": "550.70"}
    trials = [trial("gpu001", versions=stage), trial("gpu002", versions=stage, failed=True)]

    canary = phase_counts(of, members, frozen, {}, trials)[0]

    assert (0, 1) == (canary.successes, canary.failures)


def test_a_job_that_failed_on_a_host_takes_nothing_from_its_success_and_is_no_failure_at_the_gate():
    good, job = trial("gpu001", at=1), trial("gpu001", at=2, failed=True, category="job", in_production=True)

    found = phase_counts(rollout(), [host("gpu001")], {("east", "gpu001"): 0}, {}, [good, job])[0]

    assert (1, 0) == (found.successes, found.failures)
