"""Simulated rollouts: which hosts fail, with the version and without it, and what the policy's capital does."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from bench.blame.supply import Matching, Supply, match
from fleet.models.blame_rule import BlameRule
from fleet.policy.sequential import growth, growth_against_bound, hardware_shares, log_odds, log_odds_alone

Array = NDArray[np.float64]
Hits = NDArray[np.bool_]
RECORD = 12
"""Visits of each host before the rollout."""
BATCH = 100


@dataclass(frozen=True)
class World:
    """What is true in a family of scenarios. Rates are failures a visit."""

    visits: int
    models: int = 1
    usual: float = 0.01
    bad: float | None = None
    """Rate with the version; None: it changes nothing."""
    bad_models: tuple[int, ...] = (0, 1)
    lemons: float = 0.0
    """Share of hosts that are bad themselves."""
    lemon_rate: float = 0.4
    before: float | None = None
    """Usual rate before the rollout began, where it moved."""
    supply: Supply = field(default_factory=Supply)


@dataclass(frozen=True)
class Drawn:
    """Some scenarios of a world; arrays by scenario first."""

    failed: Hits
    """By visit, in their order."""
    weight: Array
    """Of the visited host, by its record."""
    control_failed: Hits
    control_weight: Array


def draw(rng: np.random.Generator, world: World, matching: Matching, scenarios: int, rule: BlameRule) -> Drawn:
    """Draw scenarios."""
    with_it, without = (scenarios, world.visits), (scenarios, matching.controls)
    rate = np.full(world.visits, world.usual if world.bad is None else world.bad)
    good = ~np.isin(np.arange(world.visits) % world.models, world.bad_models)
    rate[good] = world.usual
    base = np.full(matching.controls, world.usual)
    base[: matching.history] = world.usual if world.before is None else world.before
    failed, weight = _hosts(rng, world, np.broadcast_to(rate, with_it), rule)
    control_failed, control_weight = _hosts(rng, world, np.broadcast_to(base, without), rule)
    return Drawn(failed, weight, control_failed, control_weight)


def _hosts(rng: np.random.Generator, world: World, rate: Array, rule: BlameRule) -> tuple[Hits, Array]:
    """Whether each host fails, and its weight by its record; a lemon fails at its own rate, whatever it carries."""
    before = world.usual if world.before is None else world.before
    by_chance = rng.random(rate.shape, dtype=np.float32)
    record = np.searchsorted(binom.cdf(np.arange(RECORD + 1), RECORD, before), by_chance)
    failing = rate
    if world.lemons:
        lemon = rng.random(rate.shape, dtype=np.float32) < world.lemons
        of_lemons = np.searchsorted(binom.cdf(np.arange(RECORD + 1), RECORD, world.lemon_rate), by_chance)
        record = np.where(lemon, of_lemons, record)
        failing = np.where(lemon, np.maximum(rate, world.lemon_rate), rate)
    weight = (rule.host_spread + record) / (rule.host_spread + RECORD * rule.usual_failures)
    return rng.random(rate.shape, dtype=np.float32) < failing, weight


def grown(world: World, matching: Matching, drawn: Drawn, rule: BlameRule) -> Array:
    """The logarithms of the capitals after each visit: (scenario, visit, hardware model, kind, ratio)."""
    failures = (matching.to_visit @ drawn.control_failed.T).T
    weight = (matching.to_visit @ drawn.control_weight.T).T
    share = drawn.weight / (drawn.weight + weight)
    each = growth(drawn.failed, drawn.failed + failures, share, rule.ratios)
    at_most = rule.visit_failures_at_most * np.maximum(drawn.weight, 1.0)
    against = growth_against_bound(drawn.failed, at_most, rule.ratios)
    each = np.where(matching.bound[None, :, None], against, each)
    model = np.arange(world.visits) % world.models
    by_model = each[:, :, None, :] * (model[:, None] == np.arange(world.models))[None, :, :, None]
    capital = np.zeros((*by_model.shape[:3], 2, len(rule.ratios)))
    capital[..., 0, :] = by_model.cumsum(axis=1)
    return capital


@dataclass(frozen=True)
class Run:
    """What became of scenarios."""

    failed: Hits
    odds: Array
    """Logarithm, by scenario and visit."""
    alone: Array
    """The same of each hardware model's own trials."""


def run(world: World, scenarios: int, seed: int, rule: BlameRule) -> Run:
    """Simulate a family."""
    rng = np.random.default_rng(seed)
    matching = match(world.supply, world.visits, world.models, rule)
    shares = hardware_shares(world.models, 0)
    runs = []
    for begin in range(0, scenarios, BATCH):
        drawn = draw(rng, world, matching, min(BATCH, scenarios - begin), rule)
        capital = grown(world, matching, drawn, rule)
        runs.append(Run(drawn.failed, log_odds(capital, shares, rule), log_odds_alone(capital, rule)))
    return Run(*(np.concatenate([getattr(r, name) for r in runs]) for name in ("failed", "odds", "alone")))
