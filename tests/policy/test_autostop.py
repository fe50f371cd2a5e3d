"""When grants stop by themselves, and when they go on."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from fleet.models.ledger import Autostop
from fleet.models.pool import AutostopPolicy, AutostopResume
from fleet.policy.autostop import autostop
from fleet.policy.limits import limits
from tests.policy.make import NOW, ago, pool

BY_OPERATOR = AutostopPolicy(resume=AutostopResume.OPERATOR, settle=timedelta(minutes=10))
FRESH = timedelta(seconds=5)


def after(failed=0, age=FRESH, before=None, now=NOW, **changes) -> Autostop:
    promised = pool(**changes)
    return autostop(promised, limits(promised, 12), failed, age, before or Autostop(), now)


def test_grants_stop_when_the_failure_buffer_is_used_up():
    expected = Autostop(stopped=True, since=NOW, reason="2 hosts failed, failure buffer 2")
    assert expected == after(failed=2)


def test_one_failed_host_less_stops_nothing():
    expected = Autostop()
    assert expected == after(failed=1)


def test_a_fleet_that_cannot_be_observed_stops_grants():
    expected = "the fleet can't be observed: the last look is 3m old, more than 2m"
    assert expected == after(age=timedelta(minutes=3)).reason


def test_a_first_look_lets_grants_begin_at_once():
    blind = after(age=None)
    expected = (True, False)
    assert expected == (blind.stopped, after(before=blind, autostop=BY_OPERATOR).stopped)


def test_both_causes_are_told():
    expected = "2 hosts failed, failure buffer 2 and the fleet can't be observed: the last look is 5m old, more than 2m"
    assert expected == after(failed=2, age=timedelta(minutes=5)).reason


def test_the_cause_must_stay_gone_before_grants_go_on():
    stopped = after(failed=2, now=ago(minutes=30))
    gone = after(before=stopped, now=ago(minutes=10))
    almost = after(before=gone, now=ago(seconds=1))
    expected = [True, True, False]
    assert expected == [gone.stopped, almost.stopped, after(before=almost).stopped]
    assert ago(minutes=30) == almost.since


def test_a_cause_that_comes_back_starts_the_wait_anew():
    stopped = after(failed=2, now=ago(minutes=30))
    gone = after(before=stopped, now=ago(minutes=20))
    back = after(failed=3, before=gone, now=ago(minutes=15))
    gone_again = after(before=back, now=ago(minutes=9))
    expected = (True, ago(minutes=9), ago(minutes=30))
    last = after(before=gone_again)
    assert expected == (last.stopped, last.clear_since, last.since)


def test_where_the_pool_says_so_only_an_operator_resumes():
    stopped = after(failed=2, now=ago(days=3), autostop=BY_OPERATOR)
    waiting = after(before=after(before=stopped, now=ago(days=2), autostop=BY_OPERATOR), autostop=BY_OPERATOR)
    resumed = Autostop(reason="resumed by alice")
    assert waiting.stopped
    expected = resumed
    assert expected == after(before=resumed, autostop=BY_OPERATOR)


def test_an_operators_resume_does_not_hide_a_cause_that_is_still_there():
    assert after(failed=2, before=Autostop(reason="resumed by alice")).stopped


def test_a_pause_set_from_outside_is_lifted_by_nobody_but_an_operator():
    paused = Autostop(stopped=True, since=ago(days=1), reason="paused: 3 hosts inconclusive")
    expected = paused
    assert expected == after(before=paused)
    assert expected == after(failed=5, before=paused)


def test_the_reason_keeps_its_cause_and_does_not_grow():
    state = after(failed=2, now=ago(minutes=9))
    for second in range(8 * 60, 0, -1):
        state = after(before=state, now=ago(seconds=second))
    expected = (
        "2 hosts failed, failure buffer 2; gone since 2026-03-01 11:52:00+00:00,"
        " resumes by itself at 2026-03-01 12:02:00+00:00"
    )
    assert expected == state.reason


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 200), st.integers(1, 700)), max_size=40))
def test_grants_never_go_on_before_the_cause_has_stayed_gone(moments):
    state, now, bad_until = Autostop(), NOW, None
    for failed, age, step in moments:
        now += timedelta(seconds=step)
        state = after(failed=failed, age=timedelta(seconds=age), before=state, now=now)
        if failed >= 2 or age > 120:
            bad_until = now
            assert state.stopped
        elif bad_until is not None and now - bad_until < timedelta(minutes=10):
            assert state.stopped
