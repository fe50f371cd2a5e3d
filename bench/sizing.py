"""`python -m bench.sizing`: the domain size that `fleet.policy.sizing` finds, beside a sweep of sizes in the simulator,
for a pool of training, one of inference and one of storage; writes bench/results/sizing.json and its part of
docs/validation.md.

The exit code is 1 when a cost is off by more than 5%, or sizes come in another order.
"""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from bench import cpu
from bench.validation import page
from bench.validation.page import SIZES
from fleet.models.sizing import JobMix, SizeQuestion, Sizing, VisitModel
from fleet.policy.sizing import kind_of, sizing
from simulation.validation.check import Check
from simulation.validation.sizes import Cost, PoolToSize, Standing, placed_host_hours, simulated_cost

WHERE = Path(__file__).parent / "results" / "sizing.json"
ALLOWED = 0.05
UNPLACED = 0.2
ALIKE = 0.02
"""Sizes whose costs are closer than this have no order."""
RESTART_S, CHECKPOINT_S = 750.0, 3600.0
"""The middle of the restarts of 5 to 20 minutes, and the checkpoint an hour, of arXiv 2410.21680."""


@dataclass(frozen=True)
class Case:
    """A pool to size: its jobs as hosts → number."""

    name: str
    hosts: int
    mix: dict[int, int]
    visit_h: float
    bound_days: float
    sizes: tuple[int, ...]
    too_small: int
    """A size that does not keep the bound: the policy must refuse it, and it is not simulated."""
    replicas: bool = False


CASES = (
    Case(
        "training",
        2048,
        {1: 100, 2: 50, 4: 30, 8: 20, 16: 10, 32: 4, 64: 6, 128: 3, 256: 1},
        visit_h=2.0,
        bound_days=30.0,
        sizes=(6, 8, 12, 16, 24, 32, 64, 128),
        too_small=5,
    ),
    Case("inference", 1024, {1: 600, 2: 140}, 1.0, 30.0, (2, 4, 8, 16, 32, 64), too_small=1),
    Case("storage", 480, {}, 4.0, 30.0, (3, 4, 8, 12, 24, 48), too_small=2, replicas=True),
)


@dataclass(frozen=True)
class Swept:
    """What was found of a case."""

    case: Case
    found: Sizing
    unplaced: Sizing
    """The same without a look at where the jobs run: gangs of the mix, anywhere in a row of hosts."""
    costs: tuple[Cost, ...]

    def checks(self) -> list[Check]:
        """Best size, order of the sizes, and the cost of each."""
        name, said = self.case.name, {p.size: p for p in self.found.points}
        can = [c for c in self.costs if not said[c.domain].why_not]
        best, idle = min(can, key=lambda c: (round(c.total, 1), c.domain)), self._idle
        refused = float(bool(said[self.case.too_small].why_not))
        rows = [
            Check(
                SIZES,
                f"{name}, a domain of {self.case.too_small} refused",
                1.0,
                refused,
                0.0,
                source="the bound",
                put_in=True,
            ),
            Check(SIZES, f"{name}, best size", self.found.best or 0, best.domain, 0.0, source=_FORMULA, put_in=idle),
            Check(SIZES, f"{name}, pairs of sizes in another order", 0, len(self.disorder()), 0.0, put_in=idle),
        ]
        rows.append(self._unplaced())
        for cost in self.costs:
            point = said[cost.domain]
            what = f"{name}, domains of {cost.domain}: reserved {cost.reserved:.0f} and interruptions"
            rows.append(Check(SIZES, what, point.cost, cost.total, ALLOWED, source=point.why_not, put_in=idle))
        return rows

    def _unplaced(self) -> Check:
        """The size that is furthest off by the mix alone."""
        said = {p.size: p.cost for p in self.unplaced.points}
        worst = max(self.costs, key=lambda c: abs(c.total / said[c.domain] - 1))
        what = f"{self.case.name}, domains of {worst.domain} by the mix alone: the worst"
        source = "where jobs run left out"
        return Check(SIZES, what, said[worst.domain], worst.total, UNPLACED, source=source, put_in=self._idle)

    @property
    def _idle(self) -> bool:
        """Without jobs, what a size costs is what it reserves, on both sides by definition."""
        return not self.case.mix

    def disorder(self) -> list[tuple[int, int]]:
        """Pairs of sizes of which the simulator finds the other one cheaper."""
        said = {p.size: p.cost for p in self.found.points}
        pairs = combinations(self.costs, 2)
        return [
            (a.domain, b.domain)
            for a, b in pairs
            if (said[a.domain] - said[b.domain]) * (a.total - b.total) < 0
            and abs(said[a.domain] / said[b.domain] - 1) > ALIKE
        ]


_FORMULA = "`fleet.policy.sizing`"


def swept(case: Case, cycles: int = 2, seed: int = 1) -> Swept:
    """Ask the policy, and the simulator, about every size."""
    jobs = tuple(Standing(g, n, RESTART_S, CHECKPOINT_S) for g, n in case.mix.items())
    every = {size: max(case.bound_days / 2, _cycle_days(case, size)) for size in case.sizes}
    pools = {s: PoolToSize(case.hosts, jobs, case.visit_h * 3600, every[s]) for s in case.sizes}
    lost = (RESTART_S + CHECKPOINT_S / 2) / 3600
    mix = JobMix(
        hosts=tuple(float(g) for g in case.mix),
        count=tuple(float(n) for n in case.mix.values()),
        lost_hours=(lost,) * len(case.mix),
    )
    question = SizeQuestion(
        members=case.hosts,
        visit=VisitModel(fixed_seconds=case.visit_h * 3600, source="given"),
        mix=mix,
        bound_days=case.bound_days,
        every_days=case.bound_days / 2,
        placed_host_hours={s: placed_host_hours(p, s, seed) for s, p in pools.items()} if case.mix else {},
    )
    today, among = case.sizes[-1], {case.too_small, *case.sizes}
    kind = kind_of(mix, case.replicas)
    found = sizing(case.name, question, today, among, kind)
    unplaced = sizing(case.name, question.model_copy(update={"placed_host_hours": {}}), today, among, kind)
    return Swept(case, found, unplaced, tuple(simulated_cost(pools[s], s, cycles, seed) for s in case.sizes))


def _cycle_days(case: Case, size: int) -> float:
    return -(-case.hosts // size) * case.visit_h / 24


def _keep(results: Sequence[Swept], seconds: float) -> None:
    checks: list[dict[str, Any]] = [asdict(c) for s in results for c in s.checks()]
    pools = [{"case": asdict(s.case), "kind": s.found.kind, "reason": s.found.reason} for s in results]
    found = {"machine": cpu.machine(), "cpu_s": round(seconds, 1), "pools": pools, "checks": checks}
    WHERE.write_text(json.dumps(found, indent=1) + "\n")


def main() -> int:
    """Sweep, write and tell."""
    began = time.process_time()
    results = [swept(case) for case in CASES]
    _keep(results, time.process_time() - began)
    page.write_anew()
    checks = [c for s in results for c in s.checks()]
    for result in results:
        print(f"{result.case.name}: {result.found.reason}")
    for check in checks:
        print(check.row())
    return 0 if all(c.right for c in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
