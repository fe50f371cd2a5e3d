"""Runs the command itself, as a person would, and times it from outside: wall, processor time, peak memory."""

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import cpu
from bench.whatif.repeated import Repeats, repeated

RESULTS = Path(__file__).parents[1] / "results"
WHERE = RESULTS / "whatif.json"
IMAGES = Path(__file__).parents[2] / "docs" / "img"


@dataclass(frozen=True)
class Plan:
    """Sizes of the two questions."""

    hosts: int = 75_000
    days: int = 90
    bad_hosts: int = 10_000
    bad_days: int = 90
    bad_share: str = "10%"
    bad_release: str = "34d"
    """When a cycle has shown what usual visits are like, and not when the next one opens."""
    repeats: Repeats = field(default_factory=Repeats)


def measure(plan: Plan | None = None, images: Path = IMAGES) -> dict[str, Any]:
    """Ask both questions, the first one twice; its pictures go to `images`."""
    plan = plan or Plan()
    load, before = cpu.load(), resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    size = ("--hosts", str(plan.hosts), "--days", str(plan.days))
    answer = _ask(*size, "--svg", str(images))
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    again = _ask(*size, "--policy", "trains")
    bad_size = ("--hosts", str(plan.bad_hosts), "--days", str(plan.bad_days))
    bad_version = ("--bad-version", plan.bad_share, "--release", plan.bad_release)
    bad = _ask(*bad_size, *bad_version, "--policy", "trains", "--policy", "max-unavailable")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found: dict[str, Any] = {"how": "one command"}
    found |= {"wall_s": round(wall, 1), "cpu_s": round(spent, 1), "load_average_before": load}
    return found | {"bad_share": plan.bad_share} | figures(answer, again, bad) | repeated(plan.repeats)


def figures(answer: dict[str, Any], again: dict[str, Any], bad: dict[str, Any]) -> dict[str, Any]:
    """What is kept of the answers."""
    outcomes = {o["policy"]: o for o in answer["outcomes"]}
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "jobs": answer["workload"]["jobs"],
        "load": min(o["goodput"]["busy"] for o in outcomes.values()),
        "peak_mib": _peak(answer),
        "events": sum(o["work"]["events"] for o in outcomes.values()),
        "decisions": sum(o["work"]["decisions"] for o in outcomes.values()),
        "same_answer": all(o == outcomes[o["policy"]] for o in again["outcomes"]),
        "machine": cpu.machine(),
        "answer": _without_curves(answer),
        "bad": _without_curves(bad),
    }


def _ask(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "starter", "whatif", *arguments, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout))


def _peak(answer: dict[str, Any]) -> int:
    """An upper bound: as many processes at once as processors, each as large as the largest ever was."""
    peaks = sorted((c["peak_mib"] for c in answer["cost"].values()), reverse=True)
    return sum(peaks[: cpu.machine()["cores"]]) + peaks[0]


def _without_curves(answer: dict[str, Any]) -> dict[str, Any]:
    """The curves are in the pictures."""
    return answer | {"outcomes": [{k: v for k, v in o.items() if k != "curves"} for o in answer["outcomes"]]}
