"""The part of docs/limits.md on emergencies, from the figures in bench/results/emergency.json."""

from typing import Any

GOAL_S = 2.0


def section(found: dict[str, Any]) -> str:
    """Markdown."""
    return "\n\n".join([_HEAD, _goals(found), _told(found)])


_HEAD = """## An emergency in the middle of a visit

Written by `make bench-emergency`; change `bench/emergency/page.py`. All figures: `bench/results/emergency.json`."""


def _goals(f: dict[str, Any]) -> str:
    rows = [
        _row("width fits the headroom: row of the command → first drain", [t["from_row_s"] for t in f["room"]]),
        _row("the same from the start of its process on", [t["from_command_s"] for t in f["room"]]),
        _row("buffer full: first host given back → first drain", _freed(f)),
    ]
    heads = "| what, seconds | goal | median | longest | |\n|---|---|---|---|---|\n"
    return heads + "\n".join(rows)


def _freed(f: dict[str, Any]) -> list[float]:
    """Of the trials in which a host had to be given back first."""
    return [t["from_freed_s"] for t in f["full"] if "from_freed_s" in t]


def _row(what: str, figures: list[float]) -> str:
    ordered = sorted(figures)
    median, longest = ordered[len(ordered) // 2], ordered[-1]
    return f"| {what} | ≤ {GOAL_S:g} | {median:.2f} | {longest:.2f} | {'' if longest <= GOAL_S else '**missed**'} |"


def _told(f: dict[str, Any]) -> str:
    m = f["machine"]
    others = f", others using the machine at a lower priority (nice {f['nice']} here)" if f["nice"] < 0 else ""
    done = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in f["whole_hosts"].items())
    return f"""{f["hosts"]} simulated hosts in domains of {f["domain"]}; each emergency is for all of them and comes
while a visit of the train has a whole domain out: {len(f["room"])} with room for one more domain, {len(_freed(f))} with
the buffer full, so that the visit yields. One more, for fewer hosts, went on to its end: {done} in
{f["whole_s"]:.0f} s; {f["train_goes_on_after_s"]:.1f} s later the train took its next hosts by itself, its cycle due in
{f["cycle_due_in_s"] / 3600:.1f} h. The outside observer saw {f["violations"]} violations. {m["cores"]} cores
({m["processor"]}), load average {f["load_average_before"]} before and {f["load_average_after"]} after{others};
{f["at"]}."""
