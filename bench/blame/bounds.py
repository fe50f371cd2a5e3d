"""What a laxer bound on false alarms would bring, and cost: the same rollouts judged by several."""

from typing import Any

import numpy as np

from bench.blame import rules
from bench.blame.families import GOALS, USUAL
from bench.blame.rules import share
from bench.blame.worlds import Run, World, run
from fleet.models.blame_rule import BlameRule

BOUNDS = (0.01, 0.015, 0.02, 0.025)


def bounds(scenarios: int, seed: int, rule: BlameRule, visits: int) -> dict[str, Any]:
    """By bound: shares of rollouts with their intervals, and hosts harmed over those of the gate at phase ends."""
    good = run(World(visits, models=2, usual=USUAL), scenarios, seed, rule)
    wrong = {most: share(int((_stop(good, most) < visits).sum()), scenarios) for most in BOUNDS}
    bad = [
        _bad(rate, goal, one=one, scenarios=scenarios, seed=seed + 1, rule=rule)
        for rate, goal in GOALS.items()
        for one in (False, True)
    ]
    rows = [{"bound": most, "wrong": wrong[most], "bad": [each[most] for each in bad]} for most in BOUNDS]
    return {"scenarios": scenarios, "visits": visits, "rows": rows}


def _bad(
    rate: float, goal: int, *, one: bool, scenarios: int, seed: int, rule: BlameRule
) -> dict[float, dict[str, Any]]:
    models = (0,) if one else (0, 1)
    world = World(goal * (6 if one else 3), models=2, usual=USUAL, bad=rate, bad_models=models)
    done = run(world, scenarios, seed, rule)
    gate = rules.harmed(done.failed, rules.gate_at_phase_end(done.failed))
    found: dict[float, dict[str, Any]] = {}
    for most in BOUNDS:
        stop = _stop(done, most)
        found[most] = {
            "rate": rate,
            "goal": goal,
            "one_model": one,
            "found": share(int((stop < goal * (2 if one else 1)).sum()), scenarios),
            "of_gate": round(rules.harmed(done.failed, stop) / gate, 3),
        }
    return found


def _stop(done: Run, most: float) -> rules.Stops:
    return rules.first(done.odds >= -np.log(most))
