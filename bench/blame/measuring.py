"""All families in one go, and what a judgement costs."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench import cpu
from bench.blame import families
from bench.blame.bounds import bounds
from bench.blame.supply import BEGIN
from fleet.models.blame import Suspect, Trial
from fleet.models.blame_rule import BlameRule
from fleet.models.verification import Verdict
from fleet.policy.blame import judge

WHERE = Path(__file__).parents[1] / "results" / "blame.json"
SCENARIOS, VISITS, SEED = 2000, 2000, 4
HOSTS, A_VISIT, VISITS_TIMED = 10_000, 16, 200


def measure(scenarios: int = SCENARIOS, visits: int = VISITS, hosts: int = HOSTS) -> dict[str, Any]:
    """Every figure: shares with 95% intervals, hosts, milliseconds. `visits`: how long a good version's rollout is."""
    began, used, rule = time.perf_counter(), time.process_time(), BlameRule()
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "usual_rate": families.USUAL,
        "good": families.good(scenarios, SEED, rule, visits),
        "bad": [
            *families.bad(scenarios, SEED + 100, rule),
            *families.boarded_together(scenarios, SEED + 200, rule),
            *families.burning_slowly(scenarios, SEED + 300, rule),
        ],
        "supply": families.supplies(max(scenarios // 4, 1), SEED + 400, rule, max(visits // 4, 1)),
        "bounds": bounds(scenarios, SEED + 500, rule, visits),
        "cost": cost(hosts),
        "rule": rule.model_dump(mode="json"),
        "seed": SEED,
        "machine": cpu.machine(),
        "took_s": round(time.perf_counter() - began, 1),
        "cpu_s": round(time.process_time() - used, 1),
    }


def cost(hosts: int) -> dict[str, float]:
    """Milliseconds to judge a fleet's trials at once, and after each visit of some hosts; bytes of the state."""
    suspect = Suspect(component="gpu-driver", version="2")
    trials = [_trial(n, suspect) for n in range(hosts)]
    began = time.perf_counter()
    blame = judge([suspect], trials)
    at_once = time.perf_counter() - began
    began = time.perf_counter()
    for visit in range(VISITS_TIMED):
        later = [_trial(hosts + visit * A_VISIT + n, suspect) for n in range(A_VISIT)]
        blame = judge([suspect], later, blame.state)
    each = (time.perf_counter() - began) / VISITS_TIMED
    return {
        "hosts": hosts,
        "at_once_ms": round(1000 * at_once, 1),
        "hosts_a_visit": A_VISIT,
        "after_a_visit_ms": round(1000 * each, 2),
        "state_bytes": len(blame.state.model_dump_json()),
    }


def _trial(number: int, suspect: Suspect) -> Trial:
    return Trial(
        host=f"gpu{number:06}",
        hardware=("h100", "h200")[number % 2],
        versions=(suspect,) if number % 10 == 0 else (),
        verdict=Verdict.FAILED if number % 97 == 0 else Verdict.PASSED,
        at=BEGIN + timedelta(minutes=number // A_VISIT),
    )
