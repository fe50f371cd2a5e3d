"""The part of docs/limits.md on timetables, from the figures in bench/results/timetable.json."""

from typing import Any


def section(found: dict[str, Any]) -> str:
    """Markdown."""
    return "\n\n".join([_HEAD, _goals(found), _told(found)])


_HEAD = """## A train's timetable

Written by `python -m bench.timetable`, and with `make bench`; change `bench/timetable/page.py`. All figures:
`bench/results/timetable.json`."""


def _goals(f: dict[str, Any]) -> str:
    cold, by, fixed = f["cold"], f["by_timetable"], f["fixed_order"]
    ratio = by["lost_host_hours"] / fixed["lost_host_hours"]
    size = f"{cold['domains']} domains × {cold['jobs']} running jobs"
    rows = [
        (f"{size}: a decision from facts and scheduler's answer, s", 1.0, cold["decision_s"]),
        (f"{size}: the whole timetable, s", 1.0, cold["timetable_s"]),
        (f"{size}: a decision after another, {cold['again_new_jobs']} jobs new, ms", 5.0, cold["again_ms"]),
        (
            f"a decision in a cycle of {by['decisions']} stops, {by['jobs_running']} running jobs, {by['jobs_new']} of "
            "them new, ms",
            5.0,
            by["decide_ms"],
        ),
        ("what interruptions cost, over that of the fixed order", 0.5, round(ratio, 2)),
    ]
    lines = ["| what | goal | measured | |", "|---|---|---|---|"]
    lines += [f"| {w} | ≤ {goal:g} | {value} | {'' if value <= goal else '**missed**'} |" for w, goal, value in rows]
    return "\n".join(lines)


def _told(f: dict[str, Any]) -> str:
    by, fixed, cycle, m = f["by_timetable"], f["fixed_order"], f["cycle"], f["machine"]
    asked, small, slower, cold = cycle["overestimate"], f["small"], f["slower"], f["cold"]
    new, new_here = _percent(cold["again_new_jobs"] / cold["jobs"]), _percent(by["jobs_new"] / by["jobs_running"])
    return f"""Processor time of one core ({m["processor"]}) in `fleet.policy.timetable.preferred`, as `plan_stop` calls
it: from the train's facts and a new answer of the scheduler, with the prices that the stop before left, to the domain
and the reason. Reading store and scheduler is not in it. The cycle's longest decision took {by["decide_ms_worst"]} ms;
its first one, for which nothing was kept, is among them. What takes the time is to look at every running job for a
change (our drivers list one that is as it was as the very same object), and to price the new ones: from
one stop to the next {new} of the larger fleet's jobs are replaced, {new_here} of the cycle's.

The cycle: {cycle["domains"]} domains of {cycle["size"]} hosts visited one after the other without gaps for
{f["days"]:.0f} days, on a fleet that is {100 * fixed["busy"]:.0f}% busy with {f["jobs"]} jobs, of which
{by["jobs_running"]} run at a time and say in their comments, in whole minutes, what an interruption costs them; of the
sizes and run times published for RSC-1 (arXiv 2410.21680, fitted in `simulation/workloads/published.py`), each job for
itself. A job asks for up to {asked:g}
times what it runs, and the timetable knows no more than that, nor what comes later. In the fixed order
{fixed["interruptions"]} interruptions lost {fixed["lost_host_hours"]:,.0f} host-hours (restart, and work since the last
checkpoint as it was); in the timetable's {by["interruptions"]} lost {by["lost_host_hours"]:,.0f}.

What can be saved depends on what there is to choose from. On {small["domains"]} such domains, {_percent(small["busy"])}
busy and visited within {small["days"]:.1f} days, which is as long as large jobs run, the timetable's order cost
{_percent(small["ratio"])} of the fixed one's; with visits of {slower["visit_h"]:g} h, {_percent(slower["ratio"])}."""


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"
