"""What blame is told of a rollout's trials, and what its answer means for the rollout."""

from datetime import timedelta

import pytest

from fleet.models.rollouts import RolloutState
from fleet.policy.rollout_blame import UNKNOWN_MODEL, blamed, by_hardware
from fleet.policy.visit_trials import PRODUCTION
from tests.host_policy.build import NOW
from tests.rollouts.make import rollout, spec, trial

HOUR = timedelta(hours=1)
DRIVER, BMC = "gpu-driver/550.90", "bmc/1.1"
SOAKING = spec(phases=({"name": "canary", "cohort": {"count": 4}, "soak": "1d"}, {"name": "everywhere"}))


def controls(count=60):
    """Visits before the rollout, with nothing of it, that went well."""
    return [trial(f"old{n:03}", at=-count + n, rollouts=()) for n in range(count)]


def judged(trials, of=None, others=(), at=100, models=("h100",)):
    of = of or rollout()
    told = [t.model_copy(update={"model": t.model or "h100"}) for t in sorted(trials, key=lambda t: t.at)]
    return blamed(of, (of, *others), told, models, NOW + at * HOUR)[0]


def test_a_version_that_fails_most_of_its_hosts_is_to_blame_and_the_numbers_say_why():
    found = judged([*controls(), *(trial(f"gpu{n:03}", at=n, failed=True) for n in range(1, 7))])

    assert found.version
    assert "gpu-driver 550.90 is to blame" in found.reason


def test_a_version_that_fails_no_host_is_not():
    found = judged([*controls(), *(trial(f"gpu{n:03}", at=n) for n in range(1, 20))])

    assert not found.version
    assert frozenset() == found.forgiven


def test_failures_by_hardware_are_the_hosts_and_do_not_count_at_the_gate():
    bad = [trial(f"gpu{n:03}", at=n, failed=True, category="hardware") for n in range(1, 9)]
    found = judged([*controls(), *bad])

    assert not found.version
    assert {t.operation for t in bad} == found.forgiven == by_hardware(rollout(), bad)


def test_a_version_that_is_bad_on_one_hardware_model_is_found():
    good = [trial(f"gpu{n:03}", at=n, model="h100") for n in range(1, 20)]
    bad = [trial(f"new{n:03}", at=n + 0.5, model="b200", failed=True) for n in range(1, 9)]
    before = [
        t.model_copy(update={"model": m, "operation": t.operation + m}) for t in controls() for m in ("h100", "b200")
    ]
    found = judged([*before, *good, *bad], models=("h100", "b200"))

    assert found.version
    assert "on b200" in found.reason


def test_two_that_boarded_together_only_are_to_board_apart_and_neither_is_blamed_yet():
    other = rollout(spec("bmc", "1.1", "1.0"))
    both = [trial(f"gpu{n:03}", at=n, rollouts=(DRIVER, BMC), failed=True) for n in range(1, 7)]
    driver = judged([*controls(), *both], others=(other,))
    bmc = judged([*controls(), *both], other, (rollout(),))

    assert (False, (BMC,)) == (driver.version, driver.apart)
    assert (False, (DRIVER,)) == (bmc.version, bmc.apart)


def test_one_that_is_complete_is_no_suspect_any_more():
    done = rollout(spec("bmc", "1.1", "1.0"), state=RolloutState.COMPLETE)
    both = [trial(f"gpu{n:03}", at=n, rollouts=(DRIVER, BMC), failed=True) for n in range(1, 7)]

    assert judged([*controls(), *both], others=(done,)).version


def test_failures_in_production_within_the_soak_speak_against_the_version_too():
    visits = [trial(f"gpu{n:03}", at=n * 0.1) for n in range(1, 11)]
    fails = [
        trial(f"gpu{n:03}", at=5 + n * 0.1, failed=True, in_production=True, operation=f"x{n}{PRODUCTION}")
        for n in range(1, 9)
    ]
    soaking = rollout(SOAKING)

    assert judged([*controls(), *visits, *fails], soaking).version
    assert not judged([*controls(), *visits], soaking).version


