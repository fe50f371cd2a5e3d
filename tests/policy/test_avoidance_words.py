"""What jobs say in their comments."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.avoidance_words import until_of, word_in
from tests.policy.avoidances import hours
from tests.policy.make import NOW


def test_a_request_is_read_out_of_whatever_else_is_in_a_comment():
    found = word_in("owner=ml; maintrain:avoid until=+2h signal=USR1 why=no checkpoint yet, sorry; rack 7")
    assert ("avoid", "+2h", "USR1", "no checkpoint yet, sorry") == (found.verb, found.until, found.signal, found.why)
    assert "" == found.problem
    assert [None, None] == [word_in(""), word_in("maintain:avoid until=+2h")]
    assert "ready" == word_in("maintrain:ready 2").verb
    assert ["ready", "withdraw"] == [word_in(f"maintrain:{verb}").verb for verb in ("ready", "withdraw")]


@pytest.mark.parametrize(
    ("comment", "why"),
    [
        ("maintrain:avoid", "expected maintrain:avoid until="),
        ("maintrain:avoid until=", "until: expected a date such as +2h"),
        ("maintrain:avoid until=2h", "until: expected a date such as +2h"),
        ("maintrain:avoid until=+2", "until: expected a duration with its unit"),
        ("maintrain:avoid until=2026-03-01T14:00", "with its zone"),
        ("maintrain:avoid soon until=+2h", "found 'soon'"),
        ("maintrain:avoid until=+2h signal=usr1", "signal: expected a name such as USR1"),
        ("maintrain:aviod until=+2h", "found 'aviod'"),
        ("maintrain:ready until=+2h", "found 'until=+2h' after ready"),
        ("maintrain:", "expected maintrain:avoid"),
    ],
)
def test_what_can_not_be_read_is_answered_with_what_was_expected(comment, why):
    found = word_in(comment)
    assert ("", True) == (found.verb, why in found.problem)


@pytest.mark.parametrize("between", ["; ", "\n", " "])
def test_what_a_job_loses_is_no_request_and_hides_none(between):
    costs, avoid = "maintrain:job restart=5m checkpoint=30m", "maintrain:avoid until=+2h"
    for comment in (f"{costs}{between}{avoid}", f"{avoid}{between}{costs}"):
        found = word_in(comment)
        assert ("avoid", "+2h", "") == (found.verb, found.until, found.problem)
    assert "ready" == word_in(f"maintrain:aviod{between}maintrain:ready").verb
    assert [None, None] == [word_in(costs), word_in("maintrain:job")]


def test_dates_are_relative_or_have_a_zone():
    assert hours(2) == until_of("+2h", NOW)
    assert hours(2) == until_of("2026-03-01T15:00:00+01:00", NOW)
    with pytest.raises(ValueError, match="any clock"):
        until_of("0001-01-01T00:00:00+10:00", NOW)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_no_comment_is_an_error(text):
    found = word_in(f"maintrain:avoid {text}")
    assert found is not None
    assert bool(found.problem) != bool(found.verb)
