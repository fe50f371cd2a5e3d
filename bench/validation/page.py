"""docs/validation.md, from the checks."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simulation.validation.check import HEAD, Check

SIDE_BY_SIDE = "The real system on the simulated driver"
SIZES = "Domain sizes, host-hours a day"

WHERE = Path(__file__).parents[2] / "docs" / "validation.md"
RESULTS = Path(__file__).parents[1] / "results"
_DERIVED = ("error", "right")

_TOP = """# May the simulator be believed?

Written by `make bench-validation` (`python -m bench.validation`); change `bench/validation/`, not this page. All
figures: `bench/results/validation.json`.

Each line puts a figure that is known from elsewhere beside the simulator's. *Error* is (simulated − known) / known;
what follows ± is one standard deviation of the simulated figure by chance alone, where it can be told. *Allowed* is
what chance, or the known formula's own approximation, may account for. Why these comparisons: ADR 0043."""


def write_anew(path: Path = WHERE, results: Path = RESULTS) -> None:
    """Write the page from the figures that are kept."""
    found: dict[str, Any] = {"side_by_side": None}
    checks: list[Check] = []
    for name in ("validation.json", "sizing.json"):
        if (results / name).exists():
            kept = json.loads((results / name).read_text())
            checks += checks_of(kept)
            found |= kept
    path.write_text(page(checks, found["side_by_side"]))


def checks_of(kept: dict[str, Any]) -> list[Check]:
    """The checks of a file of figures."""
    return [Check(**{k: v for k, v in c.items() if k not in _DERIVED}) for c in kept["checks"]]


def page(checks: Sequence[Check], measured: dict[str, Any] | None) -> str:
    """The page's text."""
    groups = list(dict.fromkeys(c.group for c in checks))
    parts = [_TOP, _verdict(checks)]
    for group in groups:
        rows = [c.row() for c in checks if c.group == group]
        notes = [_NOTES[group]] if group in _NOTES else []
        notes += [_measured(measured)] if group == SIDE_BY_SIDE and measured is not None else []
        parts += ["\n".join([f"## {group}", "", HEAD, *rows]), *notes]
    return "\n\n".join(parts) + "\n"


def counted(checks: Sequence[Check]) -> tuple[int, int]:
    """Rows that foretell something and are right, and all rows that do."""
    told = [c for c in checks if not c.put_in]
    return sum(c.right for c in told), len(told)


def _verdict(checks: Sequence[Check]) -> str:
    right, told = counted(checks)
    given = [c for c in checks if c.put_in]
    off = sum(not c.right for c in given)
    groups = dict.fromkeys(c.group for c in checks if not c.put_in)
    each = "; ".join("{}: {} of {}".format(g, *counted([c for c in checks if c.group == g])) for g in groups)
    return (
        f"**{right} of {told} figures that the simulator was not told are within what is allowed** ({each}). The other "
        f"{len(given)} lines are *put in*: the figure was told to the simulator, or it was fitted to it, or both sides "
        f"are the same by definition. That these come out again shows no more than that nothing is lost on the way"
        f"{f', and {off} of them do not' if off else ''}."
    )


_NOTES = {
    SIZES: (
        "Written by `python -m bench.sizing`. Known is what `fleet.policy.sizing` says, from the mix of jobs and from "
        "where a scheduler puts them; simulated is the same pool with a train that makes two cycles over it. The pool "
        "is full but for one domain, as it promises, and its jobs stand for the whole time. Sizes whose costs are "
        "within 2% of one another are taken to have no order. Storage has no jobs, so that its costs are the "
        "reserved hosts on both sides, put in; that a size is refused is the policy's word alone, and not simulated."
    ),
    "ETTR of one job, closed form": (
        "The formula is of first order in failures a checkpoint interval: with 2,048 hosts and an hour between "
        "checkpoints a failure comes every 1.8 hours, and a job that fails within an interval loses it all. The exact "
        "form (`simulation/validation/closed_forms.py`) has no such limit, and what the formula leaves out is added to "
        "what its lines allow."
    ),
    "Published of RSC-1 and RSC-2 (arXiv 2410.21680)": (
        "Two rates are behind the published times to failure: the mean over all hosts (6.50 and 2.34 per 1,000 "
        "node-days), by which the paper projects, and the one that its small jobs show (47.7 days a host). The "
        "measured 7.9 hours of 1,024 GPUs lie 12% below what the latter gives, and far from the former."
    ),
    "Llama 3's 54 days (arXiv 2407.21783)": (
        "Put in: 419 unexpected interruptions as a rate, a train that meets the job's domains 47 times in 54 days. "
        "Assumed, for it is not published: restarts of ten minutes, a checkpoint every ten. The effective time comes "
        "out, and so does that the timetable meets the job a little less often than its domains would have it."
    ),
    "Jobs that are made up": (
        "All of these were put in: shares of the work as classes of sizes, run times by fitting them to the means and "
        "medians, host-hours of the smallest jobs so that as many come a day as is published. What is shown is that "
        "the generator makes what it was told to."
    ),
}


def _measured(m: dict[str, Any]) -> str:
    drains = " and ".join(f"{s:g}" for s in m.get("drain_s", ()))
    works = " and ".join(f"{s:g}" for s in m["visit_work_s"])
    return (
        f"Both had the same {m['hosts']} hosts in domains of {m['domain']}, and the same jobs, submitted at the same "
        f"seconds. Measured on the real system and given to the simulator: how long a visit works once its jobs have "
        f"left ({works} s on average in its cycles, as busy as the machine was), so that most of the length of a "
        f"cycle is put in; the drains before ({drains} s in its cycles) are not. A visit's hosts are free of jobs when "
        "the last job has left that ran on one of them when it was drained; hosts are up that the scheduler shows as "
        f"neither down nor drained, for whatever reason. Measured and not simulated: "
        f"{m['between_visits_s']} s between two visits, the real train's own time, which is nothing "
        "beside visits of hours. The real figures are those of one run: jobs that are interrupted are few, so that "
        "their number is a matter of chance on both sides."
    )
