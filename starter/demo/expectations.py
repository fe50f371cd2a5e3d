"""What a demo must show at its end, besides no violation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Expectation:
    """Hosts that must be in repair or left out at the end, each with why."""

    handed_over: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


def unmet(report: Mapping[str, Any], expected: Expectation) -> list[str]:
    """Sentences for everything that is not as expected; none when all is."""
    problems = []
    for key in ("handed_over", "left_out"):
        wanted: Mapping[str, str] = getattr(expected, key)
        found = set(report[key])
        problems += [f"{host} is not in {key}, though {why}" for host, why in wanted.items() if host not in found]
        problems += [f"{host} is in {key}, and nothing says why" for host in sorted(found - set(wanted))]
    missed = report["hosts"] - report["visited"] - len(expected.left_out)
    if missed:
        problems.append(f"{missed} hosts were neither visited nor left out")
    if report["still_planned"]:
        problems.append(f"still out by plan after the cycle: {', '.join(report['still_planned'])}")
    return problems
