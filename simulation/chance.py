"""Random numbers that every policy meets alike: what a host suffers depends on the seed, the host and the visit's
number, never on what was drawn before, so that policies differ by what they do and not by luck.
"""

from enum import IntEnum, StrEnum
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from fleet.models.base import Fact
from simulation.job import DAY_S, Floats


class Shape(StrEnum):
    """How times spread around their mean."""

    FIXED = "fixed"
    EXPONENTIAL = "exponential"
    LOGNORMAL = "lognormal"


class Spread(Fact):
    """A distribution of lengths of time, told by its mean."""

    mean_s: float = Field(gt=0, description="seconds")
    shape: Shape = Shape.LOGNORMAL
    sigma: float = Field(0.0, ge=0, le=4, description="of the logarithm, for lognormal only")

    @model_validator(mode="after")
    def _sigma_has_a_use(self) -> Self:
        if self.sigma and self.shape is not Shape.LOGNORMAL:
            raise ValueError("sigma: expected only with shape lognormal")
        return self

    def draw(self, rng: np.random.Generator, count: int) -> Floats:
        """So many lengths, in seconds."""
        if self.shape is Shape.FIXED:
            return np.full(count, self.mean_s)
        if self.shape is Shape.EXPONENTIAL:
            return rng.exponential(self.mean_s, count)
        return rng.lognormal(np.log(self.mean_s) - self.sigma**2 / 2, self.sigma, count)

    def __str__(self) -> str:
        """In words."""
        about = {Shape.FIXED: "", Shape.EXPONENTIAL: ", exponential", Shape.LOGNORMAL: f", lognormal σ {self.sigma:g}"}
        return f"{self.mean_s / 3600:g} h{about[self.shape]}"


class Stream(IntEnum):
    """What a random number is for."""

    FAILURES = 1
    EXTRA_FAILURES = 2
    VISITS = 3
    ORDER = 4
    HANDOVERS = 5
    PICKS = 6


def generator(seed: int, stream: Stream, number: int = 0) -> np.random.Generator:
    """Numbers of one stream; `number` is a cycle's, where there are several."""
    return np.random.default_rng([seed, int(stream), number])


class Failures:
    """Failures of hosts to come, as a Poisson process over the whole fleet: when, which host, how long its repair
    takes, and a number in [0, 1) that picks what on it is hit. One that meets a host that is out already is void.
    """

    def __init__(self, rng: np.random.Generator, per_s: float, hosts: int, until_s: float, repair: Spread) -> None:
        count = int(rng.poisson(per_s * hosts * until_s))
        self.at_s: list[float] = [*np.sort(rng.random(count) * until_s).tolist(), float("inf")]
        self.host: list[int] = rng.integers(0, hosts, count).tolist()
        self.repair_s: list[float] = repair.draw(rng, count).tolist()
        self.pick: list[float] = rng.random(count).tolist()


def per_second(per_1000_node_days: float) -> float:
    """A host's failures a second from the rate as the field tells it."""
    return per_1000_node_days / 1000 / DAY_S
