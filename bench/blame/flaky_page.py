"""Measures what failures of jobs do to blame, and the part of docs/limits.md that tells it."""

import random
from pathlib import Path
from typing import Any

from bench.blame.flaky import DOMAINS, EVERY, FIRST_WITH, HOSTS, SOAK, Work, blamed

WHERE = Path(__file__).parents[1] / "results" / "blame_jobs.json"
SEED = 7
GOOD, BAD = 600, 150
"""Rollouts of each row."""
TREATED = HOSTS * len([d for d in range(FIRST_WITH, DOMAINS) if d % EVERY == 0])
ROWS = (
    ("good version, no job fails", Work(works=20, flaky=0.0)),
    ("good version, 30% of runs fail, 5 works", Work(works=5, flaky=0.3)),
    ("good version, 30% of runs fail, 20 works", Work(works=20, flaky=0.3)),
    ("good version, 30% of runs fail, 100 works", Work(works=100, flaky=0.3)),
    ("the same with 20 works, had every failure counted", Work(works=20, flaky=0.3, once=False)),
    ("bad version, 20% of runs fail besides the 2% that do anyway, 20 works", Work(works=20, flaky=0.02, bad=0.2)),
    ("the same, 100 works", Work(works=100, flaky=0.02, bad=0.2)),
)


def measure(good: int = GOOD, bad: int = BAD) -> dict[str, Any]:
    """The figures: rollouts, and those whose version was blamed, by row."""
    rows = []
    for name, work in ROWS:
        rng, rollouts = random.Random(SEED), bad if work.bad else good
        rows.append({"name": name, "rollouts": rollouts, "blamed": sum(blamed(rng, work) for _ in range(rollouts))})
    return {"seed": SEED, "rows": rows}


def section(found: dict[str, Any]) -> str:
    """Markdown."""
    table = [f"| {r['name']} | {r['rollouts']} | {r['blamed']} |" for r in found["rows"]]
    return f"""## Blame by failures of jobs

Written by `make bench-blame`; change `bench/blame/flaky_page.py`. What of them is told, and why each work speaks once
in a soak, is in [ADR 0033](adr/0033-which-job-failures-speak-of-a-host.md).

| simulated | rollouts | version blamed |
|---|---|---|
{chr(10).join(table)}

{DOMAINS} domains of {HOSTS} hosts return by turns, one in {EVERY} of the later ones with the version ({TREATED} hosts),
and soak for {SOAK:g} hours; half of the chances are taken on which an array of single-host jobs of some work starts on
a whole domain within two days of its return. A host goes down on one day in 500, whatever it carries. That the same
work has passed elsewhere, which is asked for as well, is left out here."""
