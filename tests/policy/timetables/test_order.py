"""The order of visits: against every order of a few domains, and what must hold for many."""

from itertools import pairwise
from math import inf
from typing import ClassVar

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from fleet.policy.assignment import assign, assign_few
from fleet.policy.timetable_calendar import Calendar
from fleet.policy.timetable_exact import Remaining, exact_order
from fleet.policy.timetable_many import good_order
from fleet.policy.timetable_order import costs_of, next_visit, visit_order
from fleet.policy.timetable_prices import Prices
from tests.policy.timetables.cases import HOUR, WINDOWS, add, brute_force, case

SIZES = [2, 3, 4, 4, 5, 5, 6, 6, 6, 7, 7, 7, 7, 8, 6, 5, 7, 4, 3]
CASES = [(seed, 9 if seed % 49 == 48 else SIZES[seed % len(SIZES)]) for seed in range(200)]


def alike(count, *, due=1.0, length=HOUR, rank=None, earliest=None) -> Remaining:
    return Remaining(
        np.full(count, due * count * length),
        np.zeros(count) if earliest is None else np.array(earliest, float),
        np.full(count, length),
        np.zeros(count, np.int64) if rank is None else np.array(rank),
    )


@pytest.mark.parametrize("part", range(4))
def test_a_few_domains_cost_what_the_best_of_all_orders_costs(part):
    for seed, count in CASES[part::4]:
        given = case(seed, count)
        missed, late, end, cost = brute_force(given)
        found = given.judged(visit_order(given.left, given.prices, given.calendar, 0.0))
        assert missed == found[0], (seed, count)
        assert (late, end) == pytest.approx(found[1:3], abs=1e-2), (seed, count)
        assert cost * 1.01 >= found[3] - 1e-6, (seed, count)


def test_many_domains_alike_lose_little_against_every_order():
    best = good = 0.0
    for seed in range(60):
        given = case(1000 + seed, 7, alike=True)
        missed, _, _, cost = brute_force(given)
        found = given.judged(good_order(given.left, given.prices, given.calendar, 0.0))
        assert missed == found[0]
        best, good = best + cost, good + found[3]
    assert good <= best * 1.01


def test_the_way_of_many_domains_gives_every_domain_one_visit_in_whatever_case():
    for seed, count in CASES[::3]:
        given = case(seed, count)
        found = good_order(given.left, given.prices, given.calendar, 0.0)
        given.judged(found)
        assert all(a.end <= b.begin + 1e-6 for a, b in pairwise(found))
        assert all(v.begin >= given.left.earliest[v.domain] for v in found)
        assert all(v.begin == given.calendar.begin(v.begin) for v in found)


def test_many_domains_alike_keep_their_due_dates_with_no_time_to_spare():
    given = Prices(60)
    for domain in range(60):
        add(given, str(domain), [domain, (domain * 7) % 60], 1.0 + domain % 9, (5 + domain) * HOUR)
    left = alike(60)
    rng = np.random.default_rng(3)
    tight = [left._replace(due=rng.permutation(np.arange(1, 61)) * HOUR) for _ in range(5)]
    loose = [left._replace(due=(np.sort(rng.uniform(0, 60, 60)) + 60) * HOUR) for _ in range(5)]
    for these in (left, *tight, *loose):
        assert all(v.end <= these.due[v.domain] for v in visit_order(these, given, Calendar(), 0.0))


def test_what_can_not_be_kept_misses_as_few_due_dates_as_can_be():
    left = alike(40, due=0.5)
    found = visit_order(left, Prices(40), Calendar(), 0.0)
    assert 20 == sum(v.end > left.due[v.domain] for v in found)


def test_many_domains_of_one_length_miss_no_more_due_dates_than_the_best_order_with_or_without_windows():
    rng = np.random.default_rng(7)
    for seed in range(60):
        calendar = WINDOWS if seed % 2 else Calendar()
        left = alike(7, length=3 * HOUR)._replace(due=rng.uniform(0, 7 * 3 * (1 + seed % 2), 7) * HOUR)
        prices = Prices(7)
        for domain in range(7):
            add(prices, str(domain), [domain], float(rng.integers(0, 9)), float(rng.uniform(0, 30)) * HOUR)
        orders = [solve(left, prices, calendar, 0.0) for solve in (exact_order, good_order)]
        best, good = (sum(v.end > left.due[v.domain] for v in order) for order in orders)
        assert best == good, seed


