"""`maintrain op`: submit disruptive work of any kind on any scope, look at it, and report how it went."""

import uuid
from typing import Annotated

import typer

from fleet.errors import InvalidInput
from fleet.models.messages import Command
from fleet.models.operation import OVER, OperationState, Said, Word
from fleet.operation_view import operation_lines
from fleet.policy.explaining import explanation_lines
from fleet.policy.operation_orders import speak, subject
from starter.asynchronous import run
from starter.op_plan import plain, plan_lines
from starter.op_spec import Asked
from starter.operations import Operations
from starter.options import Actor, DryRun, Json, Reason, command
from starter.session import facts, now
from starter.show import dump, print_json, say, table
from starter.times import moment
from starter.wording import near

app = typer.Typer(help="Operations: disruptive work on any scope, by anybody, safely.", no_args_is_help=True)

Kind = Annotated[str, typer.Argument(metavar="KIND", help="An operation of the catalogue, such as replace-nic.")]
Scopes = Annotated[
    list[str],
    typer.Argument(metavar="SCOPE...", help="Such as sim/rack/r1, sim/host/gpu[001-004], sim/switch/leaf1 or sim."),
]
Name = Annotated[str, typer.Argument(metavar="OPERATION", help="An operation, such as op/7 or 7.")]
MOST = 100_000
"""Operations that a list is made of."""
When = "such as 2026-01-31T08:00:00Z or '2026-01-31T08:00 Europe/Berlin'"


