"""Which hosts of a large-scale maintenance a scheduler is told of, and for when."""

from datetime import timedelta

import pytest

from fleet.models.emergency import EmergencyHostState, EmergencyState
from fleet.models.large import LargePhase
from fleet.policy.announcing import large_announced
from tests.large.make import at, both, large, plan, rows
from tests.policy.make import NOW, ago, names, pool

UP = frozenset(names(16))
STEPS = [{"domains": 1, "hold": "20m"}, {"domains": 2}, {"domains": "50%"}]
SECOND = ("gpu003", "gpu004", "gpu005", "gpu006")
"""Two domains, after the first one."""


def told(one, hosts, up=UP):
    """Names, and minutes until it begins, two at least."""
    found = large_announced(one, hosts, [pool()], up, NOW, timedelta(minutes=2))
    return None if found is None else (found.hosts, found.begins_in / 60)


def under_way(**changes):
    return rows(**{**both(EmergencyHostState.UNDER_WAY), **changes})


def test_the_first_round_is_told_of_for_its_date_until_that_is_long_past():
    def first(date):
        announced = large(EmergencyState.ANNOUNCED, plan_=plan(at=date))
        return told(announced, rows())

    assert (("gpu001", "gpu002"), 60) == first(NOW + timedelta(hours=1))
    assert (("gpu001", "gpu002"), 2) == first(ago(minutes=9))
    assert first(ago(minutes=11)) is None


@pytest.mark.parametrize(
    ("phase", "minutes"),
    [
        (LargePhase.OUT, 10 + 60 + 20 - 1),  # drain deadline, visit budget and hold, one minute after it began
        (LargePhase.HOLDING, 20 - 1),
        (LargePhase.GATE, 2),
        (LargePhase.UP, 2),
    ],
)
def test_the_next_round_is_told_of_for_when_the_one_before_is_over(phase, minutes):
    assert (SECOND, minutes) == told(large(progress=at(phase), plan_=plan(steps=STEPS)), under_way())


def test_what_returns_in_batches_is_counted():
    ramp = {"domains": 1, "pause": "15m"}
    one = large(progress=at(LargePhase.UP, 2, ("d002", "d003")), plan_=plan(steps=STEPS, ramp_up=ramp))
    third = names(8, 7)

    hosts = rows(
        **both(EmergencyHostState.DONE), **both(EmergencyHostState.RETURNING, 2), **both(EmergencyHostState.HELD, 3)
    )

    assert (tuple(third), 15 - 1) == told(one, hosts)


def test_a_gate_that_waits_for_a_person_and_a_round_that_is_late_keep_no_jobs_off():
    hour_ago = {"since": ago(hours=1)}

    assert told(large(progress=at(LargePhase.GATE, **hour_ago), plan_=plan(steps=STEPS)), under_way()) is None
    assert told(large(progress=at(LargePhase.OUT, since=ago(hours=2)), plan_=plan(steps=STEPS)), under_way()) is None


def test_only_hosts_that_are_up_and_wait_are_told_of():
    one = large(progress=at(), plan_=plan(steps=STEPS))

    assert SECOND[1:] == told(one, under_way(), UP - {"gpu003"})[0]
    assert told(one, under_way(), frozenset()) is None
    late = under_way(gpu001={"state": EmergencyHostState.PENDING})
    assert SECOND == told(one, late)[0], "what its own round has not had yet is no part of the next one"
    assert told(one, rows(**{n: {"state": EmergencyHostState.DONE} for n in names(16)})) is None


@pytest.mark.parametrize("state", [EmergencyState.STOPPED, EmergencyState.ABORTED, EmergencyState.DONE])
def test_nothing_is_told_of_one_that_does_not_go_on(state):
    assert told(large(state, progress=at(), plan_=plan(steps=STEPS)), under_way()) is None


def test_nothing_is_told_of_a_round_that_would_not_be_over_in_time_and_so_does_not_begin():
    """The second one needs ten minutes and an hour, and would begin in nineteen minutes."""

    def held(minutes):
        return told(large(progress=at(LargePhase.HOLDING), plan_=plan(steps=STEPS, until=in_(minutes))), under_way())

    assert [None, (SECOND, 19)] == [held(88), held(89)]
    assert told(large(progress=at(), plan_=plan(steps=STEPS, until=in_(89))), under_way()) is None


def in_(minutes):
    return NOW + timedelta(minutes=minutes)
