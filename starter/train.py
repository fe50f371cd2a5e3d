"""`maintrain train`: start, plan, look at, stop and resume a pool's maintenance train."""

from pathlib import Path
from typing import Annotated

import typer

from fleet import ids
from fleet.errors import InvalidInput, Refused, Unreachable
from fleet.models.messages import Command, SkipCommand
from fleet.models.stop import StopKind
from fleet.models.train import DomainState
from fleet.policy.limits import problems
from fleet.policy.next_stop import next_stop
from fleet.ports.store import Store
from starter.asynchronous import run
from starter.engine import engine, start_dispatcher, start_train, update
from starter.options import Actor, DryRun, Json, MaybePoolPath, PoolPath, Reason, Scope, command, name, pool_path
from starter.planning import make_plan, plan_lines
from starter.session import facts, find_pool, in_force, now, pools_in
from starter.show import dump, print_json, say, table
from starter.stop import begin, end
from starter.timetable import Pictures, make_timetable, timetable_json, timetable_lines, write_pictures

DAYS = 14.0
"""Of a timetable, where no more is said."""

app = typer.Typer(help="The maintenance train of a pool.", no_args_is_help=True)


@app.command()
def start(
    pool: PoolPath,
    cycles: Annotated[int, typer.Option("--cycles", min=1, max=1000, help="How many cycles.")] = 1,
    endless: Annotated[bool, typer.Option("--endless", help="Cycle after cycle, until stopped.")] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the audit log.")] = "",
    actor: Actor = None,
    dry_run: DryRun = False,
) -> None:
    """Ask for cycles, and start the train unless it runs."""
    run(_start(*pool_path(pool), None if endless else cycles, command(actor, reason or "train start"), dry_run))


@app.command()
def plan(
    pool: PoolPath,
    stops: Annotated[int, typer.Option("--stops", min=1, max=10_000, help="How many stops to show.")] = 100,
    as_json: Json = False,
    days: Annotated[
        float | None, typer.Option("--days", min=0.001, max=400, help="The timetable of so many days instead.")
    ] = None,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Write the timetable's picture.")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write it as a page.")] = None,
) -> None:
    """The dry run: next stops, hosts, upgrades, reboots, expected duration, jobs that would be interrupted.

    With --days: in which order, when, at what cost to jobs, with how much slack, and what would help if it is too late.
    """
    if days is None and svg is None and html is None:
        run(_plan(*pool_path(pool), stops, as_json))
    else:
        run(_timetable(*pool_path(pool), DAYS if days is None else days, as_json, Pictures(svg, html)))


@app.command()
def status(pool: MaybePoolPath = None, as_json: Json = False) -> None:
    """Where a train is in its cycle, and what it does or waits for."""
    run(_status(pool, as_json))


@app.command()
def stop(pool: PoolPath, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False) -> None:
    """Stop the train at its next safe point; the same as `maintrain stop CLUSTER/POOL`."""
    run(begin(StopKind.STOP, Scope(*pool_path(pool)), command(actor, reason), dry_run))


@app.command()
def resume(pool: PoolPath, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False) -> None:
    """Let a stopped train go on; the same as `maintrain resume CLUSTER/POOL`."""
    run(end(Scope(*pool_path(pool)), command(actor, reason), dry_run))


@app.command()
def skip(
    pool: PoolPath,
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="A domain of the open cycle, such as d003.")],
    *,
    reason: Reason,
    actor: Actor = None,
    dry_run: DryRun = False,
) -> None:
    """Leave a due domain out of the open cycle."""
    run(_skip(*pool_path(pool), name("DOMAIN", domain), command(actor, reason), dry_run))


async def _start(cluster: str, pool: str, cycles: int | None, asked: Command, dry_run: bool) -> None:
    where, how = f"{cluster}/{pool}", "cycles without end" if cycles is None else f"{cycles} cycle(s)"
    async with facts() as store:
        await _check_startable(store, cluster, pool)
        if dry_run:
            say(f"train of {where}: would be asked for {how}; nothing was changed")
            return
        lacks = "the train was not started"
        try:
            async with engine() as client:  # first of all: with Temporal down nothing is written
                await store.ask_cycles(cluster, pool, cycles, asked.actor, asked.reason, now())
                lacks = f"{how} are asked for, but the train was not started: start it once more"
                await start_dispatcher(client, cluster)
                started = await start_train(client, cluster, pool)
        except Unreachable as error:
            raise Unreachable(f"{lacks}: {error}") from error
        say(f"train of {where}: asked for {how}, {'started' if started else 'it runs already'}")
        for found in await store.stops(cluster, pool):
            say(f"it waits: {found.kind} of {found.scope} by {found.actor} ({found.reason})")