@app.command()
def submit(  # noqa: PLR0913 - the options of a command
    kind: Kind,
    scope: Scopes,
    *,
    reason: Reason,
    actor: Actor = None,
    work: Annotated[str, typer.Option("--work", help="hold (an outsider works), or what we do ourselves.")] = "",
    upgrade: Annotated[
        list[str] | None, typer.Option("--upgrade", metavar="COMPONENT=VERSION", help="What is to be installed.")
    ] = None,
    earliest: Annotated[str | None, typer.Option("--earliest", metavar="TIME", help=f"Not before, {When}.")] = None,
    latest: Annotated[str | None, typer.Option("--latest", metavar="TIME", help="When it has to be over.")] = None,
    duration: Annotated[str, typer.Option("--duration", metavar="TIME", help="Of the work; default: the kind's.")] = "",
    class_: Annotated[str, typer.Option("--class", metavar="CLASS", help="ad_hoc, train or emergency.")] = "",
    key: Annotated[str | None, typer.Option("--key", help="The same key again is the same operation.")] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Submit an operation: hosts are drained, worked on, verified and returned."""
    who = command(actor, reason)
    asked = Asked(
        kind=kind,
        scope=scope,
        actor=who.actor,
        reason=who.reason,
        key=key or uuid.uuid4().hex,
        work=work.replace("-", "_"),
        upgrades=tuple(upgrade or ()),
        earliest=moment("--earliest", earliest) if earliest else None,
        latest=moment("--latest", latest) if latest else None,
        duration=duration,
        priority=class_.replace("-", "_"),
    )
    run(_plan(asked, as_json) if dry_run else _submit(asked, as_json))


@app.command("list")
def list_(
    state: Annotated[str | None, typer.Option("--state", help="Only these; default: those that are not over.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=MOST, help="Most to show.")] = 200,
    as_json: Json = False,
) -> None:
    """Operations, the newest first."""
    names = [s.value for s in OperationState]
    if state is not None and state not in names:
        told = f"expected one of {', '.join(names)}, found {state!r}{near(state, names)}"
        raise InvalidInput("--state", "", told)
    run(_list(state, everything, limit, as_json))


@app.command()
def show(operation: Name, as_json: Json = False) -> None:
    """One operation: what was asked, how it stands, its hosts, and who said what."""
    run(_show(operation, as_json))


@app.command()
def explain(operation: Name, as_json: Json = False) -> None:
    """Why an operation waits: since when, for whom, and when it is expected to begin."""
    run(_explain(operation, as_json))


@app.command()
def cancel(
    operation: Name, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False, as_json: Json = False
) -> None:
    """Call an operation off: before its grant it withdraws, then its hosts end at their next safe point."""
    run(_say(operation, Said.CANCEL, command(actor, reason), dry_run, as_json))


@app.command()
def done(
    operation: Name, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False, as_json: Json = False
) -> None:
    """Report that the work on held hosts is done: they are verified and return."""
    run(_say(operation, Said.DONE, command(actor, reason), dry_run, as_json))


@app.command()
def failed(
    operation: Name, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False, as_json: Json = False
) -> None:
    """Report that the work on held hosts failed: they are verified, and those that don't pass go to repair."""
    run(_say(operation, Said.FAILED, command(actor, reason), dry_run, as_json))


async def _plan(asked: Asked, as_json: bool) -> None:
    async with Operations.open() as door:
        plan = await door.plan(asked)
    if as_json:
        print_json(plain(plan))
        return
    for line in plan_lines(plan):
        say(line)
    say("nothing was changed")


async def _submit(asked: Asked, as_json: bool) -> None:
    async with Operations.open() as door:
        made = await door.submit(asked)
    if as_json:
        print_json({**dump(made.operation), "new": made.new})
        return
    op = made.operation
    say(f"{'submitted' if made.new else 'submitted before'}: {op.id}, {op.spec.kind} on {op.scope}")
    say(made.told)


async def _list(state: str | None, everything: bool, limit: int, as_json: bool) -> None:
    wide = everything or state in {s.value for s in OVER}
    async with Operations.open() as door:
        # Of a state all are looked through, since none of the newest may be in it.
        newest = await door.operations(over=None if wide else False, limit=limit + 1 if state is None else MOST)
        found = [op for op in newest if state in (None, op.state.value)]
        more, found = len(found) > limit, found[:limit]
        reasons = [await door.waits(op) for op in found]
    if as_json:
        print_json([dump(op) for op in found])
        return
    if not found:
        say("no such operation" if wide or state else "no operation is under way: maintrain op submit KIND SCOPE")
        return
    rows = [
        (o.id, o.spec.kind, o.scope, o.state, f"{o.submitted_at:%F %T}", o.spec.actor, why)
        for o, why in zip(found, reasons, strict=True)
    ]
    say(table(("operation", "kind", "scope", "state", "submitted", "by", "why"), rows))
    if more:
        say(f"and older ones: maintrain op list --limit N shows more than {limit}")


async def _show(wanted: str, as_json: bool) -> None:
    async with facts() as store:
        door = Operations(store)
        op = await door.operation(wanted)
        op = op.model_copy(update={"reason": await door.waits(op)})
        leases = await store.leases(op.id)
        ended = [o for name in op.spec.clusters for o in await store.outcomes(name, visit=op.id)]
        log = await store.audit_log(50, subject(op.id))
    if as_json:
        hosts = {"held": [dump(x) for x in leases], "ended": [dump(o) for o in ended]}
        print_json({**dump(op), **hosts, "log": [dump(e) for e in log]})
        return
    for line in operation_lines(op):
        say(line)
    if leases:
        say("\n" + table(("cluster", "host", "held since"), [(x.cluster, x.host, f"{x.since:%F %T}") for x in leases]))
    if ended:
        rows = [(o.cluster, o.host, o.outcome, o.reason) for o in ended]
        say("\n" + table(("cluster", "host", "ended as", "why"), rows))
    say("\n" + table(("at", "who", "did", "why"), [(f"{e.at:%F %T}", e.actor, e.action, e.reason) for e in log]))


async def _explain(wanted: str, as_json: bool) -> None:
    async with Operations.open() as door:
        op, told = await door.explain(wanted)
    if as_json:
        print_json({"operation": dump(op), "waits": [dump(one) for one in told]})
        return
    say(f"{op.id}: {op.state}" + ("" if told else f": {op.reason or 'not looked at yet'}"))
    for one in told:
        for line in explanation_lines(one):
            say(line)


async def _say(wanted: str, said: Said, who: Command, dry_run: bool, as_json: bool) -> None:
    async with Operations.open() as door:
        if dry_run:
            op = await door.operation(wanted)
            would = speak(Word(said=said, actor=who.actor, reason=who.reason, at=now()))(op).operation
            if as_json:
                print_json({**dump(would), "dry_run": True})
            else:
                say(f"would be {_would(said)}: {op.id}; nothing was changed")
            return
        spoken = await door.say(wanted, said, who.actor, who.reason)
    if as_json:
        print_json(dump(spoken.operation))
        return
    say(f"{said}: {spoken.operation.id} ({who.reason})")
    say(spoken.told)


def _would(said: Said) -> str:
    return "cancelled" if said is Said.CANCEL else f"reported as {said}"
