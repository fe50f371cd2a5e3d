"""The sequential test of blame: a gambler's capital that a good version can't make grow, however often one looks.

Each comparison bets that a failure among hosts with the version and their control fell on the version. If the version
changes nothing, the failures fall by exposure alone, whatever the base rate is and however it moves; so the capital's
expectation stays 1, and by Ville's inequality it ever reaches 1/α with a chance of at most α. The functions take numpy
arrays of any shape: one comparison, or thousands of simulated rollouts.

With `w` the version's share of the exposure compared, failures among its hosts follow, given all `n` failures, at most
(in the convex order) a binomial of n and w under the null, and w' = θw/(1 + (θ-1)w) if it multiplies failures by θ:

    capital factor = (w'/w)^x ((1-w')/(1-w))^(n-x) = θ^x / (1 + (θ-1)w)^n         x of the n failures on its hosts

For visits the null is hypergeometric, which the binomial dominates (Hoeffding 1963), so that the expectation is at most
1 there. Sources: Wald, Sequential tests of statistical hypotheses, 1945; Ville 1939; Kulldorff et al., A maximized
sequential probability ratio test for drug and vaccine safety surveillance, 2011 (the binomial share); ter Schure et
al., The safe logrank test, 2020, and Turner, Ly and Grünwald, Generic e-variables for exact sequential k-sample tests,
2024 (e-values of such comparisons); Ramdas et al., Game-theoretic statistics and safe anytime-valid inference, 2023.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fleet.models.blame_rule import BlameRule

Array = NDArray[np.float64]
KINDS = ("visit", "production")
"""Order of the kinds in an array of growths."""


def growth(failures: ArrayLike, all_failures: ArrayLike, share: ArrayLike, ratios: ArrayLike) -> Array:
    """Logarithm of the capital's factor of one comparison, by ratio in a new last axis.

    `share` is the version's part of the exposure compared, each host weighed by its record.
    """
    x, n, w = (np.asarray(v, dtype=float)[..., None] for v in (failures, all_failures, share))
    theta = np.asarray(ratios, dtype=float)
    grown: Array = x * np.log(theta) - n * np.log1p((theta - 1) * w)
    return grown


def growth_against_bound(failures: ArrayLike, at_most: ArrayLike, ratios: ArrayLike) -> Array:
    """The same where control is too thin: against `at_most`, the failures that no healthy pool exceeds in expectation.

    A factor θ^x exp(-(θ-1) at_most), whose expectation is at most 1 for trials (1 + y ≤ e^y) and for events in time.
    """
    x, most = (np.asarray(v, dtype=float)[..., None] for v in (failures, at_most))
    theta = np.asarray(ratios, dtype=float)
    grown: Array = x * np.log(theta) - (theta - 1) * most
    return grown


def hardware_shares(declared: int, found: int) -> Array:
    """The part of the bets on single hardware models that each gets, and last what is kept for models not yet seen.

    Fixed when a model turns up, so that splitting never depends on outcomes: those declared share nine tenths evenly
    (nothing is declared: nothing), each that turns up later takes half of what is left.
    """
    reserve = 0.1 if declared else 1.0
    shares = [(1 - reserve) / max(declared, 1)] * declared
    for _ in range(found):
        reserve /= 2
        shares.append(reserve)
    return np.array([*shares, reserve])


def log_odds(grown: Array, shares: Array, rule: BlameRule) -> Array:
    """Logarithm of the whole capital, from growths of shape (…, hardware model, kind, ratio) as sums of logarithms.

    Capital is split before the first trial: by where failures come (visits, production, both), by hardware (every
    model, or one alone) and by ratio; averages of such capitals keep the bound. `shares` as of `hardware_shares`.
    """
    on_all, alone = _by_scope(grown, rule)
    reserve = np.full((*on_all.shape, 1), np.log(shares[-1]))
    singles = np.logaddexp.reduce(np.concatenate([alone + np.log(shares[:-1]), reserve], axis=-1), axis=-1)
    total: Array = np.logaddexp(np.log(rule.on_all_hardware) + on_all, np.log1p(-rule.on_all_hardware) + singles)
    return total


def log_odds_alone(grown: Array, rule: BlameRule) -> Array:
    """Logarithm of the capital of each hardware model's own trials, unsplit: shape (…, hardware model)."""
    return _by_scope(grown, rule)[1]


def chance_elsewhere(failures: int, all_failures: int, share: float) -> float:
    """The chance that at most so many of all failures fall on one side by its share alone."""
    return sum(math.comb(all_failures, k) * share**k * (1 - share) ** (all_failures - k) for k in range(failures + 1))


def threshold(rule: BlameRule) -> float:
    """Logarithm of the capital that convicts."""
    return float(-np.log(rule.false_alarms))


def _by_scope(grown: Array, rule: BlameRule) -> tuple[Array, Array]:
    """Mixed over kinds and ratios: of all models together (…) and of each alone (…, model)."""
    kinds = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    split = np.log([rule.on_visits, 1 - rule.on_visits - rule.on_both, rule.on_both])[:, None]
    split = split + np.log(rule.ratio_weights)  # (kinds bet on, ratio)
    alone = np.einsum("...mkr,sk->...msr", grown, kinds)
    together = alone.sum(axis=-3)
    return (
        np.logaddexp.reduce(together + split, axis=(-2, -1)),
        np.logaddexp.reduce(alone + split, axis=(-2, -1)),
    )
