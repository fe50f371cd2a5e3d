"""The part of docs/limits.md on blame, from the figures in bench/results/blame.json."""

import textwrap
from typing import Any

_WIDTH = 118
_RULES = {
    "blame": "blame",
    "in_a_row": "3 in a row",
    "gate": "gate, at phase ends",
    "gate_running": "gate, after each host",
    "known": "known rates",
}


def section(found: dict[str, Any]) -> str:
    """Markdown."""
    return "\n\n".join([_HEAD, _goals(found), _good(found), _bad(found), _bounds(found), _supply(found), _model(found)])


_HEAD = """## Blame

Written by `make bench-blame`; change `bench/blame/page.py`. All figures: `bench/results/blame.json`. The model, its
sources and its bounds are told in `fleet/policy/blame.py` and `fleet/policy/sequential.py`."""


def _goals(f: dict[str, Any]) -> str:
    most = f["rule"]["false_alarms"]
    lines = ["| what | goal | measured (95% interval) | |", "|---|---|---|---|"]
    for row in f["good"]:
        wrong = row["stopped"]["blame"]
        what = f"{row['name']}: offboarded wrongly in {row['visits']} visits"
        lines.append(f"| {what} | ≤ {most:.0%} | {_share(wrong)} | {'' if wrong['share'] <= most else '**missed**'} |")
    for row in f["bad"]:
        there = row["rules"]["blame"]["found"]
        reached = "" if there["share"] >= _FOUND else f"**missed**; {_why(row)}"
        what = f"{row['name']}: {row['rate']:.0%} fail, found within {row['goal']} hosts"
        lines.append(f"| {what} | ≥ {_FOUND:.0%} | {_share(there)} | {reached} |")
    for row in f["bad"]:
        ours, gate = row["rules"]["blame"]["harmed"], row["rules"]["gate"]["harmed"]
        what = f"{row['name']}, {row['rate']:.0%}: hosts harmed, of those with the gate at phase ends"
        known = row["rules"]["known"]["harmed"] / gate
        reached = "" if ours <= gate * _HARMED else f"**missed**; with known rates {known:.0%}"
        lines.append(f"| {what} | ≤ {_HARMED:.0%} | {ours / gate:.0%} | {reached} |")
    return "\n".join(lines)


_FOUND, _HARMED = 0.99, 0.5


def _why(row: dict[str, Any]) -> str:
    known = row["rules"]["known"]["found"]["share"]
    if known < _FOUND:
        return f"Wald's test, told both rates, reaches {known:.2%}"
    return (
        f"Wald's test, told both rates and whom they concern, reaches {known:.2%}; the rest is the price of not knowing"
    )


def _good(f: dict[str, Any]) -> str:
    names = [name for name in _RULES if name != "known"]
    lines = [f"| good version, {f['good'][0]['scenarios']} rollouts | {' | '.join(_RULES[n] for n in names)} |"]
    lines.append("|---" * (len(names) + 1) + "|")
    for row in f["good"]:
        lines.append(f"| {row['name']} | {' | '.join(_percent(row['stopped'][n]['share']) for n in names)} |")
    return "Share of rollouts stopped although the version is good, by rule:\n\n" + "\n".join(lines)


def _bad(f: dict[str, Any]) -> str:
    lines = [f"| bad version | {' | '.join(_RULES.values())} | one look |", "|---" * (len(_RULES) + 2) + "|"]
    for row in f["bad"]:
        cells = [_cell(row["rules"][name]) for name in _RULES]
        what = f"{row['name']}: {row['rate']:.0%} fail"
        lines.append(f"| {what} | {' | '.join(cells)} | {_percent(row['one_look'])} |")
    told = f"""*3 in a row* and the *gates* (more than 5% failed; asked at the ends of phases of 60, 90, 350 and 1500
    hosts, or after each host from a phase's 20th on) have no bound on false alarms: the table above says what they cost
    a good version. *Known rates* is Wald's sequential test with the same bound, told what nobody knows: both rates and
    the hosts concerned. *One look* is Neyman and Pearson's most powerful test with both rates known, looking once. Of
    the rollouts that blame stopped, these were blamed on exactly the right hardware: {_hardware(f)}. {_parting(f)}"""
    lead = f"Found within the goal's hosts, and hosts that failed up to the stop (mean of {f['bad'][0]['scenarios']}):"
    return "\n\n".join([lead, "\n".join(lines), _filled(told)])


def _hardware(f: dict[str, Any]) -> str:
    told = [r for r in f["bad"] if "right_hardware" in r]
    return ", ".join(f"{r['name']} at {r['rate']:.0%} {_percent(r['right_hardware']['share'])}" for r in told)


