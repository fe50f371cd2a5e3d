"""The part of docs/limits.md on the rollout over a large fleet, from the figures in bench/results/rollout.json."""

from datetime import timedelta
from typing import Any

from fleet.models.units import format_duration

MOST_EVENTS = 4000


def section(found: dict[str, Any]) -> str:
    """Markdown."""
    return "\n\n".join([_HEAD, _goal(found), _told(found), _runs(found)])


_HEAD = """## A rollout over a large fleet

Written by `make bench-rollout`; change `bench/rollout/page.py`. All figures: `bench/results/rollout.json`."""


def _goal(f: dict[str, Any]) -> str:
    reached = "" if f["longest_history"] <= MOST_EVENTS else "**missed**"
    what = f"longest history of a run, {f['hosts']} hosts in {f['pools']} pools, events"
    row = f"| {what} | ≤ {MOST_EVENTS} | {f['longest_history']} | {reached} |"
    return f"| what | goal | measured | |\n|---|---|---|---|\n{row}"


def _told(f: dict[str, Any]) -> str:
    m, took = f["machine"], format_duration(timedelta(seconds=round(f["took_s"])))
    return f"""One rollout of a driver through the phases {", ".join(f["phases"])}, carried by {f["pools"]} trains in
domains of {f["domain"]} hosts: {f["upgraded"]} hosts upgraded in {f["cycles"]} cycles and {took}, with
{f["violations"]} violations seen by the outside observer. Simulated hosts that answer at once; {m["cores"]} cores
({m["processor"]}), load average {f["load_average_before"]} before and {f["load_average_after"]} after, so the time
says little of speed where others used the machine; {f["at"]}."""


def _runs(f: dict[str, Any]) -> str:
    lines = ["| workflow | runs | events, mean | events, longest |", "|---|---|---|---|"]
    for name, h in f["histories"].items():
        lines.append(f"| {name} | {h['runs']} | {h['mean']} | {h['longest']} |")
    return "\n".join(lines)
