"""What visits cost the jobs, while jobs come and go."""

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.policy.timetable_prices import Prices
from tests.policy.timetables.cases import add

DOMAINS = 5
JOBS = st.tuples(
    st.lists(st.integers(0, DOMAINS - 1), min_size=1, max_size=4, unique=True),
    st.integers(1, 50),
    st.one_of(st.just(inf), st.integers(0, 100)),
)
STEPS = st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), JOBS)), max_size=40)


@settings(max_examples=80, deadline=None)
@given(STEPS, st.lists(st.integers(0, 110), min_size=1, max_size=5).map(sorted))
def test_prices_are_those_of_the_jobs_that_are_there(steps, times):
    prices, there = Prices(DOMAINS, grace=2.0), {}
    for key, job in steps:
        if job is None:
            prices.remove_all([str(key)])
            there.pop(key, None)
        else:
            add(prices, str(key), *job)
            there[key] = job
    for row, time in zip(prices.at(np.array(times, float)), times, strict=True):
        expected = [sum(c for d, c, e in there.values() if n in d and e > time + 2) for n in range(DOMAINS)]
        assert expected == pytest.approx(row.tolist())
        expected = [sum(n in d and e > time + 2 for d, _, e in there.values()) for n in range(DOMAINS)]
        assert expected == prices.jobs_at(time).tolist()


def test_thousands_of_jobs_that_come_and_go_leave_the_prices_right():
    prices = Prices(3)
    for n in range(6000):
        add(prices, str(n), [n % 3, (n + 1) % 3], 1.0)
        prices.remove_all([str(n - 10)])
    assert 20.0 == prices.at(np.zeros(1)).sum()


def test_many_jobs_at_once_are_as_good_as_one_by_one():
    one, many = Prices(4), Prices(4)
    for place, (touches, cost) in enumerate([([0, 1], 3.0), ([2], 5.0)]):
        add(one, str(place), touches, cost, 10.0)
    many.add_all(["0", "1"], np.array([0, 2, 3]), np.array([0, 1, 2]), np.array([3.0, 5.0]), np.array([10.0, 10.0]))
    add(many, "2", [3], 7.0)
    many.remove_all(["2"])
    times = np.array([0.0, 20.0])
    assert one.at(times).tolist() == many.at(times).tolist()
    assert [[3.0, 0.0], [0.0, 0.0]] == many.only(np.array([1, 3])).at(times).tolist()


def test_prices_asked_for_again_at_one_time_are_those_of_the_jobs_that_are_there_by_then():
    prices, now = Prices(2), np.array([10.0])
    found = [prices.at(now)[0].tolist()]
    for change in (
        lambda: add(prices, "a", [0, 1], 5.0),
        lambda: add(prices, "b", [1], 2.0),
        lambda: prices.remove_all(["a"]),
    ):
        change()
        found.append(prices.at(now)[0].tolist())
    prices.add_all(["c"], np.array([0, 1]), np.array([0]), np.array([7.0]), np.array([20.0]))
    found += [prices.at(now)[0].tolist(), prices.at(np.array([20.0]))[0].tolist()]

    assert [[0, 0], [5, 5], [5, 7], [0, 2], [7, 2], [0, 2]] == found
