"""Lemons by the trials that visits leave behind."""

from datetime import timedelta

from fleet.models.rollouts import RolloutState
from fleet.policy.host_lemons import host_lemons
from fleet.policy.wanted import offboarded
from tests.host_policy.build import NOW
from tests.rollouts.make import rollout, trial

BMC, DRIVER = ("bmc/1.1",), ("gpu-driver/550.90",)
LATER = NOW + timedelta(days=9)


def fleet():
    """A fleet that hardly ever fails."""
    return [trial(f"gpu{n:03}", at=n / 10, failed=n == 77) for n in range(400)]


def failing(*under, **changes):
    return [trial("bad", at=n, rollouts=those, failed=True, **changes) for n, those in enumerate(under)]


def found(trials, rollouts=()):
    return [(lemon.host, lemon.failures) for lemon in host_lemons([*fleet(), *trials], offboarded(rollouts), LATER, {})]


def test_a_host_that_fails_under_different_versions_is_a_lemon_by_visits_and_production_alike():
    assert [("bad", 3)] == found(failing(BMC, DRIVER, ()))
    assert [("bad", 3)] == found(failing(BMC, DRIVER, (), in_production=True))


def test_one_that_failed_under_one_version_or_inconclusively_is_none():
    assert [] == found(failing(DRIVER, DRIVER, DRIVER, DRIVER))
    assert [] == found([t.model_copy(update={"failed": False, "inconclusive": True}) for t in failing(BMC, DRIVER, ())])


def test_what_failed_under_an_offboarded_version_is_not_the_hosts():
    gone = rollout(state=RolloutState.OFFBOARDED)

    assert [] == found(failing(BMC, DRIVER, DRIVER), [gone])


def test_what_a_host_did_before_a_person_repaired_it_no_longer_counts():
    words = {"bad": NOW + timedelta(hours=1)}

    assert () == host_lemons([*fleet(), *failing(BMC, DRIVER, ())], (), LATER, words)
