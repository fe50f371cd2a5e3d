"""`maintrain pin`: switch a pinned, job-facing component of a cluster everywhere at once, and look at switches."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from fleet.errors import InvalidInput, Refused, Unreachable
from fleet.models.messages import Command
from fleet.models.pin import PinHostState, PinSpec, PinSwitch
from fleet.models.units import format_duration
from fleet.pin_view import HEADS, host_rows
from fleet.policy.pin_orders import PinVerb, pin_subject
from starter.asynchronous import run
from starter.engine import engine, start_dispatcher, start_pin_switch
from starter.options import Actor, DryRun, Json, Reason, command
from starter.pin_orders import find_switch, find_switches, give
from starter.pin_plan import PinPlan, late_lines, plan_lines, plan_switch
from starter.pin_spec import asked_for, check_spec
from starter.session import facts, find_cluster, in_force
from starter.show import dump, print_json, say, table

app = typer.Typer(
    help="Pin switches: a job-facing component goes to another version, cluster-wide.", no_args_is_help=True
)

ClusterName = Annotated[str, typer.Argument(metavar="CLUSTER", help="A cluster.")]
Component = Annotated[str, typer.Argument(metavar="COMPONENT", help="A pinned component, such as nccl.")]
NewVersion = Annotated[str, typer.Argument(metavar="VERSION", help="The version to pin instead.")]
SwitchName = Annotated[str, typer.Argument(metavar="SWITCH", help="A switch, such as pin/sim/nccl/1, or its cluster.")]
MaybeSwitch = Annotated[str | None, typer.Argument(metavar="[SWITCH]", help="A switch or a cluster; default: all.")]
Together = Annotated[
    list[str] | None,
    typer.Option(
        "--together", metavar="COMPONENT=VERSION", help="A host-facing version that moves in the same window."
    ),
]


@app.command()
def switch(  # noqa: PLR0913 - the options of a command
    cluster: ClusterName,
    component: Component,
    version: NewVersion,
    *,
    window: Annotated[str, typer.Option("--window", metavar="TIME", help="How long it may take, such as 30m.")],
    reason: Reason,
    jobs: Annotated[
        str, typer.Option("--jobs", metavar="await|requeue", help="What becomes of running jobs.")
    ] = "await",
    clear_within: Annotated[
        str | None,
        typer.Option("--clear-within", metavar="TIME", help="Time that jobs have; default: half the window."),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="WHEN", help="Not before, such as 2026-01-31T08:00:00Z.")
    ] = None,
    max_failed: Annotated[
        str, typer.Option("--max-failed", metavar="N|%", help="Hosts that may be left behind.")
    ] = "3%",
    together: Together = None,
    override_floor: Annotated[
        bool, typer.Option("--override-floor", help="Say that you know: the whole cluster leaves production.")
    ] = False,
    actor: Actor = None,
    dry_run: DryRun = False,
) -> None:
    """Start a pin switch: it checks, prepares every host, and waits for an approval before it touches anything."""
    values = {"cluster": cluster, "component": component, "version": version, "window": window, "jobs": jobs, "at": at}
    spec = asked_for({**values, "clear_within": clear_within, "max_failed": max_failed}, together or [])
    if not override_floor:
        expected = "expected it: every host of the cluster leaves production for the window, below every floor"
        raise InvalidInput("--override-floor", "", expected)
    run(_switch(spec, command(actor, reason), dry_run))


@app.command()
def plan(
    cluster: ClusterName, component: Component, version: NewVersion, together: Together = None, as_json: Json = False
) -> None:
    """The dry run: may every host carry both pins, what must be rolled out or tested first."""
    values = {"cluster": cluster, "component": component, "version": version, "window": "1h"}
    run(_plan(asked_for(values, together or []), as_json))


@app.command()
def status(switch: MaybeSwitch = None, as_json: Json = False) -> None:
    """Where a switch stands, its hosts by state, and why it waits."""
    run(_status(switch, as_json))


@app.command()
def approve(switch: SwitchName, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False) -> None:
    """Let a switch begin, at its time."""
    run(give(switch, PinVerb.APPROVE, command(actor, reason), dry_run))


@app.command()
def abort(switch: SwitchName, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False) -> None:
    """Call a switch off; one that has begun takes every host back to the old pin."""
    run(give(switch, PinVerb.ABORT, command(actor, reason), dry_run))


@app.command()
def history(switch: SwitchName, as_json: Json = False) -> None:
    """What a switch did and why, who ordered what, and the hosts that could not follow; the newest first."""
    run(_history(switch, as_json))


async def _switch(spec: PinSpec, asked: Command, dry_run: bool) -> None:
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        cluster = find_cluster(fleet, spec.cluster)
        check_spec(spec, cluster)
        drafted = await plan_switch(store, fleet, cluster, spec)
        if dry_run:
            _check_alone(await store.open_pin_switches(cluster.name))
            _say_plan(drafted)
            say("nothing was changed")
            return
        prior, lacks = cluster.pins[spec.component], "the pin switch was not started"
        try:
            async with engine() as client:  # first of all: with Temporal down nothing is written
                started = await store.start_pin_switch(spec, prior, asked.actor, asked.reason, await store.clock())
                lacks = f"{started.id} is written, but its workflow does not run; the dispatcher takes it up"
                await start_dispatcher(client, spec.cluster)
                await start_pin_switch(client, started)
        except Unreachable as error:
            raise Unreachable(f"{lacks}: {error}") from error
    say(f"started: {started.id}, {started.name}, window {format_duration(spec.window)}")
    say(drafted.check.reason)
    for line in late_lines(drafted):
        say(line)
    say(f"it asks for an approval once every host is prepared: maintrain pin approve {started.id} --reason …")


def _check_alone(open_: Sequence[PinSwitch]) -> None:
    """Raise `Refused` as the start would."""
    for other in open_:
        if other.under_way:
            raise Refused(f"{other.id} ({other.name}) is not over: {other.reason or other.state}")


async def _plan(spec: PinSpec, as_json: bool) -> None:
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        cluster = find_cluster(fleet, spec.cluster)
        check_spec(spec, cluster)
        drafted = await plan_switch(store, fleet, cluster, spec)
    if as_json:
        print_json(dump(drafted))
        return
    _say_plan(drafted)


def _say_plan(drafted: PinPlan) -> None:
    for line in plan_lines(drafted):
        say(line)


async def _status(wanted: str | None, as_json: bool) -> None:
    async with facts() as store:
        await in_force(store)
        found = await find_switches(store, wanted) if wanted is not None else list(await store.pin_switches())
        counted = [(s, await store.count_pin_hosts(s.id)) for s in found]
        late = {s.id: await store.pin_hosts(s.id, states=(PinHostState.LATE, PinHostState.FAILED)) for s in found}
    if as_json:
        print_json([_plain(s, counts) | {"behind": [dump(h) for h in late[s.id]]} for s, counts in counted])
        return
    if not counted:
        say("no pin was switched yet: maintrain pin plan CLUSTER COMPONENT VERSION")
    for one, counts in counted:
        say(f"{one.id}: {one.name}: {one.state.replace('_', ' ')}")
        say(f"  {one.reason or 'not looked at yet'}")
        if counts:
            say(table(HEADS, host_rows(counts)))
        for host in late[one.id]:
            say(f"  {host.host} {host.state}: {host.reason}")


def _plain(switch: PinSwitch, counts: dict[PinHostState, int]) -> dict[str, Any]:
    return {**dump(switch), "hosts": {state.value: count for state, count in counts.items()}}


async def _history(wanted: str, as_json: bool) -> None:
    async with facts() as store:
        switch = await find_switch(store, wanted)
        entries = await store.audit_log(200, pin_subject(switch.id))
        behind = await store.pin_hosts(switch.id, states=(PinHostState.FAILED, PinHostState.LATE))
    if as_json:
        print_json({"entries": [dump(e) for e in entries], "behind": [dump(h) for h in behind]})
        return
    say(table(("at", "who", "did", "why"), [(f"{e.at:%F %T}", e.actor, e.action, e.reason) for e in entries]))
    if behind:
        say("\n" + table(("host", "pool", "how", "why"), [(h.host, h.pool, h.state, h.reason) for h in behind]))
