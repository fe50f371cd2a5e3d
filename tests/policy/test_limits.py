"""A pool's promises in hosts, and the files they refuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.policy.limits import Limits, limits, problems
from tests.policy.make import DomainSpec, pool


def test_by_default_one_domain_may_be_out_and_the_floor_is_the_rest():
    expected = Limits(members=64, planned_buffer=4, failure_buffer=2, floor=58)
    assert expected == limits(pool(), 64)


def test_percentages_round_buffers_down_and_floors_up():
    expected = Limits(members=70, planned_buffer=3, failure_buffer=1, floor=64)
    assert expected == limits(pool(planned_buffer="5%", failure_buffer="1%", floor="91%"), 70)


def test_a_small_pool_has_a_floor_of_zero_and_not_less():
    expected = Limits(members=3, planned_buffer=4, failure_buffer=2, floor=0)
    assert expected == limits(pool(), 3)


REFUSED = {
    "failure_buffer": (pool(failure_buffer=0), 64),
    "planned_buffer": (pool(planned_buffer=3), 64),
    "floor": (pool(floor=61), 64),
    "hosts": (pool(), 0),
}


@pytest.mark.parametrize("field", REFUSED)
def test_a_promise_that_allows_no_grant_is_refused_naming_its_field(field):
    expected = [field]
    assert expected == [sentence.partition(":")[0] for sentence in problems(*REFUSED[field])]


def test_every_problem_of_a_pool_is_told_at_once():
    expected = ["failure_buffer", "planned_buffer", "floor"]
    found = problems(pool(failure_buffer=0, planned_buffer=1, floor="100%"), 64)
    assert expected == [sentence.partition(":")[0] for sentence in found]


@given(st.integers(1, 300), st.integers(1, 40), st.integers(1, 300), st.integers(0, 300), st.integers(1, 300))
def test_what_is_not_refused_grants_a_whole_domain_while_all_are_up(members, size, planned, floor, failure):
    promised = pool(domain=DomainSpec(size=size), planned_buffer=planned, floor=floor, failure_buffer=failure)
    limit = limits(promised, members)
    domain = min(size, members)
    grantable = domain <= limit.planned_buffer and members - domain >= limit.floor
    assert grantable == (not problems(promised, members))
