"""The capital of the sequential test: exact expectations against scipy, and the bound on false alarms by simulation."""

import numpy as np
import pytest
from scipy.stats import binom, hypergeom, poisson

from fleet.models.blame_rule import BlameRule
from fleet.policy.sequential import (
    chance_elsewhere,
    growth,
    growth_against_bound,
    hardware_shares,
    log_odds,
    threshold,
)

RATIOS = (2.0, 4.0, 8.0, 30.0)


@pytest.mark.parametrize("share", [0.03, 0.5, 0.9])
@pytest.mark.parametrize("failures", [1, 2, 7])
def test_a_good_versions_capital_is_expected_to_stay_the_same(share, failures):
    x = np.arange(failures + 1)

    factor = np.exp(growth(x, failures, share, RATIOS))

    assert np.ones(4) == pytest.approx(binom.pmf(x, failures, share) @ factor)


@pytest.mark.parametrize(("hosts", "controls", "failures"), [(1, 5, 1), (4, 4, 3), (10, 30, 6), (30, 10, 12)])
def test_in_visits_it_is_expected_to_grow_no_more_than_that(hosts, controls, failures):
    x = np.arange(min(hosts, failures) + 1)
    chances = hypergeom.pmf(x, hosts + controls, hosts, failures)

    factor = np.exp(growth(x, failures, hosts / (hosts + controls), RATIOS))

    assert np.all(chances @ factor <= 1 + 1e-12)


def test_a_factor_is_the_likelihood_ratio_of_the_two_shares():
    share, ratio, x, n = 0.2, 5.0, 3, 4
    more = ratio * share / (1 + (ratio - 1) * share)

    expected = binom.logpmf(x, n, more) - binom.logpmf(x, n, share)

    assert expected == pytest.approx(growth(x, n, share, (ratio,))[0])


def test_against_a_bound_the_expectation_stays_below_one_for_visits_and_for_days():
    x, trials, bound = np.arange(21), 20, 0.05
    factor = np.exp(growth_against_bound(x, trials * bound, RATIOS))

    assert np.all(binom.pmf(x, trials, bound) @ factor <= 1)
    assert np.all(binom.pmf(x, trials, bound / 3) @ factor <= 1)
    events = np.arange(60)
    in_time = np.exp(growth_against_bound(events, 1.0, RATIOS[:3]))
    assert np.ones(3) == pytest.approx(poisson.pmf(events, 1.0) @ in_time)


def test_all_shares_of_the_capital_add_up_to_one_before_the_first_trial():
    rule = BlameRule()

    for declared, found in [(0, 0), (0, 3), (1, 0), (4, 0), (2, 2)]:
        shares = hardware_shares(declared, found)
        assert declared + found + 1 == len(shares)
        assert 1.0 == pytest.approx(shares.sum())
        assert 0.0 == pytest.approx(float(log_odds(np.zeros((declared + found, 2, 2)), shares, rule)))


def test_a_hardware_model_that_turns_up_later_changes_no_share_of_the_others():
    assert hardware_shares(2, 1)[:3].tolist() == hardware_shares(2, 2)[:3].tolist()


def test_the_chance_elsewhere_is_a_binomials():
    assert float(binom.cdf(2, 9, 0.4)) == pytest.approx(chance_elsewhere(2, 9, 0.4))
    assert 1.0 == chance_elsewhere(0, 0, 0.5)


def test_a_good_version_is_blamed_in_at_most_the_share_allowed_however_often_one_looks():
    """3,000 rollouts of 400 hosts by a coin that is fair, with a base rate that jumps from 1% to 20% in the middle."""
    rng, rule = np.random.default_rng(11), BlameRule()
    rate = np.where(np.arange(400) < 200, 0.01, 0.2)
    ours = rng.random((3000, 400)) < rate
    theirs = rng.binomial(8, rate, (3000, 400))
    capital = np.zeros((3000, 400, 1, 2, len(rule.ratios)))
    capital[:, :, 0, 0] = growth(ours, ours + theirs, 1 / 9, rule.ratios).cumsum(axis=1)

    blamed = (log_odds(capital, hardware_shares(1, 0), rule) >= threshold(rule)).any(axis=1).mean()

    assert 0 < blamed <= rule.false_alarms
