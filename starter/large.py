"""`maintrain large`: large-scale maintenance, a dated event in steps; plan, start, look at, steer and abort it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from fleet import ids
from fleet.emergency_view import HEADS, host_rows, progress_line
from fleet.errors import Refused, Unreachable
from fleet.models.emergency import Emergency, EmergencyHost, EmergencyHostState
from fleet.models.fleetfile import Cluster
from fleet.models.messages import Command
from fleet.policy.emergency_hosts import emergency_hosts
from fleet.policy.emergency_orders import EmergencyVerb, emergency_subject
from fleet.policy.large_checks import large_problems
from fleet.ports.store import Store
from starter.asynchronous import run
from starter.complaints import one_error, placed
from starter.emergency_orders import find_emergency, give, taken_up
from starter.engine import engine
from starter.large_plan import large_lines, large_plan_of
from starter.largefile import read_large
from starter.options import Actor, DryRun, Json, Reason, command
from starter.overrides import Buffer, Floor, Numbers, override_of, pools_of, promises
from starter.session import facts, find_cluster, in_force
from starter.show import dump, print_json, say, table

app = typer.Typer(help="Large-scale maintenance: a dated event that takes capacity out in steps.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="YAML: name, cluster, pools, upgrades, plan (at, steps) …")]
Name = Annotated[str, typer.Argument(metavar="MAINTENANCE", help="A large-scale maintenance's name, or its id.")]
MaybeName = Annotated[str | None, typer.Argument(metavar="[MAINTENANCE]", help="One of them; default: all of them.")]

Round = Annotated[
    int | None, typer.Option("--round", min=1, help="The round that you looked at; default: the one at its gate now.")
]


@app.command()
def plan(file: File, *, planned_buffer: Buffer = None, floor: Floor = None, as_json: Json = False) -> None:
    """The dry run: its rounds with what is out in each, its end, what boards, and which cycles are at risk."""
    run(_plan(file, (planned_buffer or [], floor or []), as_json))


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
    run(_start(file, command(actor, reason), (planned_buffer or [], floor or []), dry_run))


@app.command()
def status(large: MaybeName = None, as_json: Json = False) -> None:
    """How far it has come, where its hosts are, and what it waits for."""
    run(_status(large, as_json))


@app.command()
def approve(large: Name, *, reason: Reason, number: Round = None, actor: Actor = None, dry_run: DryRun = False) -> None:
    """Go, at the gate that it is at."""
    run(give(large, EmergencyVerb.APPROVE, command(actor, reason), dry_run, large=True, number=number))


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
    run(_history(large, as_json))


async def _plan(file: Path, numbers: Numbers, as_json: bool) -> None:
    async with facts() as store:
        cluster, large, hosts = await _drafted(store, file, Command(actor="plan", reason="a plan"), numbers)
        drafted = await large_plan_of(store, cluster, large, hosts)
    if as_json:
        print_json(dump(drafted))
        return
    for line in large_lines(drafted):
        say(line)


async def _start(file: Path, asked: Command, numbers: Numbers, dry_run: bool) -> None:
    async with facts() as store:
        cluster, large, hosts = await _drafted(store, file, asked, numbers)
        known = await store.emergency(large.id)
        if known is not None and known.over:
            raise Refused(f"{known.id} was started before, and is {known.state}: {known.reason}; choose another name")
        if dry_run:
            for line in large_lines(await large_plan_of(store, cluster, large, hosts)):
                say(line)
            say("nothing was changed")
            return
        try:
            async with engine() as client:  # first of all: with Temporal down nothing is written
                new = await store.start_emergency(large, hosts)
                lost = await taken_up(client, large)
        except Unreachable as error:
            raise Unreachable(f"the large-scale maintenance was not started: {error}") from error
    say(f"{'announced' if new else 'was announced before'}: {large.id}, {len(hosts)} hosts from {large.begins_at} on")
    if lost:
        say(lost)
    if large.override is not None:
        say(f"it may go to a {large.override.numbers}, which is written down")


async def _drafted(
    store: Store, file: Path, asked: Command, numbers: Numbers
) -> tuple[Cluster, Emergency, tuple[EmergencyHost, ...]]:
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
    problems = large_problems(spec, hosts, pools, await promises(store, cluster, pools), override, now, members)
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


async def _was_started(store: Store, large: str) -> bool:
    """Repeating a start is no fault, also once its date has passed."""
    return await store.emergency(large) is not None


async def _status(wanted: str | None, as_json: bool) -> None:
    async with facts() as store:
        await in_force(store)
        every = [e for e in await store.emergencies() if e.spec.plan is not None]
        found = [await find_emergency(store, wanted, large=True)] if wanted is not None else every
        counted = [(e, await store.count_emergency_hosts(e.id)) for e in found]
        waits = [r for e in found for r in (await store.facts(e.spec.cluster, await store.clock())).requests]
    mine = {e.id: [r for r in waits if ids.emergency_of(r.holder) == e.id] for e in found}
    if as_json:
        print_json([{**_plain(e, counts), "waiting": [dump(r) for r in mine[e.id]]} for e, counts in counted])
        return
    if not counted:
        say("no large-scale maintenance was started yet: maintrain large plan FILE")
    for one, counts in counted:
        say(f"{one.id}: {one.name}: {one.state}")
        if line := progress_line(one):
            say(f"  {line}")
        say(f"  {one.reason}")
        for request in mine[one.id]:
            say(f"  {request.id} waits: {request.waits_because or 'not looked at yet'}")
        if counts:
            say(table(HEADS, host_rows(counts)))


def _plain(large: Emergency, counts: dict[EmergencyHostState, int]) -> dict[str, Any]:
    return {**dump(large), "hosts": {state.value: count for state, count in counts.items()}}


async def _history(wanted: str, as_json: bool) -> None:
    async with facts() as store:
        large = await find_emergency(store, wanted, large=True)
        entries = await store.audit_log(200, emergency_subject(large.id))
        hosts = await store.emergency_hosts(large.id)
    if as_json:
        print_json({"entries": [dump(e) for e in entries], "hosts": [dump(h) for h in hosts]})
        return
    say(table(("at", "who", "did", "why"), [(f"{e.at:%F %T}", e.actor, e.action, e.reason) for e in entries]))
    rows = [(h.host, h.pool, h.domain, h.state, h.reason) for h in hosts]
    say("\n" + table(("host", "pool", "domain", "how", "why"), rows))
