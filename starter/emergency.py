"""`maintrain emergency`: an urgent upgrade or roll back, ahead of everything; start, plan, look at and steer it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from fleet import ids
from fleet.emergency_view import HEADS, host_rows
from fleet.errors import Refused, Unreachable
from fleet.models.emergency import Emergency, EmergencyHost, EmergencyHostState, EmergencyState
from fleet.models.fleetfile import Cluster
from fleet.models.messages import Command
from fleet.policy.emergency_hosts import emergency_hosts
from fleet.policy.emergency_orders import EmergencyVerb, emergency_subject
from fleet.ports.store import Store
from starter.asynchronous import run
from starter.emergency_orders import find_emergency, give, taken_up
from starter.emergency_plan import plan_lines, plan_of
from starter.emergencyfile import read_emergency
from starter.engine import engine
from starter.options import Actor, DryRun, Json, Reason, command
from starter.overrides import Buffer, Floor, Numbers, override_of
from starter.session import facts, find_cluster, in_force
from starter.show import dump, print_json, say, table

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
    run(_start(file, command(actor, reason), (planned_buffer or [], floor or []), dry_run))


@app.command()
def plan(file: File, *, planned_buffer: Buffer = None, floor: Floor = None, as_json: Json = False) -> None:
    """The dry run: which hosts, what boards, how many at once, who yields, which cycles are at risk."""
    run(_plan(file, (planned_buffer or [], floor or []), as_json))


@app.command()
def status(emergency: MaybeName = None, as_json: Json = False) -> None:
    """Where the hosts of an emergency are, and what it waits for."""
    run(_status(emergency, as_json))


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
    run(_history(emergency, as_json))


async def _start(file: Path, asked: Command, numbers: Numbers, dry_run: bool) -> None:
    async with facts() as store:
        cluster, emergency, hosts = await _drafted(store, file, asked, numbers)
        known = await store.emergency(emergency.id)
        if known is not None and known.over:
            raise Refused(f"{known.id} was started before, and is {known.state}: {known.reason}; choose another name")
        if all(h.state is EmergencyHostState.LEFT_OUT for h in hosts):
            raise Refused(f"{emergency.id}: no host is selected: are the hosts synced, and their versions read?")
        if dry_run:
            for line in plan_lines(await plan_of(store, cluster, emergency, hosts)):
                say(line)
            say("nothing was changed")
            return
        try:
            async with engine() as client:  # first of all: with Temporal down nothing is written
                new = await store.start_emergency(emergency, hosts)
                lost = await taken_up(client, emergency)
        except Unreachable as error:
            raise Unreachable(f"the emergency was not started: {error}") from error
    say(f"{'started' if new else 'was started before'}: {emergency.id}, {len(hosts)} hosts")
    if lost:
        say(lost)
    if emergency.override is not None:
        say(f"it may go to a {emergency.override.numbers}, which is written down")


async def _plan(file: Path, numbers: Numbers, as_json: bool) -> None:
    async with facts() as store:
        asked = Command(actor="plan", reason="a plan")
        cluster, emergency, hosts = await _drafted(store, file, asked, numbers)
        drafted = await plan_of(store, cluster, emergency, hosts)
    if as_json:
        print_json(dump(drafted))
        return
    for line in plan_lines(drafted):
        say(line)


async def _drafted(
    store: Store, file: Path, asked: Command, numbers: Numbers
) -> tuple[Cluster, Emergency, tuple[EmergencyHost, ...]]:
    """The emergency that a file and the options ask for, with its hosts."""
    fleet = (await in_force(store)).fleet
    spec, targets = read_emergency(file, fleet, {r.id: r for r in await store.rollouts()})
    cluster, now = find_cluster(fleet, spec.cluster), await store.clock()
    members, versions = await store.hosts(cluster.name), await store.versions(cluster.name)
    hosts = emergency_hosts(spec, cluster, members, versions)
    emergency = Emergency(
        id=ids.emergency(cluster.name, spec.name),
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


async def _status(wanted: str | None, as_json: bool) -> None:
    async with facts() as store:
        await in_force(store)
        found = (
            [await find_emergency(store, wanted)]
            if wanted is not None
            else [e for e in await store.emergencies() if e.spec.plan is None]
        )
        counted = [(e, await store.count_emergency_hosts(e.id)) for e in found]
        waits = [r for e in found for r in (await store.facts(e.spec.cluster, await store.clock())).requests]
    mine = {e.id: [r for r in waits if ids.emergency_of(r.holder) == e.id] for e in found}
    if as_json:
        print_json([{**_plain(e, counts), "waiting": [dump(r) for r in mine[e.id]]} for e, counts in counted])
        return
    if not counted:
        say("no emergency was started yet: maintrain emergency plan FILE")
    for one, counts in counted:
        say(f"{one.id}: {one.name}: {one.state}")
        say(f"  {one.reason}")
        for request in mine[one.id]:
            say(f"  {request.id} waits: {request.waits_because or 'not looked at yet'}")
        if counts:
            say(table(HEADS, host_rows(counts)))


def _plain(emergency: Emergency, counts: dict[EmergencyHostState, int]) -> dict[str, Any]:
    return {**dump(emergency), "hosts": {state.value: count for state, count in counts.items()}}


async def _history(wanted: str, as_json: bool) -> None:
    async with facts() as store:
        emergency = await find_emergency(store, wanted)
        entries = await store.audit_log(200, emergency_subject(emergency.id))
        hosts = await store.emergency_hosts(emergency.id)
    if as_json:
        print_json({"entries": [dump(e) for e in entries], "hosts": [dump(h) for h in hosts]})
        return
    rows = [(f"{e.at:%F %T}", e.actor, e.action, e.reason, e.detail) for e in entries]
    say(table(("at", "who", "did", "why", "detail"), rows))
    say(
        "\n"
        + table(
            ("host", "pool", "domain", "how", "why"), [(h.host, h.pool, h.domain, h.state, h.reason) for h in hosts]
        )
    )