def test_in_windows_visits_begin_only_where_they_may():
    found = visit_order(alike(40, due=10, length=3 * HOUR), Prices(40), WINDOWS, 0.0)
    assert {0.0, 3.0, 6.0, 9.0} == {v.begin / HOUR % 24 for v in found}
    assert 40 == len(found)


def test_without_room_left_in_any_window_domains_have_no_visit():
    two = Calendar((0.0,), (HOUR,))
    found = [visit_order(alike(n), Prices(n), two, 0.0) for n in (4, 12)]
    assert [2, 10] == [sum(v.begin == inf for v in order) for order in found]


def test_where_nothing_costs_anything_the_fixed_order_stands():
    for count in (4, 30):
        found = visit_order(alike(count), Prices(count), Calendar(), 0.0)
        assert list(range(count)) == [v.domain for v in found]


def test_an_idle_domain_goes_first_and_one_whose_job_ends_soon_waits_for_that():
    for count in (4, 30):
        prices = Prices(count)
        for domain in range(count):
            add(prices, f"long-{domain}", [domain], 100.0)
        prices.remove_all(["long-2", "long-1"])
        add(prices, "short", [1], 500.0, 2.5 * HOUR)
        order = [v.domain for v in visit_order(alike(count), prices, Calendar(), 0.0)]
        assert 2 == order[0]
        assert order.index(1) >= 3


def test_what_is_cheap_is_told_apart_beside_what_is_very_dear():
    prices = Prices(3)
    add(prices, "dear", [0], 1e13)
    add(prices, "cheap", [1], 1.0, 1.5 * HOUR)
    first = good_order(alike(3, due=9), prices, Calendar(), 0.0, most=1, ahead=1)
    assert [2] == [visit.domain for visit in first]


def test_a_lower_rank_goes_first_whatever_it_costs_and_an_avoided_one_when_it_may():
    for count in (5, 30):
        prices = Prices(count)
        add(prices, "gang", [3, 4], 1e6)
        left = alike(
            count, due=3, rank=[1] * 3 + [0] + [1] * (count - 4), earliest=[0] * 4 + [7200] + [0] * (count - 5)
        )
        found = visit_order(left, prices, Calendar(), 0.0)
        assert 3 == found[0].domain
        assert next(v.begin for v in found if v.domain == 4) >= 7200


def test_the_next_visit_alone_is_that_of_the_whole_order_of_a_few():
    for seed in range(20):
        given = case(seed, 6)
        whole = visit_order(given.left, given.prices, given.calendar, 0.0)
        assert whole[0] == next_visit(given.left, given.prices, given.calendar, 0.0)


class Counted(Calendar):
    """Counts how often it is asked when a visit may begin."""

    asked: ClassVar[list[float]] = []

    def begin(self, at: float) -> float:
        self.asked.append(at)
        return super().begin(at)


def test_places_in_windows_are_looked_for_a_window_at_a_time():
    count, prices = 80, Prices(80)
    for n in range(count):
        add(prices, str(n), [n], float(n + 1))
    Counted.asked.clear()
    left = alike(count, due=4, length=HOUR / 2)
    visit_order(left, prices, Counted(WINDOWS.opens, WINDOWS.last), 0.0)
    assert len(Counted.asked) < 10 * count


def test_places_in_windows_are_those_of_one_visit_after_another():
    rng = np.random.default_rng(3)
    for _ in range(60):
        opens = np.cumsum(rng.integers(1, 40, 12)) * HOUR
        calendar = Calendar(tuple(opens.tolist()), tuple((opens + rng.integers(0, 9, 12) * 600.0).tolist()))
        at, length = float(rng.integers(0, 20)) * HOUR, float(rng.integers(1, 120)) * 60.0
        found = calendar.slots(at, length, 40).tolist()
        for begin in found:
            at = calendar.begin(at)
            assert begin == pytest.approx(at)
            at += length


def test_visits_are_priced_at_their_beginnings():
    given = case(5, 6)
    visits = visit_order(given.left, given.prices, given.calendar, 0.0)
    expected = [given.priced(v.begin)[v.domain] for v in visits]
    assert expected == pytest.approx(costs_of(visits, given.prices).tolist())


def test_places_are_given_out_at_the_lowest_sum():
    rng = np.random.default_rng(0)
    for rows, columns in [(1, 1), (3, 3), (6, 40), (12, 13), (20, 90)]:
        costs = rng.integers(0, 30, (rows, columns)).astype(float)
        expected = costs[linear_sum_assignment(costs)].sum()
        for found in (assign(costs), assign_few(costs)):
            assert rows == len(set(found.tolist()))
            assert expected == pytest.approx(costs[np.arange(rows), found].sum())
