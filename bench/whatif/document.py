"""Writes docs/whatif.md: the comparison of the policies, its assumptions first."""

from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

from simulation.outcome import Outcome
from simulation.scenario import IN_WORDS, Policy
from starter.whatif_text import ROWS

WHERE = Path(__file__).parents[2] / "docs" / "whatif.md"
_ENDED = 0.0005


def write(found: dict[str, Any], path: Path = WHERE) -> None:
    """Write the page anew."""
    answer, bad = found["answer"], found["bad"]
    outcomes = [_outcome(o) for o in answer["outcomes"]]
    hosts, days = answer["scenario"]["hosts"], answer["scenario"]["days"]
    parts = [
        _HEAD.format(command=f"maintrain whatif --hosts {hosts} --days {days:g}"),
        "## Assumptions\n\n" + "\n".join(f"- {sentence}" for sentence in answer["assumptions"]),
        _LEFT_OUT,
        f"## {hosts:,} hosts, {days:g} days\n\n" + _table(outcomes),
        "\n\n".join(f"![{title}](img/whatif-{name}.svg)" for name, title in _PICTURES.items()),
        "### What it says\n\n" + "\n".join(f"- {sentence}" for sentence in _reading(outcomes)),
        _seeds(found["repeats"], found["seeds"]),
        _chains(found["repeats"], found["chains"]),
        _bad(bad, found["bad_share"]),
        _ASK,
    ]
    path.write_text("\n\n".join(parts) + "\n")


_PICTURES = {
    "up": "Hosts up over time, by policy",
    "time": "What became of the hosts' time",
    "interruptions": "Gangs interrupted a day",
    "reach": "Days until an upgrade is everywhere",
}
_HEAD = """# What if

Five ways to maintain one fleet, with the same jobs, the same failures and the same luck. Written by
`make bench-whatif` from the answer of `{command}`; change
`bench/whatif/document.py`, not this page. How far the simulator can be believed is in [validation.md](validation.md),
what it takes in [limits.md](limits.md), and why it is built as it is in
[adr/0042](adr/0042-what-if-counts-by-domain.md)."""
_LEFT_OUT = """Left out: networks and storage (a gang's speed does not depend on where it runs), preemption and
priorities, jobs that give up, people, failures that hit several hosts at once, windows and avoidance of trains, phases
of rollouts (an upgrade boards wherever a train stops). Hosts that drain do not fail. ETTR is that of
[arXiv 2410.21680](https://arxiv.org/abs/2410.21680): a job's productive time over the time in which it ran or waited to
run, here weighed by hosts. The fleet is not full of work without end: what one policy wastes shows as longer waits and
more hosts held, before it shows as less work done."""
_ASK = """## Ask yourself

```
maintrain whatif --hosts 2048 --days 30                                  # an imagined fleet
maintrain whatif --fleet fleet.yaml --pool gpu-train --days 90           # your promises
maintrain whatif --hosts 512 --days 60 --workload sacct.txt              # your history: sacct --parsable2, Acme, SWF
maintrain whatif --hosts 2048 --days 60 --bad-version 10% --html w.html  # an upgrade that fails one visit in ten
```

`--domain`, `--cycle`, `--visit`, `--drain` and `--failures` change what is promised and what befalls; `--policy`,
once or more, leaves the others out; `--json` and `--svg DIR` are for programs. The same `--seed` gives the same
answer."""


def _outcome(values: dict[str, Any]) -> Outcome:
    return Outcome.model_validate({**values, "curves": ()})


def _table(outcomes: list[Outcome]) -> str:
    heads = ["| |", *(f" {IN_WORDS[o.policy]} |" for o in outcomes)]
    lines = ["".join(heads), "|---|" + "---|" * len(outcomes)]
    lines += [f"| {name} | " + " | ".join(of(o) for o in outcomes) + " |" for name, of in ROWS]
    return "\n".join(lines)


def _reading(outcomes: list[Outcome]) -> list[str]:
    """Sentences whose numbers and comparisons are the figures'."""
    by = {o.policy.value: o for o in outcomes}
    trains, nothing = by["trains"], by["nothing"]
    said = [
        f"**Trains** keep {trains.capacity.up_min:,} of {trains.hosts:,} hosts up at the worst moment, and their"
        f" floors {trains.capacity.at_or_above_floor:.1%} of the time; their cycle takes"
        f" {trains.cycles.mean_days or 0:.1f} days. An upgrade is on half of the hosts {_half(trains)} after its"
        " release, as a mean of release days.",
    ]
    for name in ("lock-step", "max-unavailable", "sliding"):
        other = by[name]
        more = other.interruptions.planned_a_day - trains.interruptions.planned_a_day
        said.append(
            f"**{IN_WORDS[other.policy]}**: {other.capacity.up_min:,} hosts up at the worst moment, floors"
            f" kept {other.capacity.at_or_above_floor:.1%} of the time; {abs(more):,.0f} planned interruptions a day"
            f" {'more' if more > 0 else 'less'} than trains, and {other.goodput.lost_planned_host_days:,.0f} host-days"
            f" lost to them (trains: {trains.goodput.lost_planned_host_days:,.0f}); ETTR {other.goodput.ettr:.1%}"
            f" (trains: {trains.goodput.ettr:.1%}); half of the hosts carry an upgrade after {_half(other)}."
        )
    cost = nothing.goodput.ettr - trains.goodput.ettr
    told = f"{cost:.1%} of ETTR" if cost > _ENDED else "no ETTR that shows"
    said.append(f"Beside doing **nothing**, trains cost {told}; differences of that size are chance's, see below.")
    said.append(_best(outcomes))
    return said