def _parting(f: dict[str, Any]) -> str:
    told = [
        f"at {r['rate']:.0%} after {r['parted_after_hosts_median']:.0f} hosts (median; {r['harmed_before_parting']} "
        f"harmed by then), and the good one of the two was blamed in {_share(r['other_blamed'])}"
        for r in f["bad"]
        if "other_blamed" in r
    ]
    return f"Boarding two versions apart was asked for {'; '.join(told)}."


def _bounds(f: dict[str, Any]) -> str:
    told, first = f["bounds"], f["bounds"]["rows"][0]
    heads = [f"{r['rate']:.0%} on {'one model of two' if r['one_model'] else 'all hardware'}" for r in first["bad"]]
    lines = [f"| proven bound | good version stopped | {' | '.join(heads)} |", "|---" * (len(heads) + 2) + "|"]
    for row in told["rows"]:
        cells = [f"{_percent(r['found']['share'])}, {r['of_gate']:.0%}" for r in row["bad"]]
        lines.append(f"| {row['bound']:.1%} | {_share(row['wrong'])} | {' | '.join(cells)} |")
    lead = f"""What a laxer bound would bring: good versions stopped in {told["visits"]} visits; found within the goal's
    hosts, and hosts harmed, of those with the gate at phase ends ({told["scenarios"]} other rollouts each):"""
    why = f"""What is proven is the bound; what is measured is less, as the capital leaps over its mark. In force is
    {f["rule"]["false_alarms"]:.1%}; why, is in [ADR 0023](adr/0023-blame-by-betting.md)."""
    return "\n\n".join([_filled(lead), "\n".join(lines), _filled(why)])


def _supply(f: dict[str, Any]) -> str:
    rates = [name for name in f["supply"][0] if name.startswith("found_")]
    heads = [name.removeprefix("found_").replace("_", " ") for name in rates]
    first = f["supply"][0]
    lines = [f"| control | {' hosts | '.join(heads)} hosts | good version blamed in {first['visits']} visits |"]
    lines.append("|---" * (len(rates) + 2) + "|")
    for row in f["supply"]:
        lines.append(f"| {row['name']} | {' | '.join(_percent(row[r]['share']) for r in (*rates, 'wrong'))} |")
    told = f"""The bound on false alarms is exact where control trials come from the same time. Earlier ones fill up
    what is missing; they speak for the present only as far as the base rate stayed, and the rows with a base rate that
    moved show the price. Without any control a version is judged against {f["rule"]["visit_failures_at_most"]:.0%} a
    visit, so that only a very bad one is found."""
    lead = f"What the control group is worth, on one hardware model ({first['scenarios']} rollouts each):"
    return "\n\n".join([lead, "\n".join(lines), _filled(told)])


def _model(f: dict[str, Any]) -> str:
    cost, machine = f["cost"], f["machine"]
    worlds = f"""Control rate {f["usual_rate"]:.0%} a visit (slow burn: a soak of 7 days). Two hardware models by turns
    where not said otherwise; 5000 visits without the version before the rollout, and beside it 10 on each visit with it
    up to the 150th, then 2, from the 600th on one in four. Bad hosts: 2% of all, which fail in 40% of visits whatever
    they carry, with software findings; each host's record is of 12 visits before. "Hosts" of a version that is bad on
    one hardware model are those of that model; for two boarded together they are counted from the separation. Hosts
    fail independently of each other: what fails a whole domain at once is to be told as a hardware finding."""
    took = f"""To judge the trials of {cost["hosts"]} hosts at once took {cost["at_once_ms"]} ms, after each visit of
    {cost["hosts_a_visit"]} hosts {cost["after_a_visit_ms"]} ms; the state kept between was
    {cost["state_bytes"] / 1024:.0f} KiB of JSON. {machine["cores"]} cores ({machine["processor"]}), {f["at"]}, seed
    {f["seed"]}; {f["took_s"]} s in all, {f["cpu_s"]} s of processor time."""
    return "\n\n".join([_filled(worlds), _filled(took)])


def _filled(text: str) -> str:
    """A paragraph."""
    return textwrap.fill(" ".join(text.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)


def _cell(rule: dict[str, Any]) -> str:
    return f"{_percent(rule['found']['share'])}, {rule['harmed']}"


def _share(s: dict[str, float]) -> str:
    return f"{s['share']:.2%} ({s['low']:.2%}–{s['high']:.2%})"


def _percent(share: float) -> str:
    return f"{share:.2%}"
