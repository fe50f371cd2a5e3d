"""The part of docs/limits.md on what-if, from the figures in bench/results/whatif.json."""

from typing import Any


def section(f: dict[str, Any]) -> str:
    """Markdown."""
    answer = f["answer"]
    hosts, days, policies = answer["scenario"]["hosts"], answer["scenario"]["days"], len(answer["outcomes"])
    rows: list[tuple[str, float, float, str]] = [
        ("wall time, s", f["wall_s"], 60, "≤"),
        ("memory, all processes, MiB", f["peak_mib"], 4096, "≤"),
        ("jobs", f["jobs"], 250_000, "≥"),
        ("hosts' time held by jobs, under each policy, at least", f["load"], 0.8, "≥"),
    ]
    lines = ["| what | goal | measured | |", "|---|---|---|---|"]
    for what, value, goal, sign in rows:
        reached = value >= goal if sign == "≥" else value <= goal
        lines.append(f"| {what} | {sign} {goal:,g} | {value:,g} | {'' if reached else '**missed**'} |")
    cost = ["| policy | wall, s | processor, s | events | decisions |", "|---|---|---|---|---|"]
    for o in answer["outcomes"]:
        spent, work = answer["cost"][o["policy"]], o["work"]
        cost.append(
            f"| {o['policy']} | {spent['wall_s']} | {spent['cpu_s']} | {work['events']:,} | {work['decisions']:,} |"
        )
    same = "the same answer, to the last digit" if f["same_answer"] else "**another answer**"
    return f"""## What-if

Written by `make bench-whatif`; change `bench/whatif/page.py`. All figures: `bench/results/whatif.json`; what came of
it is in [whatif.md](whatif.md). `maintrain whatif --hosts {hosts} --days {days:g} --json`, {policies} policies side by
side:

{chr(10).join(lines)}

{chr(10).join(cost)}

Measured as {f["how"]}: {f["cpu_s"]:.0f} s of processor time, {f["events"]:,} events, {f["decisions"]:,} decisions, on
{f["machine"]["cores"]} cores ({f["machine"]["processor"]}); {f["at"]}, load average before:
{f["load_average_before"]}. Asked again with the same seed, trains gave {same}."""