def _half(outcome: Outcome) -> str:
    half = outcome.reach.mean_half if outcome.reach else None
    return "a time longer than was simulated" if half is None else f"{half:.1f} days"


def _best(outcomes: list[Outcome]) -> str:
    """Which policy is best at what, trains or not."""
    some = [o for o in outcomes if o.policy is not Policy.NOTHING]
    least: tuple[tuple[str, Callable[[Outcome], float]], ...] = (
        ("most hosts up at the worst moment", lambda o: -o.capacity.up_min),
        ("floors kept longest", lambda o: -round(o.capacity.at_or_above_floor, 4)),
        ("fewest planned interruptions", lambda o: o.interruptions.planned_a_day),
        ("least work lost to them", lambda o: o.goodput.lost_planned_host_days),
        ("highest ETTR, to the percent", lambda o: -round(o.goodput.ettr, 2)),
        ("an upgrade on half of the hosts first", lambda o: (o.reach.mean_half if o.reach else None) or inf),
        ("on all of them first", lambda o: (o.reach.mean_all if o.reach else None) or inf),
    )
    told = []
    for what, of in least:
        best = min(of(o) for o in some)
        told.append(f"{what}: {', '.join(IN_WORDS[o.policy] for o in some if of(o) == best)}")
    return f"**Who is best at what**, by this one seed: {'; '.join(told)}."


def _seeds(plan: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """Mean ± standard deviation, a row a figure."""
    heads = [IN_WORDS[Policy(r["policy"])] + (", random order" if r["random_order"] else "") for r in rows]
    lines = ["| | " + " | ".join(heads) + " |", "|---|" + "---|" * len(rows)]
    for name in rows[0]["figures"]:
        lines.append(f"| {name} | " + " | ".join(_plus_minus(r["figures"][name]) for r in rows) + " |")
    return f"""## By chance

{plan["hosts"]:,} hosts, {plan["days"]:g} days, domains of {plan["domain"]}, a cycle every {plan["cycle_days"]:g} days,
{plan["jobs"]:,} jobs at most, made up anew for each of {plan["seeds"]} seeds: mean ± one standard deviation. Fleets,
jobs and failures are the same for every policy, and the first line is of differences with the same luck. Policies that
take hosts one by one do best by name, since jobs are packed by domain; in random order they meet far more of them.

{chr(10).join(lines)}"""


def _plus_minus(value: list[float] | None) -> str:
    return "-" if value is None else f"{value[0]:,.1f} ± {value[1]:,.1f}"


def _chains(plan: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    heads = [f"{IN_WORDS[Policy(r['policy'])]}, {r['jobs']:,} jobs told, {r['each']:g} as one" for r in rows]
    lines = ["| | " + " | ".join(heads) + " |", "|---|" + "---|" * len(rows)]
    lines += [
        f"| {name} | " + " | ".join(_plus_minus(r["figures"][name]) for r in rows) + " |" for name in rows[0]["figures"]
    ]
    return f"""## Jobs told as one

A large fleet has more jobs than are simulated, so that several are told as one. What that changes, on
{plan["chain_hosts"]:,} hosts for {plan["chain_days"]:g} days with a cycle every {plan["chain_days"] / 2:g} days,
{plan["seeds"]} seeds: mean ± one standard deviation. Time held, ETTR without waits and what failures cost are meant to
be alike. Waits and ETTR with them, jobs hit and what a train costs jobs are of what is told: a short job often ends
while its hosts drain, a chain of them does not.

{chr(10).join(lines)}"""


def _bad(bad: dict[str, Any], share: str) -> str:
    outcomes = [_outcome(o) for o in bad["outcomes"]]
    rows = [
        "| | offboarded after | visits and hosts harmed | hosts that carry it at the end |",
        "|---|---|---|---|",
    ]
    for o in outcomes:
        if o.reach is not None:
            after = "never" if o.reach.blamed_days is None else f"{o.reach.blamed_days:.2f} d"
            rows.append(f"| {IN_WORDS[o.policy]} | {after} | {o.reach.harmed:,} | {o.reach.carried:,} |")
    scenario = bad["scenario"]
    return f"""## A bad version

An upgrade that fails {share} of the visits that bring it, on {scenario["hosts"]:,} hosts, released on day
{scenario["upgrade"]["at_days"]:g}. Trains ask `fleet.policy.blame` after each visit, which compares it with the
visits before; nobody else looks. Hosts that carry it after it was offboarded lose it in their next visit.

{chr(10).join(rows)}"""
