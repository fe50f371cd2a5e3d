"""Is a host slower than its pool? A one-sided robust outlier test, so that a host that is slow but "passes" is caught.

Median and median absolute deviation bear nearly half of the samples being bad. The spread has a floor, a share of the
median, since in a pool of equals a hair's breadth is no fault. A host is never compared with itself.
"""

import math
from collections.abc import Mapping
from statistics import median

from fleet.models.baseline import BaselineRule, Judgement
from fleet.models.verification import Verdict

MAD_TO_SIGMA = 1.4826
"""Median absolute deviation of a normal distribution to its standard deviation."""
POOL_SLOW = 0.9
"""Share of the expected number below which a whole pool is told as slow."""


def judge(host: str, value: float, samples: Mapping[str, float], rule: BaselineRule, unit: str = "GB/s") -> Judgement:
    """Judge a host's number against the newest numbers of the pool's hosts, by name."""
    others = [v for name, v in sorted(samples.items()) if name != host and math.isfinite(v) and v > 0]
    if not math.isfinite(value) or value <= 0:
        return Judgement(verdict=Verdict.INCONCLUSIVE, value=0.0, reason=f"{value} {unit} is no measurement")
    if rule.minimum is not None and value < rule.minimum:
        return Judgement(
            verdict=Verdict.FAILED,
            value=value,
            threshold=rule.minimum,
            samples=len(others),
            reason=f"{value:.4g} {unit} is below the minimum of {rule.minimum:.4g}",
        )
    if len(others) < rule.least_samples:
        return _by_minimum(value, len(others), rule, unit)
    return _by_pool(value, others, rule, unit)


def _by_minimum(value: float, count: int, rule: BaselineRule, unit: str) -> Judgement:
    few = f"{count} other host(s) of the pool measured, {rule.least_samples} needed"
    if rule.minimum is None:
        return Judgement(
            verdict=Verdict.INCONCLUSIVE,
            value=value,
            samples=count,
            reason=f"{value:.4g} {unit} can't be judged: {few}, and no minimum is set",
        )
    return Judgement(
        verdict=Verdict.PASSED,
        value=value,
        threshold=rule.minimum,
        samples=count,
        reason=f"{value:.4g} {unit} reaches the minimum of {rule.minimum:.4g} ({few})",
    )


def _by_pool(value: float, others: list[float], rule: BaselineRule, unit: str) -> Judgement:
    middle = median(others)
    deviation = median(abs(v - middle) for v in others) * MAD_TO_SIGMA
    spread = max(deviation, middle * rule.least_spread)
    threshold = max(middle - rule.deviations * spread, middle * rule.always_slow)
    pool_slow = rule.expected is not None and middle < rule.expected * POOL_SLOW
    verdict, reason = Verdict.PASSED, f"{value:.4g} {unit} is in line with the pool's median of {middle:.4g}"
    if value < threshold:
        below = 1 - value / middle
        verdict = Verdict.FAILED
        reason = f"{value:.4g} {unit} is {below:.0%} below the pool's median of {middle:.4g} (limit {threshold:.4g})"
    elif value > middle * rule.most:
        verdict = Verdict.INCONCLUSIVE
        reason = f"{value:.4g} {unit} is {value / middle:.1f} times the pool's median of {middle:.4g}: not believed"
    if pool_slow:
        reason += f"; the whole pool is slow: its median should be {rule.expected:.4g}"
    return Judgement(
        verdict=verdict,
        value=value,
        median=middle,
        spread=spread,
        threshold=threshold,
        samples=len(others),
        pool_slow=pool_slow,
        reason=reason,
    )
