"""What must hold of blame whatever the trials are."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.models.blame import HostRecord, TrialKind
from fleet.models.verification import Category, Verdict
from fleet.policy.blame import judge
from tests.policy.trials import DRIVER, HARDWARE, NIC, trial

SUSPECTS = [DRIVER, NIC]


@st.composite
def rollouts(draw, carried=((), (), (DRIVER,), (NIC,), (DRIVER, NIC))):
    """Some trials at a few instants, each of a host of its own."""
    count = draw(st.integers(1, 60))
    return [
        trial(
            f"gpu{n:03}",
            *draw(st.sampled_from(carried)),
            failed=draw(st.booleans()),
            category=draw(st.sampled_from([None, Category.SOFTWARE, Category.PERFORMANCE])),
            minute=draw(st.integers(0, 5)),
            hardware=draw(st.sampled_from(["h100", "h200"])),
            kind=draw(st.sampled_from(list(TrialKind))),
            record=HostRecord(visits=draw(st.integers(0, 20)), failures=draw(st.integers(0, 6))),
        )
        for n in range(count)
    ]


def odds(trials, about=DRIVER):
    blame = judge(SUSPECTS, trials)
    return next(e.odds for e in blame.evidence if e.suspects == (str(about),))


def with_outcome(trials, chosen, **outcome):
    return [t.model_copy(update=outcome) if n == chosen else t for n, t in enumerate(trials)]


@given(rollouts(), st.randoms())
@settings(max_examples=40, deadline=None)
def test_the_order_of_trials_changes_nothing_within_an_instant_or_in_a_call(trials, rand: random.Random):
    shuffled = list(trials)
    rand.shuffle(shuffled)

    assert judge(SUSPECTS, trials) == judge(SUSPECTS, shuffled)


@given(rollouts())
@settings(max_examples=40, deadline=None)
def test_looking_after_each_instant_says_the_same_as_looking_once(trials):
    blame = judge(SUSPECTS, [])
    for at in sorted({t.at for t in trials}):
        blame = judge(SUSPECTS, [t for t in trials if t.at == at], blame.state)
    at_once = judge(SUSPECTS, trials)

    assert [round(e.odds, 9) for e in at_once.evidence] == [round(e.odds, 9) for e in blame.evidence]
    assert at_once.state.cells == blame.state.cells


@given(rollouts(), st.integers(0, 5), st.sampled_from([(), (DRIVER,), (NIC,), (DRIVER, NIC)]))
@settings(max_examples=60, deadline=None)
def test_a_hardware_finding_changes_no_evidence(trials, minute, carried):
    more = trial("gpu999", *carried, minute=minute, **HARDWARE)

    assert odds(trials) == odds([*trials, more])


@given(rollouts(), st.integers(0, 5), st.sampled_from([(), (DRIVER,), (NIC,), (DRIVER, NIC)]))
@settings(max_examples=60, deadline=None)
def test_an_inconclusive_trial_changes_nothing_at_all(trials, minute, carried):
    more = trial("gpu999", *carried, minute=minute, verdict=Verdict.INCONCLUSIVE)

    assert judge(SUSPECTS, trials) == judge(SUSPECTS, [*trials, more])


@given(rollouts(carried=((), (DRIVER,))), st.data())
@settings(max_examples=80, deadline=None)
def test_a_failure_more_with_the_version_never_lowers_its_evidence(trials, data):
    chosen = data.draw(st.integers(0, len(trials) - 1))
    failed, passed = (with_outcome(trials, chosen, verdict=v) for v in (Verdict.FAILED, Verdict.PASSED))
    if trials[chosen].versions:
        assert odds(failed) >= odds(passed)
    else:
        assert odds(failed) <= odds(passed) * (1 + 1e-12)


@given(rollouts(carried=((), (DRIVER,))), st.data())
@settings(max_examples=60, deadline=None)
def test_a_worse_record_of_a_failed_host_never_raises_the_evidence_of_that_failure(trials, data):
    only = data.draw(st.integers(0, len(trials) - 1))
    chosen = trials[only].model_copy(update={"versions": (DRIVER,), "verdict": Verdict.FAILED})
    others = [t for t in trials if not t.versions]
    worse = chosen.model_copy(update={"record": HostRecord(visits=20, failures=9)})
    clean = chosen.model_copy(update={"record": HostRecord(visits=20)})

    assert odds([*others, worse]) <= odds([*others, clean]) * (1 + 1e-12)