async def _check_startable(store: Store, cluster: str, pool: str) -> None:
    """The pool has members, and its promises can be kept with them."""
    _, found = find_pool((await in_force(store)).fleet, cluster, pool)
    members = [h for h in await store.hosts(cluster, pool) if not h.decommissioned]
    if not members:
        raise Refused(f"{cluster}/{pool} has no hosts yet: run maintrain fleet sync {cluster}")
    wrong = problems(found, len(members))
    if wrong:
        raise Refused(f"{cluster}/{pool} can't keep its promises: {'; '.join(wrong)}")


async def _plan(cluster: str, pool: str, stops: int, as_json: bool) -> None:
    async with facts() as store:
        found, its = find_pool((await in_force(store)).fleet, cluster, pool)
        plan = await make_plan(store, found, its, stops)
    if as_json:
        print_json(dump(plan))
    else:
        for line in plan_lines(plan):
            say(line)


async def _timetable(cluster: str, pool: str, days: float, as_json: bool, files: Pictures) -> None:
    async with facts() as store:
        found, its = find_pool((await in_force(store)).fleet, cluster, pool)
        planned = await make_timetable(store, found, its, days)
    written = write_pictures(planned, files)
    if as_json:
        print_json(timetable_json(planned))
    else:
        for line in timetable_lines(planned) + written:
            say(line)


async def _status(wanted: str | None, as_json: bool) -> None:
    found = []
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        for cluster, pool in [pool_path(wanted)] if wanted else pools_in(fleet, Scope()):
            find_pool(fleet, cluster, pool)
            train = await store.train_facts(cluster, pool, await store.clock())
            if train is None:
                raise InvalidInput("CLUSTER/POOL", "", f"expected a pool of the fleet file, {cluster}/{pool} is none")
            found.append((train, next_stop(train)))
    if as_json:
        print_json(
            [
                {
                    "cluster": train.cluster,
                    "pool": train.pool.name,
                    "next": dump(stop),
                    "asked": train.cycle_asked,
                    "endless": train.endless,
                    "visits": list(train.open_visits),
                    "cycle": dump(train.cycle) if train.cycle else None,
                }
                for train, stop in found
            ]
        )
        return
    for train, stop in found:
        say(f"{train.cluster}/{train.pool.name}: {stop.action}: {stop.reason}")
        if stop.at_risk:
            say(f"  at risk: {stop.at_risk}")
        if cycle := train.cycle:
            done = sum(d.state in (DomainState.VISITED, DomainState.SKIPPED) for d in cycle.domains)
            closed = f"closed {cycle.closed_at:%F %T}Z" if cycle.closed_at else f"due {cycle.due_at:%F %T}Z"
            say(f"  cycle {cycle.number}, {done} of {len(cycle.domains)} domains done, {closed}")
            rows = [(d.domain.name, d.state, len(d.domain.hosts), d.attempts, d.reason) for d in cycle.domains]
            say(table(("domain", "state", "hosts", "attempts", "reason"), rows))


async def _skip(cluster: str, pool: str, domain: str, asked: Command, dry_run: bool) -> None:
    async with facts() as store:
        find_pool((await in_force(store)).fleet, cluster, pool)
        cycle = await store.cycle(cluster, pool)
    if cycle is None or cycle.closed_at is not None:
        raise Refused(f"no cycle of {cluster}/{pool} is open")
    names = [d.domain.name for d in cycle.domains]
    if domain not in names:
        raise InvalidInput("DOMAIN", "", f"expected one of {', '.join(names)}, found {domain!r}")
    if dry_run:
        say(f"would be skipped in cycle {cycle.number}: {domain} ({asked.reason}); nothing was changed")
        return
    order = SkipCommand(actor=asked.actor, reason=asked.reason, domain=domain)
    absent = f"no train of {cluster}/{pool} runs: maintrain train start {cluster}/{pool}"
    async with engine() as client:
        answer = await update(client, ids.train(cluster, pool), "skip", order, absent)
    say(answer)
