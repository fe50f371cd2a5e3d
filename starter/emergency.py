"""`maintrain emergency`: an urgent upgrade or roll back, ahead of everything; start, plan, look at and steer it."""

from pathlib import Path
from typing import Annotated

import typer

from fleet import ids
from fleet.errors import InvalidInput
from fleet.models.emergency import Emergency, EmergencyState
from fleet.models.messages import Command
from fleet.policy.emergency_checks import stranger_problem
from fleet.policy.emergency_hosts import emergency_hosts
from fleet.policy.emergency_orders import EmergencyVerb
from fleet.ports.store import Store
from starter.asynchronous import run
from starter.emergency_command import Draft, Noun, begin, show_history, show_plan, show_status
from starter.emergency_orders import give
from starter.emergency_plan import plan_lines, plan_of
from starter.emergencyfile import read_emergency
from starter.options import Actor, DryRun, Json, Reason, command
from starter.overrides import Buffer, Floor, Numbers, override_of
from starter.session import find_cluster, in_force

app = typer.Typer(help="Emergency trains: an urgent upgrade or roll back, ahead of everything.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="YAML: name, cluster, upgrades, hosts, width …")]
Name = Annotated[str, typer.Argument(metavar="EMERGENCY", help="An emergency's name, or its id.")]
MaybeName = Annotated[str | None, typer.Argument(metavar="[EMERGENCY]", help="An emergency; default: all of them.")]


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
    """Start an emergency train; what it needs yields to it, and trains go on by themselves after it."""
    run(begin(_NOUN, file, command(actor, reason), (planned_buffer or [], floor or []), dry_run))


@app.command()
def plan(file: File, *, planned_buffer: Buffer = None, floor: Floor = None, as_json: Json = False) -> None:
    """The dry run: which hosts, what boards, how many at once, who yields, which cycles are at risk."""
    run(show_plan(_NOUN, file, (planned_buffer or [], floor or []), as_json))


@app.command()
def status(emergency: MaybeName = None, as_json: Json = False) -> None:
    """Where the hosts of an emergency are, and what it waits for."""
    run(show_status(emergency, "no emergency was started yet: maintrain emergency plan FILE", as_json, large=False))


@app.command()
def stop(emergency: Name, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False) -> None:
    """Begin nothing more; its hosts end at their next safe point, and trains go on beside it."""
    run(give(emergency, EmergencyVerb.STOP, command(actor, reason), dry_run))


@app.command()
def resume(emergency: Name, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False) -> None:
    """Go on after a stop."""
    run(give(emergency, EmergencyVerb.RESUME, command(actor, reason), dry_run))


@app.command()
def end(emergency: Name, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False) -> None:
    """End it for good: what it brought is nobody's wish any more, the fleet file and rollouts decide again."""
    run(give(emergency, EmergencyVerb.END, command(actor, reason), dry_run))


@app.command()
def history(emergency: Name, as_json: Json = False) -> None:
    """Who did what to it and why, and what became of its hosts; the newest first."""
    run(show_history(emergency, as_json, large=False))


async def _drafted(store: Store, file: Path, asked: Command, numbers: Numbers) -> Draft:
    """The emergency that a file and the options ask for, with its hosts."""
    fleet = (await in_force(store)).fleet
    spec, targets = read_emergency(file, fleet, {r.id: r for r in await store.rollouts()})
    cluster, now = find_cluster(fleet, spec.cluster), await store.clock()
    members, versions = await store.hosts(cluster.name), await store.versions(cluster.name)
    id_ = ids.emergency(cluster.name, spec.name)
    strangers = stranger_problem(spec, cluster, members)
    if strangers and await store.emergency(id_) is None:
        raise InvalidInput(str(file), *strangers[0])
    hosts = emergency_hosts(spec, cluster, members, versions)
    emergency = Emergency(
        id=id_,
        spec=spec,
        targets=targets,
        override=await override_of(store, cluster, hosts, asked, numbers, spec.override_lasts.total_seconds()),
        state=EmergencyState.ANNOUNCED if spec.notice else EmergencyState.RUNNING,
        reason="just started",
        started_at=now,
        started_by=asked.actor,
        why=asked.reason,
        changed_at=now,
    )
    return cluster, emergency, hosts


_NOUN = Noun(large=False, begun="started", draft=_drafted, plan_of=plan_of, lines=plan_lines)
