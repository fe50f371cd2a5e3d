"""What a demo must show at its end, besides no violation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Expectation:
    """What must be at the end, each with why: hosts in repair, hosts left out, versions offboarded; and versions that
    every host in production must carry.
    """

    handed_over: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    offboarded: Mapping[str, str] = field(default_factory=dict)
    everywhere: Mapping[str, str] = field(default_factory=dict)


def unmet(report: Mapping[str, Any], expected: Expectation) -> list[str]:
    """Sentences for everything that is not as expected; none when all is."""
    problems = []
    for key in ("handed_over", "left_out", "offboarded"):
        wanted: Mapping[str, str] = getattr(expected, key)
        found = set(report[key])
        problems += [f"{one} is not in {key}, though {why}" for one, why in wanted.items() if one not in found]
        problems += [f"{one} is in {key}, and nothing says why" for one in sorted(found - set(wanted))]
    # What is out of production, in repair and accounted for, may keep it: no gate lets it back with it.
    kept = sorted(set(report.get("still_on_offboarded", ())) - set(expected.handed_over) - set(expected.left_out))
    problems += [f"{host} still carries an offboarded version" for host in kept]
    for component, version in expected.everywhere.items():
        carried: Mapping[str, int] = report["in_production"].get(component, {})
        others = ", ".join(f"{count} with {v}" for v, count in carried.items() if v != version)
        if others or version not in carried:
            problems.append(f"not every host in production carries {component} {version}: {others or 'nobody does'}")
    missed = report["hosts"] - report["visited"] - len(expected.left_out)
    if missed:
        problems.append(f"{missed} hosts were neither visited nor left out")
    if report["still_planned"]:
        problems.append(f"still out by plan after the cycle: {', '.join(report['still_planned'])}")
    return problems
