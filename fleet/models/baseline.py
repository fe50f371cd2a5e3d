"""How a measurement is judged against the pool's own hosts, and what a judgement says."""

from typing import Self

from pydantic import Field, model_validator

from fleet.models.base import Decision, Fact
from fleet.models.verification import Verdict


class BaselineRule(Fact):
    """When a host counts as slow. More is better; slower hosts only are looked for."""

    least_samples: int = Field(8, ge=3, description="other hosts of the pool that must have been measured")
    deviations: float = Field(5.0, gt=0, description="robust standard deviations below the median that count as slow")
    least_spread: float = Field(
        0.02, gt=0, lt=1, description="share of the median taken as least standard deviation, for pools of equals"
    )
    always_slow: float = Field(
        0.7, gt=0, lt=1, description="share of the median that is slow however far apart the pool's hosts lie"
    )
    most: float = Field(1.5, gt=1, description="times the median above which a number is not believed")
    minimum: float | None = Field(None, gt=0, description="absolute minimum; the only judge while samples are too few")
    expected: float | None = Field(
        None, gt=0, description="what the hardware should reach: a pool whose median stays 10% below is told as slow"
    )

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.minimum is not None and self.expected is not None and self.minimum > self.expected:
            raise ValueError("expected minimum to be at most expected")
        return self


class Judgement(Decision):
    """What a measurement says about its host. `threshold` is what it had to reach, None where nothing could judge."""

    verdict: Verdict
    value: float
    median: float | None = None
    spread: float | None = None
    threshold: float | None = None
    samples: int = 0
    pool_slow: bool = False
    """The pool's median itself stays below what the hardware should reach; no single host is to blame for that."""
