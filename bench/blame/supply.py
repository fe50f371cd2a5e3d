"""Where the control of a simulated rollout comes from, and which control trials each visit is compared with.

The choice depends on arrivals alone, so one run of the policy's own pool serves all scenarios of a plan.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from fleet.models.blame_rule import BlameRule
from fleet.models.blame_state import Chunk, Pool
from fleet.policy.controls import Waiting

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_BETWEEN = timedelta(minutes=10)


@dataclass(frozen=True)
class Supply:
    """Visits of hosts without the version."""

    history: int = 5000
    """In the weeks before the rollout."""
    beside: tuple[tuple[int, float], ...] = ((150, 10.0), (600, 2.0), (1_000_000, 0.25))
    """Up to which visit with the version, and how many without it come on each."""

    def arrivals(self, visits: int) -> list[int]:
        """Visits without the version that come just before each visit with it."""
        counts, owed = [], 0.0
        for visit in range(visits):
            owed += next(each for until, each in self.beside if visit < until)
            counts.append(int(owed))
            owed -= int(owed)
        return counts


@dataclass(frozen=True)
class Matching:
    """Which control trial goes to which visit."""

    arrivals: list[int]
    history: int
    controls: int
    to_visit: csr_array
    """(visits, controls), 1 where compared."""
    bound: NDArray[np.bool_]
    """By visit: control was too thin, and the fixed bound is asked."""


def match(supply: Supply, visits: int, models: int, rule: BlameRule) -> Matching:
    """Run the policy's pools over the arrivals. Visits and control trials go round the hardware models in turn."""
    pools = [Waiting(Pool(carried=(), hardware=str(m), kind="visit"), rule) for m in range(models)]
    stacks: list[list[int]] = [[] for _ in range(models)]
    arrivals = supply.arrivals(visits)
    rows, columns, bound = [], [], np.zeros(visits, dtype=bool)
    control = 0

    def arrive(count: int, at: datetime) -> None:
        nonlocal control
        for _ in range(count):
            pools[control % models].add(Chunk(1, 1.0, 1.0, 0, at))
            stacks[control % models].append(control)
            control += 1

    arrive(supply.history, BEGIN)
    for visit, count in enumerate(arrivals):
        at, model = when(visit), visit % models
        arrive(count, at)
        drawn = pools[model].draw(1, 1.0, at)
        bound[visit] = drawn is None
        for _ in range(drawn.trials if drawn else 0):
            rows.append(visit)
            columns.append(stacks[model].pop())
    to_visit = csr_array((np.ones(len(rows)), (rows, columns)), shape=(visits, control))
    return Matching(arrivals, supply.history, control, to_visit, bound)


def when(visit: int) -> datetime:
    """The time of a visit with the version, counted from 0."""
    return BEGIN + (visit + 1) * _BETWEEN
