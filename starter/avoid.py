"""`maintrain avoid`: ask trains to keep away from a job or from hosts, look at what was answered, and take it back."""

from collections.abc import Sequence
from typing import Annotated

import typer

from fleet.errors import InvalidInput, Refused
from fleet.hostlist import compact
from fleet.models.avoidance import Avoidance, AvoidanceSource, AvoidanceState
from fleet.models.messages import Command
from runtime.avoidance_keys import job_key, site_key
from runtime.settings import load_settings
from starter.asynchronous import run
from starter.avoidances import Avoidances, Request
from starter.options import Actor, DryRun, Json, MaybeCluster, Reason, command, name
from starter.session import facts, find_cluster, in_force
from starter.show import dump, print_json, say, table

app = typer.Typer(help="Avoidance: jobs ask trains to keep away until a date.", no_args_is_help=True)

CommandLine = AvoidanceSource.COMMAND_LINE
ClusterName = Annotated[str, typer.Argument(metavar="CLUSTER", help="The cluster of the job or hosts.")]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="A running job's id, as the scheduler has it.")]


@app.command()
def request(  # noqa: PLR0913 - the options of a command
    cluster: ClusterName,
    *,
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="+2h, or 2026-01-31T08:00:00Z.")],
    reason: Reason,
    job: Annotated[str, typer.Option("--job", metavar="ID", help="For a running job.")] = "",
    hosts: Annotated[str, typer.Option("--hosts", metavar="HOSTLIST", help="Or for hosts.")] = "",
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="Whose budget; default: the job's user.")] = "",
    key: Annotated[str, typer.Option("--key", help="The same key again is the same request.")] = "",
    actor: Actor = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Ask the trains to keep away: granted until a date, or refused with the reason and the planned visit. Exit code 1
    where a train does not keep away.
    """
    who = command(actor, reason)
    asked = Request(cluster, until, who.actor, who.reason, job=job, hosts=hosts, user=user[:64], key=key)
    run(_plan(asked, as_json) if dry_run else _request(asked, as_json))


@app.command("list")
def list_(
    cluster: MaybeCluster = None,
    everything: Annotated[bool, typer.Option("--all", help="Refusals and those that are over, too.")] = False,
    as_json: Json = False,
) -> None:
    """What was asked and answered, the newest first."""
    run(_list(None if cluster is None else name("CLUSTER", cluster), everything, as_json))


@app.command()
def withdraw(
    cluster: ClusterName,
    what: Annotated[str, typer.Argument(metavar="AVOIDANCE", help="Its id, or its job.")],
    *,
    reason: Reason,
    actor: Actor = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Take back what was granted: the train need not keep away any more."""
    run(_withdraw(name("CLUSTER", cluster), what, command(actor, reason), dry_run, as_json))


@app.command()
def ready(cluster: ClusterName, job: JobId, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Say for a job that it wrote its checkpoint: it may be visited at once."""
    run(_ready(name("CLUSTER", cluster), job, dry_run, as_json))


@app.command()
def key(cluster: ClusterName, job: JobId) -> None:
    """Print the key by which a job signs what it posts to a worker: for a prolog to hand to it."""
    run(_key(name("CLUSTER", cluster), job))


async def _plan(asked: Request, as_json: bool) -> None:
    async with Avoidances.open(CommandLine) as door:
        found = await door.plan(asked)
    if as_json:
        print_json([{"pool": ask.pool, "hosts": list(ask.hosts), **dump(offer)} for ask, offer in found])
    else:
        for ask, offer in found:
            say(f"{ask.cluster}/{ask.pool}, {compact(frozenset(ask.hosts))}: would be {offer.reason}")
        say("nothing was changed")
    if any(offer.until is None for _, offer in found):
        raise typer.Exit(1)


async def _request(asked: Request, as_json: bool) -> None:
    async with Avoidances.open(CommandLine) as door:
        rows = await door.request(asked)
        told = await door.tell(rows)
    _show(rows, told, as_json)
    # A script goes on with its run only where all of it is kept.
    if any(row.state is not AvoidanceState.GRANTED for row in rows):
        raise typer.Exit(1)


async def _list(cluster: str | None, everything: bool, as_json: bool) -> None:
    async with facts() as store:
        rows = await Avoidances(store, CommandLine).avoidances(cluster, over=None if everything else False)
        if cluster is not None and not rows:
            find_cluster((await in_force(store)).fleet, cluster)
    if as_json:
        print_json([dump(row) for row in rows])
        return
    if not rows:
        say("none" if everything else "trains keep away from nobody: maintrain avoid request CLUSTER --job ID …")
        return
    shown = [
        (
            f"{row.ask.cluster}/{row.ask.pool}",
            row.ask.job or "-",
            row.ask.user,
            compact(frozenset(row.ask.hosts)),
            row.state,
            "-" if row.until is None else f"{row.until:%F %T}Z",
            "-" if row.planned is None else f"{row.planned:%F %T}Z",
            row.reason,
        )
        for row in rows
    ]
    say(table(("pool", "job", "user", "hosts", "state", "until", "visit expected", "why"), shown))


async def _withdraw(cluster: str, what: str, asked: Command, dry_run: bool, as_json: bool) -> None:
    async with Avoidances.open(CommandLine) as door:
        if dry_run:
            rows = await door.standing(cluster, what)
            if not rows:
                raise Refused(f"nothing that was granted to {what!r} in {cluster} stands")
            if as_json:
                print_json([{**dump(row), "dry_run": True} for row in rows])
            else:
                say(f"would be withdrawn: {', '.join(row.id for row in rows)} ({asked.reason}); nothing was changed")
            return
        rows = await door.withdraw(cluster, what, asked.actor, asked.reason)
        told = await door.tell(rows)
    _show(rows, told, as_json)


async def _ready(cluster: str, job: str, dry_run: bool, as_json: bool) -> None:
    async with Avoidances.open(CommandLine) as door:
        if dry_run:
            standing = await door.plan_ready(cluster, job)
            if as_json:
                print_json([{**dump(row), "dry_run": True} for row in standing])
                return
            ends = f", and {', '.join(row.id for row in standing)} would end" if standing else ""
            say(f"job {job} would be noted as ready{ends}; nothing was changed")
            return
        rows = await door.ready(cluster, job)
        told = await door.tell(rows)
    _show(rows, told, as_json)


async def _key(cluster: str, job: str) -> None:
    settings = load_settings()
    if settings.avoid_key is None:
        raise InvalidInput("environment", "MAINTRAIN_AVOID_KEY", "expected env:NAME or file:PATH")
    async with facts() as store:
        find_cluster((await in_force(store)).fleet, cluster)
    say(job_key(site_key(settings.avoid_key, settings.data), cluster, job))


def _show(rows: Sequence[Avoidance], told: str, as_json: bool) -> None:
    if as_json:
        print_json([dump(row) for row in rows])
        return
    for row in rows:
        say(f"{row.ask.cluster}/{row.ask.pool}, {compact(frozenset(row.ask.hosts))}: {row.state}: {row.reason}")
        say(f"  {row.id}")
    if told:
        say(told)
