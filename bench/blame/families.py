"""The families of scenarios, and what each rule makes of them: how soon it stops, how often wrongly, whom it harms."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.blame import rules, slow_burn
from bench.blame.rules import Stops, share
from bench.blame.supply import Supply
from bench.blame.worlds import Run, World, run
from fleet.models.blame_rule import BlameRule
from fleet.policy.sequential import chance_elsewhere, threshold

USUAL = 0.01
GOALS = {0.2: 60, 0.1: 150}
"""Within how many hosts a version that fails so often should be found."""
APART = Supply(beside=((75, 20.0), (300, 4.0), (1_000_000, 0.5)))
"""Two versions that are boarded apart share the visits, so that twice the control comes on each visit with one."""


def good(scenarios: int, seed: int, rule: BlameRule, visits: int) -> list[dict[str, Any]]:
    """Rollouts of a good version, to the end: every stop is a wrong one."""
    worlds = {
        "good version, bad hosts": World(visits, models=2, usual=USUAL, lemons=0.02),
        "good version, all hosts alike": World(visits, models=2, usual=USUAL),
    }
    found = []
    for number, (name, world) in enumerate(worlds.items()):
        done = run(world, scenarios, seed + number, rule)
        stops = _stops(done, rule)
        wrong = {rule: share(int((at < visits).sum()), scenarios) for rule, at in stops.items()}
        found.append({"name": name, "scenarios": scenarios, "visits": visits, "stopped": wrong})
    return found


def bad(scenarios: int, seed: int, rule: BlameRule) -> list[dict[str, Any]]:
    """Rollouts of a version that fails in visits, on all hardware models or on one of two."""
    found = []
    for number, (rate, goal) in enumerate(GOALS.items()):
        for one in (False, True):
            models = (0,) if one else (0, 1)
            world = World(goal * (6 if one else 3), models=2, usual=USUAL, bad=rate, bad_models=models)
            done = run(world, scenarios, seed + 2 * number + one, rule)
            stops = _stops(done, rule)
            counts = np.isin(np.arange(world.visits) % 2, models)[None, :]
            stops["known"] = rules.known_rates(done.failed, USUAL, rate, counts, rule.false_alarms)
            # A goal in hosts that the version is bad on: with one model of two, half of those visited.
            row = _row(stops, done.failed, goal * (2 if one else 1), scenarios)
            row["right_hardware"] = share(
                _rightly(done, stops["blame"], models, rule), int((stops["blame"] < world.visits).sum())
            )
            name = "bad on one hardware model of two" if one else "bad on all hardware"
            found.append({"name": name, "rate": rate, "goal": goal, **_optimum(goal, rate, rule), **row})
    return found


def boarded_together(scenarios: int, seed: int, rule: BlameRule) -> list[dict[str, Any]]:
    """Two versions board together, and one is bad: first they are boarded apart, then the bad one is named."""
    found = []
    for number, (rate, goal) in enumerate(GOALS.items()):
        joint = run(World(goal * 3, usual=USUAL, bad=rate), scenarios, seed + 3 * number, rule)
        parted = rules.first(joint.odds >= np.log(rule.ask_apart))
        apart = World(goal * 3, usual=USUAL, bad=rate, supply=APART)
        done = run(apart, scenarios, seed + 3 * number + 1, rule)
        other = run(World(goal * 3, usual=USUAL, supply=APART), scenarios, seed + 3 * number + 2, rule)
        stops = _stops(done, rule)
        stops["known"] = rules.known_rates(done.failed, USUAL, rate, np.array([[True]]), rule.false_alarms)
        wrong = int((other.odds >= threshold(rule)).any(axis=1).sum())
        found.append(
            {
                "name": "two boarded together, one bad, from their separation",
                "rate": rate,
                "goal": goal,
                **_optimum(goal, rate, rule),
                **_row(stops, done.failed, goal, scenarios),
                "parted_after_hosts_median": float(np.median(parted) + 1),
                "harmed_before_parting": rules.harmed(joint.failed, parted),
                "other_blamed": share(wrong, scenarios),
            }
        )
    return found


def burning_slowly(scenarios: int, seed: int, rule: BlameRule) -> list[dict[str, Any]]:
    """A version under which hosts fail in production, within the soak after their visit."""
    found = []
    for number, (rate, goal) in enumerate(GOALS.items()):
        done = slow_burn.run(USUAL, rate, scenarios, seed + number, rule)
        by_day = {
            "blame": rules.first(done.odds >= threshold(rule)),
            "known": rules.first(done.known >= threshold(rule)),
        }
        visited = np.array([*done.visited, 10**9])
        rows = {name: _slow(done, days, visited, goal, scenarios) for name, days in by_day.items()}
        # The others judge hosts that soaked, in the order of visits: they stop when the last host they need has.
        soaked = np.array(done.soaked)
        for name, stop in _others(done.failures).items():
            days = np.searchsorted(soaked, stop + 1)
            rows[name] = _slow(
                done, np.where(stop < done.failures.shape[1], days, len(soaked)), visited, goal, scenarios
            )
        found.append(
            {
                "name": "slow burn: fails within the soak after return",
                "rate": rate,
                "goal": goal,
                **_optimum(goal, rate, rule),
                "rules": rows,
            }
        )
    return found


def supplies(scenarios: int, seed: int, rule: BlameRule, visits: int) -> list[dict[str, Any]]:
    """What blame does with less control, and with a base rate that moved when the rollout began."""
    none, steady, plenty = ((10**6, 0.0),), ((10**6, 1.0),), ((10**6, 10.0),)
    cases: Mapping[str, tuple[Supply, float | None]] = {
        "as above": (Supply(), None),
        "no control at all (the fixed bound)": (Supply(0, none), None),
        "1 visit without it on each, no history": (Supply(0, steady), None),
        "10 visits without it on each, no history": (Supply(0, plenty), None),
        "5000 earlier visits, none beside": (Supply(5000, none), None),
        "as above, base rate twice what it was before": (Supply(), USUAL / 2),
        "as above, base rate three times what it was before": (Supply(), USUAL / 3),
        "no history, base rate three times what it was before": (Supply(0, plenty), USUAL / 3),
    }
    found = []
    for name, (supply, before) in cases.items():
        row: dict[str, Any] = {"name": name, "scenarios": scenarios, "visits": visits}
        for number, (rate, goal) in enumerate(GOALS.items()):
            done = run(World(goal, usual=USUAL, bad=rate, before=before, supply=supply), scenarios, seed + number, rule)
            row[f"found_{rate:.0%}_within_{goal}"] = share(int((_blame(done, rule) < goal).sum()), scenarios)
        done = run(World(visits, usual=USUAL, before=before, supply=supply), scenarios, seed + 2, rule)
        row["wrong"] = share(int((_blame(done, rule) < visits).sum()), scenarios)
        found.append(row)
    return found


def _blame(done: Run, rule: BlameRule) -> Stops:
    return rules.first(done.odds >= threshold(rule))


def _stops(done: Run, rule: BlameRule) -> dict[str, Stops]:
    return {"blame": _blame(done, rule), **_others(done.failed)}


def _others(failed: NDArray[np.bool_]) -> dict[str, Stops]:
    return {
        "in_a_row": rules.in_a_row(failed),
        "gate": rules.gate_at_phase_end(failed),
        "gate_running": rules.gate_running(failed),
    }


def _row(stops: dict[str, Stops], failed: NDArray[np.bool_], goal: int, scenarios: int) -> dict[str, Any]:
    told = {
        name: {
            "found": share(int((at < goal).sum()), scenarios),
            "hosts_median": float(np.median(at) + 1),
            "harmed": rules.harmed(failed, at),
        }
        for name, at in stops.items()
    }
    return {"scenarios": scenarios, "rules": told}


def _slow(done: slow_burn.Slow, days: Stops, visited: NDArray[np.int64], goal: int, scenarios: int) -> dict[str, Any]:
    harmed = done.failed[np.arange(scenarios), np.minimum(days, done.failed.shape[1] - 1)]
    hosts = visited[days]
    return {
        "found": share(int((hosts <= goal).sum()), scenarios),
        "hosts_median": float(np.median(hosts)),
        "harmed": round(float(harmed.mean()), 2),
    }


def _optimum(goal: int, rate: float, rule: BlameRule) -> dict[str, float]:
    return {"one_look": round(rules.one_look(goal, USUAL, rate, rule.false_alarms), 5)}


def _rightly(done: Run, stop: Stops, models: tuple[int, ...], rule: BlameRule) -> int:
    """Scenarios in which the version is blamed on exactly the hardware models, of two, that it is bad on."""
    right = 0
    for scenario in np.flatnonzero(stop < done.odds.shape[1]):
        until = done.failed[scenario, : stop[scenario] + 1]
        failures, visits = (until[0::2].sum(), until[1::2].sum()), (len(until[0::2]), len(until[1::2]))
        worst = int(done.alone[scenario, stop[scenario]].argmax())
        there, share = 1 - worst, visits[1 - worst] / len(until)
        cleared = chance_elsewhere(int(failures[there]), int(sum(failures)), share) < rule.elsewhere
        right += ((worst,) if cleared else (0, 1)) == models
    return right
