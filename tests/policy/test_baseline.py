"""Properties of the outlier test that compares a host with its pool."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.models.baseline import BaselineRule
from fleet.models.verification import Verdict
from fleet.policy.baseline import judge

RULE = BaselineRule()
NORMAL = st.floats(0.97, 1.03)


def pool(values):
    return {f"gpu{n:03}": v for n, v in enumerate(values)}


@settings(max_examples=1000, deadline=None)
@given(st.lists(NORMAL, min_size=8, max_size=64), st.floats(10, 4000), st.floats(0.05, 0.69))
def test_a_slow_host_among_normal_ones_is_found(shares, level, share):
    samples = pool([s * level for s in shares])

    judged = judge("slow", share * level * 0.97, samples, RULE)

    assert Verdict.FAILED == judged.verdict


@settings(max_examples=1000, deadline=None)
@given(st.lists(NORMAL, min_size=8, max_size=64), st.floats(10, 4000), NORMAL)
def test_a_normal_host_among_normal_ones_passes(shares, level, share):
    assert Verdict.PASSED == judge("new", share * level, pool([s * level for s in shares]), RULE).verdict


@settings(max_examples=500, deadline=None)
@given(st.lists(NORMAL, min_size=17, max_size=64), st.lists(st.floats(0.1, 0.6), max_size=5), NORMAL)
def test_a_few_slow_hosts_in_the_pool_neither_hide_a_slow_one_nor_blame_a_normal_one(normal, slow, share):
    samples = pool([100 * s for s in normal + slow])

    verdicts = [judge("x", 100 * v, samples, RULE).verdict for v in (0.6, share)]

    assert [Verdict.FAILED, Verdict.PASSED] == verdicts


@settings(max_examples=500, deadline=None)
@given(st.lists(NORMAL, min_size=9, max_size=64), st.floats(0.2, 0.85))
def test_a_uniformly_slow_pool_flags_nobody_but_is_told(shares, level):
    rule = BaselineRule(expected=400)
    samples = pool([400 * level * s for s in shares])

    judged = [judge(host, value, samples, rule) for host, value in samples.items()]

    assert {(Verdict.PASSED, True)} == {(j.verdict, j.pool_slow) for j in judged}
    assert all("the whole pool is slow" in j.reason for j in judged)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.floats(1, 1000), min_size=0, max_size=40), st.floats(1, 1000), st.randoms(use_true_random=False))
def test_the_order_of_the_samples_changes_nothing(values, value, random):
    samples = list(pool(values).items())
    first = judge("x", value, dict(samples), RULE)
    random.shuffle(samples)

    assert first == judge("x", value, dict(samples), RULE)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.floats(1, 1000), min_size=8, max_size=40), st.floats(1, 1000), st.floats(0.01, 1))
def test_one_sided_a_slower_number_never_fares_better(values, value, share):
    better, worse = (judge("x", v, pool(values), RULE) for v in (value, value * share))

    assert not (better.verdict is Verdict.FAILED and worse.verdict is not Verdict.FAILED)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.floats(1, 1000), max_size=7), st.floats(1, 1000))
def test_too_few_samples_judge_nothing_unless_a_minimum_is_set(values, value):
    alone = judge("x", value, pool(values), RULE)
    with_minimum = judge("x", value, pool(values), BaselineRule(minimum=100))

    assert Verdict.INCONCLUSIVE == alone.verdict
    assert (Verdict.PASSED if value >= 100 else Verdict.FAILED) == with_minimum.verdict


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 0.0])
def test_what_is_no_measurement_never_passes(value):
    assert Verdict.INCONCLUSIVE == judge("x", value, pool([100.0] * 20), BaselineRule(minimum=1)).verdict


def test_a_number_far_above_the_pool_is_not_believed():
    assert Verdict.INCONCLUSIVE == judge("x", 160.0, pool([100.0] * 20), RULE).verdict


def test_a_host_is_not_compared_with_its_own_last_number():
    assert 8 == judge("gpu000", 100.0, pool([100.0] * 9), RULE).samples


def test_the_reason_names_the_numbers():
    judged = judge("x", 300.0, pool([400.0] * 10), RULE)

    assert "300 GB/s is 25% below the pool's median of 400 (limit 360)" == judged.reason
    assert (400.0, 8.0, 360.0, 10) == (judged.median, judged.spread, judged.threshold, judged.samples)
