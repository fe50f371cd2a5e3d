"""What the outcomes of a visit make of its domain."""

import pytest

from fleet.models.work import EndCause, HostOutcome, Outcome
from fleet.policy.visit_end import visit_end
from tests.policy.make import NOW


def outcome(ended, cause=None):
    return HostOutcome(
        cluster="c1", pool="gpu-train", host="gpu001", operation="o", outcome=ended, cause=cause, reason="", at=NOW
    )


@pytest.mark.parametrize(
    ("outcomes", "gave_back", "due_again"),
    [
        ([], False, False),
        ([outcome(Outcome.UPGRADED), outcome(Outcome.HANDED_OVER)], False, False),
        ([outcome(Outcome.GIVEN_BACK, EndCause.JOBS)], True, False),
        ([outcome(Outcome.GIVEN_BACK)], True, False),
        ([outcome(Outcome.GIVEN_BACK, EndCause.STOP)], False, True),
        ([outcome(Outcome.GIVEN_BACK, EndCause.YIELD)], False, True),
        ([outcome(Outcome.PARTLY_UPGRADED, EndCause.STOP)], False, True),
        ([outcome(Outcome.PARTLY_UPGRADED)], False, False),
        ([outcome(Outcome.GIVEN_BACK, EndCause.JOBS), outcome(Outcome.GIVEN_BACK, EndCause.STOP)], True, True),
    ],
)
def test_a_domain_is_due_again_by_the_cause_of_each_early_end(outcomes, gave_back, due_again):
    found = visit_end(outcomes)

    assert (gave_back, due_again) == (found.gave_back, found.due_again)


def test_the_ending_says_whose_doing_it_was():
    outcomes = [outcome(Outcome.GIVEN_BACK, EndCause.JOBS), outcome(Outcome.GIVEN_BACK, EndCause.STOP)]

    assert "1 kept by jobs, 1 ended early by a stop or more urgent work" == visit_end(outcomes).reason
