"""The part of docs/limits.md on the scenario, from the figures in bench/results/scenario.json."""

from typing import Any


def section(found: dict[str, Any]) -> str:
    """Markdown."""
    return "\n\n".join([_HEAD, _pools(found), _told(found)])


_HEAD = """## Everything at once

Written by `make scenario`; change `bench/scenario/page.py`. All figures: `bench/results/scenario.json`."""


def _pools(f: dict[str, Any]) -> str:
    heads = "| pool | hosts | fewest up | floor | most out by plan | planned buffer |\n|---|---|---|---|---|---|\n"
    lines = []
    for name, p in f["pools"].items():
        named = f" ({f['named_buffer']} named)" if name == f["named_pool"] else ""
        figures = (name, p["hosts"], p["min_up"], p["floor"], p["max_planned"], f"{p['planned_buffer']}{named}")
        lines.append("| " + " | ".join(map(str, figures)) + " |")
    return heads + "\n".join(lines)


def _told(f: dict[str, Any]) -> str:
    m, kills = f["machine"], f["kills"]
    operations = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in sorted(f["operations"].items()))
    emergencies = ", ".join(f["emergencies"].values())
    longest = f["longest_waits"][0]
    return f"""{f["hosts"]} simulated hosts with jobs, a cycle of every pool's train, {f["failures"]} hosts that die in
production and {f["outsiders"]} that an outsider drains for a while, upgrades that fail by themselves, operations of
people on racks and power feeds ({operations}), an emergency in the middle that goes beyond a buffer by the number that
its command names ({emergencies}); the worker was killed {kills["kill_worker"]} times and the server
{kills["kill_server"]} times, one every {f["kill_every_s"]:.0f} s on average. All was at rest after {f["took_s"]:.0f} s:
{f["visited"]} hosts visited, {f["upgrades_applied"]} upgrades. The outside observer saw {f["violations"]} violations.

Of {f["requests"]} requests `{longest["request"]}` waited longest for its grant, {longest["s"]:.0f} s (bound:
{f["bound_s"]:.0f} s). Seed {f["seed"]}; {m["cores"]} cores ({m["processor"]}), load average {f["load_average_after"]}
at the end; {f["at"]}."""
