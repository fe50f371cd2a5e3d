"""`maintrain whatif`: the same fleet, jobs and luck under several ways to maintain it, before anything is decided.

Nothing is opened, connected to or changed: the answer comes from `simulation`, which runs the policies of `fleet`.
"""

import math
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from fleet.errors import InvalidInput
from fleet.models.job_costs import JobCosts
from fleet.models.units import format_duration, parse_duration, parse_share
from simulation.comparing import compare, processors
from simulation.job import DAY_S, Workload
from simulation.scenario import Policy, Scenario, Upgrade
from simulation.workloads import NAMES, named, read_file
from starter.options import Json
from starter.show import print_json, say
from starter.whatif_fleet import promises
from starter.whatif_page import page
from starter.whatif_pictures import pictures
from starter.whatif_progress import Progress
from starter.whatif_text import Answer, answer_json, answer_lines

app = typer.Typer()

GPUS = 8
"""Of a host, unless it is told otherwise."""
SHORTEST_CYCLE = timedelta(minutes=1)
"""Every cycle is simulated: without a bound, a slip of the unit runs for days."""
MOST_OF_IT = 0.9
"""Share of the time asked for that the jobs of a file are to come in."""
MOST_JOBS = 280_000
"""Made up at most, so that the largest fleets are answered in a minute."""

Hosts = Annotated[int | None, typer.Option("--hosts", min=1, max=1_000_000, help="Hosts of an imagined fleet.")]
Fleet = Annotated[
    Path | None, typer.Option("--fleet", metavar="FILE", help="Take size and promises from a pool of a fleet file.")
]
PoolName = Annotated[str | None, typer.Option("--pool", metavar="[CLUSTER/]POOL", help="Which pool of the fleet file.")]
Load = Annotated[
    str, typer.Option("--load", metavar="SHARE", help="Work of a made-up workload, as a share of the hosts.")
]
Work = Annotated[
    str,
    typer.Option(
        "--workload",
        metavar="FILE|NAME",
        help=f"Jobs: {', '.join(sorted(NAMES))}; or a file of sacct --parsable2, the Acme trace, or SWF.",
    ),
]
PerHost = Annotated[
    int | None,
    typer.Option(
        "--per-host",
        min=1,
        max=1024,
        help="GPUs of a host, for a file of jobs; processors for SWF. Default: 8, or what an SWF header tells.",
    ),
]
Policies = Annotated[list[Policy] | None, typer.Option("--policy", help="Once or more; default: all.")]
Days = Annotated[float, typer.Option("--days", min=0.1, max=3650, help="Length of time.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same answer.")]
Domain = Annotated[int | None, typer.Option("--domain", min=1, max=500, help="Hosts of a maintenance domain.")]
Cycle = Annotated[
    str | None,
    typer.Option(
        "--cycle", metavar="LENGTH", help="From one cycle's opening to the next. Default: 30d, or half a pool's bound."
    ),
]
Visit = Annotated[
    str | None,
    typer.Option("--visit", metavar="LENGTH", help="A host's, once drained. Default: 2h, or a pool's visit budget."),
]
Drain = Annotated[
    str | None,
    typer.Option("--drain", metavar="LENGTH", help="Time jobs have to end. Default: 1h, or a pool's deadline."),
]
Failures = Annotated[float, typer.Option("--failures", min=0, max=10_000, help="Of hosts, per 1,000 node-days.")]
Bad = Annotated[str, typer.Option("--bad-version", metavar="SHARE", help="The upgrade fails so many hosts' visits.")]
Release = Annotated[
    str, typer.Option("--release", metavar="LENGTH", help="When the upgrade is released, from the beginning.")
]
Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with pictures, in one file.")]
Svg = Annotated[Path | None, typer.Option("--svg", metavar="DIR", help="Write the pictures, a file each.")]
Processes = Annotated[int | None, typer.Option("--processes", min=1, max=64, help="At once; default: one a processor.")]


