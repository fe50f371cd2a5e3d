"""`maintrain large`: large-scale maintenance, a dated event in steps; plan, start, look at, steer and abort it."""

import re
from pathlib import Path
from typing import Annotated

import typer

from fleet import ids
from fleet.errors import InvalidInput, Refused
from fleet.models.emergency import Emergency, EmergencyHostState
from fleet.models.messages import Command
from fleet.policy.emergency_checks import stranger_problem
from fleet.policy.emergency_hosts import emergency_hosts
from fleet.policy.emergency_orders import EmergencyVerb, Gate
from fleet.policy.large_checks import large_problems
from fleet.ports.store import Store
from starter.asynchronous import run
from starter.complaints import one_error, placed
from starter.emergency_command import Draft, Noun, begin, show_history, show_plan, show_status
from starter.emergency_orders import give
from starter.large_plan import large_lines, large_plan_of
from starter.largefile import read_large
from starter.options import Actor, DryRun, Json, Reason, command
from starter.overrides import Buffer, Floor, Numbers, override_of, pools_of, promises
from starter.session import find_cluster, in_force

app = typer.Typer(help="Large-scale maintenance: a dated event that takes capacity out in steps.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="YAML: name, cluster, pools, upgrades, plan (at, steps) …")]
Name = Annotated[str, typer.Argument(metavar="MAINTENANCE", help="A large-scale maintenance's name, or its id.")]
MaybeName = Annotated[str | None, typer.Argument(metavar="[MAINTENANCE]", help="One of them; default: all of them.")]

Round = Annotated[
    str | None,
    typer.Option("--round", metavar="N[.M]", help="The round as you saw it at its gate; default: the one there now."),
]


@app.command()
def plan(file: File, *, planned_buffer: Buffer = None, floor: Floor = None, as_json: Json = False) -> None:
    """The dry run: its rounds with what is out in each, its end, what boards, and which cycles are at risk."""
    run(show_plan(_NOUN, file, (planned_buffer or [], floor or []), as_json))


@app.command()
def start(
    file: File,
    *,
    reason: Reason,
    planned_buffer: Buffer = None,
    floor: Floor = None,
    actor: Actor = None,
    dry_run: DryRun = False,
) -> None:
    """Announce it: jobs are told in time, trains of its pools stand aside near its date, and it begins by itself."""
    run(begin(_NOUN, file, command(actor, reason), (planned_buffer or [], floor or []), dry_run))


@app.command()
def status(large: MaybeName = None, as_json: Json = False) -> None:
    """How far it has come, where its hosts are, and what it waits for."""
    none_yet = "no large-scale maintenance was started yet: maintrain large plan FILE"
    run(show_status(large, none_yet, as_json, large=True))


@app.command()
def approve(large: Name, *, reason: Reason, number: Round = None, actor: Actor = None, dry_run: DryRun = False) -> None:
    """Go, at the gate that it is at."""
    gate = None if number is None else _gate(number)
    run(give(large, EmergencyVerb.APPROVE, command(actor, reason), dry_run, large=True, gate=gate))


@app.command()
def stop(large: Name, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False) -> None:
    """Begin nothing more for now; its hosts end at their next safe point and come back, and trains go on."""
    run(give(large, EmergencyVerb.STOP, command(actor, reason), dry_run, large=True))


@app.command()
def resume(large: Name, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False) -> None:
    """Go on after a stop, in the round that it was in."""
    run(give(large, EmergencyVerb.RESUME, command(actor, reason), dry_run, large=True))


@app.command()
def abort(large: Name, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False) -> None:
    """End it for good: nothing more begins, and all of its capacity comes back."""
    run(give(large, EmergencyVerb.ABORT, command(actor, reason), dry_run, large=True))


@app.command()
def end(large: Name, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False) -> None:
    """What it brought is nobody's wish any more: the fleet file and rollouts decide again. Aborts one that goes on."""
    run(give(large, EmergencyVerb.END, command(actor, reason), dry_run, large=True))


@app.command()
def history(large: Name, as_json: Json = False) -> None:
    """Who did what to it and why, and what became of its hosts; the newest first."""
    run(show_history(large, as_json, large=True))


async def _drafted(store: Store, file: Path, asked: Command, numbers: Numbers) -> Draft:
    """The maintenance that a file and the options ask for, with its hosts; refused where it can't be held to."""
    fleet = (await in_force(store)).fleet
    text, spec, targets = read_large(file, fleet, {r.id: r for r in await store.rollouts()})
    cluster, now = find_cluster(fleet, spec.cluster), await store.clock()
    members, versions = await store.hosts(cluster.name), await store.versions(cluster.name)
    hosts = emergency_hosts(spec, cluster, members, versions)
    if all(h.state is EmergencyHostState.LEFT_OUT for h in hosts):
        raise Refused(f"{spec.name}: no host is selected: are the hosts synced, and their versions read?")
    override = await override_of(store, cluster, hosts, asked, numbers, lasts=None)  # held hosts wait for people
    pools = pools_of(cluster, hosts)
    problems = stranger_problem(spec, cluster, members)
    problems += large_problems(spec, hosts, pools, await promises(store, cluster, pools), override, now, members)
    if problems and not await _was_started(store, ids.large(cluster.name, spec.name)):
        raise one_error(text.source, [placed(text, place, wanted) for place, wanted in problems])
    large = Emergency(
        id=ids.large(cluster.name, spec.name),
        spec=spec,
        targets=targets,
        override=override,
        reason="just announced",
        started_at=now,
        started_by=asked.actor,
        why=asked.reason,
        changed_at=now,
    )
    return cluster, large, hosts


def _gate(text: str) -> Gate:
    """The gate that `--round` names: `2`, or `2.1` for a round that came back to it once."""
    number, dot, again = text.partition(".")
    if not re.fullmatch(r"[1-9][0-9]{0,8}(\.[0-9]{1,9})?", text):
        raise InvalidInput("--round", "", f"expected the round that waits for a go, such as 2 or 2.1, found {text!r}")
    return Gate(int(number), int(again) if dot else 0)


async def _was_started(store: Store, large: str) -> bool:
    """Repeating a start is no fault, also once its date has passed."""
    return await store.emergency(large) is not None


_NOUN = Noun(large=True, begun="announced", draft=_drafted, plan_of=large_plan_of, lines=large_lines)