def failing_jobs_first(hosts, job=5.0):
    """Hosts on each of which a job fails by itself, and a while later the host."""
    visits = [trial(f"gpu{n:03}", at=n * 0.1) for n in range(1, 1 + hosts)]
    told = {"failed": True, "in_production": True}
    jobs = [
        trial(t.host, at=job + n * 0.1, category="job", operation=f"x{n}~job", **told) for n, t in enumerate(visits)
    ]
    lost = [trial(t.host, at=14 + n * 0.1, operation=f"x{n}{PRODUCTION}", **told) for n, t in enumerate(visits)]
    return visits, jobs, lost


@pytest.mark.parametrize("job", [5.0, 13.5])  # at an instant of its own, and at that of the loss
def test_a_job_that_failed_on_a_host_hides_no_later_failure_of_the_host(job):
    visits, jobs, lost = failing_jobs_first(10, job)

    assert judged([*visits, *lost], rollout(SOAKING)).version
    assert judged([*visits, *jobs, *lost], rollout(SOAKING)).version
    assert not judged([*visits, *jobs], rollout(SOAKING)).version, "nothing is known of users' jobs"


def test_what_jobs_and_then_their_hosts_did_is_told_the_same_look_by_look():
    told = sorted((t for some in failing_jobs_first(6) for t in some), key=lambda t: t.at)
    of, memory = rollout(SOAKING), None
    for hours in range(1, 40):
        now = NOW + hours * HOUR
        found, memory = blamed(of, (of,), [t for t in told if t.at <= now], (UNKNOWN_MODEL,), now, memory)

    assert blamed(of, (of,), told, (UNKNOWN_MODEL,), now)[0] == found


def test_a_host_speaks_once_in_a_comparison_though_a_job_failed_on_it_first():
    visits, jobs, lost = failing_jobs_first(4)
    beside = [trial(f"old{n:03}", at=n * 0.001, rollouts=()) for n in range(400)]
    of = rollout(SOAKING)

    def failures(*told):
        answer = judged([*beside, *visits, *told], of)
        return answer.reason

    assert failures(*jobs) == failures(*jobs, *lost)


def test_a_host_whose_model_nobody_knows_is_compared_with_others_of_the_kind():
    told = [*controls(), *(trial(f"gpu{n:03}", at=n, failed=True) for n in range(1, 7))]

    assert blamed(rollout(), (rollout(),), sorted(told, key=lambda t: t.at), (UNKNOWN_MODEL,), NOW + 99 * HOUR)[
        0
    ].version


def test_what_was_told_before_need_not_be_told_again():
    told = [*controls(), *(trial(f"gpu{n:03}", at=n, failed=n % 2 == 0) for n in range(1, 13))]
    told = sorted(told, key=lambda t: t.at)
    of, memory = rollout(SOAKING), None
    for hours in range(1, 60):
        now = NOW + hours * HOUR
        so_far = [t for t in told if t.at <= now]
        found, memory = blamed(of, (of,), so_far, (UNKNOWN_MODEL,), now, memory)

    assert blamed(of, (of,), told, (UNKNOWN_MODEL,), now)[0] == found


def test_a_visit_for_something_else_does_not_hide_what_fails_in_production_within_the_soak():
    hosts = [f"gpu{n:03}" for n in range(1, 13)]
    driver = [trial(name, at=n * 0.1) for n, name in enumerate(hosts)]
    bmc = [trial(name, at=4 + n * 0.1, rollouts=(BMC,)) for n, name in enumerate(hosts)]
    fails = [
        trial(name, at=9 + n * 0.1, failed=True, in_production=True, operation=f"x{n}{PRODUCTION}")
        for n, name in enumerate(hosts)
    ]
    plain = [trial(f"old{n:03}", at=4 + n * 0.01, rollouts=(BMC,)) for n in range(200)]

    found = judged([*driver, *bmc, *plain, *fails], rollout(SOAKING), [rollout(spec("bmc", "1.1", "1.0"))])

    assert found.version
    assert "gpu-driver 550.90 is to blame" in found.reason