@app.command()
def whatif(  # noqa: PLR0913 - the options of a command
    *,
    hosts: Hosts = None,
    fleet: Fleet = None,
    pool: PoolName = None,
    workload: Work = "training",
    per_host: PerHost = None,
    load: Load = "85%",
    days: Days = 90,
    policy: Policies = None,
    seed: Seed = 0,
    domain: Domain = None,
    cycle: Cycle = None,
    visit: Visit = None,
    drain: Drain = None,
    failures: Failures = 6.5,
    bad_version: Bad = "0%",
    release: Release = "0d",
    as_json: Json = False,
    html: Html = None,
    svg: Svg = None,
    processes: Processes = None,
) -> None:
    """Compare ways to maintain a fleet: capacity, goodput, interruptions, and how fast an upgrade is everywhere."""
    about: dict[str, object] = {"days": days, "seed": seed, "failures_per_1000_node_days": failures}
    promised = promises(fleet, pool, hosts)
    about |= promised.about
    if cycle is not None:
        about.pop("bound_days", None)
    given = {
        "cycle_days": _seconds("--cycle", cycle, DAY_S, SHORTEST_CYCLE),
        "drain_s": _seconds("--drain", drain),
        "domain": domain,
    }
    about |= {name: value for name, value in given.items() if value is not None}
    if (length := _seconds("--visit", visit)) is not None:
        about["visit"] = {"mean_s": length, "sigma": 0.3}
    about["upgrade"] = Upgrade(
        at_days=_seconds("--release", release, DAY_S) or 0.0, fails=_share("--bad-version", bad_version)
    )
    made = workload in NAMES
    count, share = int(str(about["hosts"])), _share("--load", load)
    costs = promised.job_costs
    if made:
        jobs, notes = _made(workload, count, days, share, seed, costs)
    else:
        jobs, notes = _read(workload, count, days, per_host, costs)
    scenario = _scenario(about, jobs)
    policies = list(dict.fromkeys(policy or Policy))
    with Progress(policies) as progress:
        found = compare(scenario, policies, progress.show, processes or processors())
    answer = Answer(scenario=scenario, workload=workload, notes=(*promised.notes, *notes), measured=found)
    if as_json:
        print_json(answer_json(answer))
    else:
        for line in answer_lines(answer):
            say(line)
    _write(html, svg, answer)  # last: a file that can't be written must not cost the answer


def _made(
    name: str, hosts: int, days: float, load: float, seed: int, costs: JobCosts | None
) -> tuple[Workload, tuple[str, ...]]:
    jobs = named(name, hosts=hosts, days=days, load=load, seed=seed, most_jobs=MOST_JOBS)
    return jobs, (f"Jobs restart and save as those of {name} do, not as the pool's job_costs say.",) if costs else ()


def _read(
    name: str, hosts: int, days: float, per_host: int | None, costs: JobCosts | None
) -> tuple[Workload, tuple[str, ...]]:
    path = Path(name)
    if not os.path.exists(name):  # of a name too long for any file `path.exists` would raise
        raise InvalidInput("--workload", "", f"expected a file, or one of {', '.join(sorted(NAMES))}; found {name!r}")
    read = read_file(path, per_host or GPUS, per_host)
    jobs = read.workload.clip(days, hosts)
    left = len(read.workload) - len(jobs)
    if not len(jobs):
        raise InvalidInput(name, "", f"expected jobs within {days:g} days that fit on {hosts} hosts, found none")
    notes = [f"left out, {left}: submitted later than day {days:g}, or larger than {hosts} hosts"] if left else []
    notes += _too_short(float(jobs.submit_s[-1]) / DAY_S, days)
    costs = costs or JobCosts()
    restart_s, checkpoint_s = costs.restart.total_seconds(), costs.checkpoint.total_seconds()
    told = format_duration(costs.restart), format_duration(costs.checkpoint)
    notes.append(
        f"Every job restarts in {told[0]} and saves every {told[1]} (the pool's job_costs, or their defaults)."
    )
    return jobs.costing(restart_s, checkpoint_s), (*read.notes, *notes)


def _too_short(told_days: float, days: float) -> list[str]:
    """Said of a history that ends long before the time asked for."""
    if told_days >= MOST_OF_IT * days:
        return []
    asked = max(0.1, math.ceil(told_days * 10) / 10)
    return [
        f"The last job of the file comes on day {told_days:.3g} of {days:g}: nothing comes after it, and what is told a"
        f" day, or as a share or mean of the time, is of all {days:g} days. --days {asked:g} is as long as the file."
    ]


def _scenario(about: dict[str, object], jobs: Workload) -> Scenario:
    try:
        return Scenario.model_validate({**about, "workload": jobs})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InvalidInput("what-if", field, first["msg"].removeprefix("Value error, ")) from error


def _seconds(option: str, text: str | None, unit: float = 1.0, least: timedelta = timedelta(0)) -> float | None:
    if text is None:
        return None
    try:
        length = parse_duration(text)
    except ValueError as error:
        raise InvalidInput(option, "", str(error)) from error
    if length < least:
        raise InvalidInput(option, "", f"expected at least {format_duration(least)}")
    return length.total_seconds() / unit


def _share(option: str, text: str) -> float:
    try:
        return parse_share(text if text.endswith("%") else float(text))
    except ValueError as error:
        raise InvalidInput(option, "", "expected a percentage such as 5%, or a fraction from 0 to 1") from error


def _write(html: Path | None, svg: Path | None, answer: Answer) -> None:
    """The files that were asked for."""
    files: Sequence[tuple[str, Path, str]] = (("--html", html, page(answer)),) if html else ()
    if svg:
        files = [*files, *(("--svg", svg / f"whatif-{name}.svg", text) for name, text in pictures(answer).items())]
    for option, path, text in files:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise InvalidInput(option, str(path), f"expected a file to write: {error.strerror}") from error
