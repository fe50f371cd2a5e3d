"""`maintrain stop`, `freeze` and `resume`. The row in the store comes first, for every step reads it just before it
acts, so a stop needs no Temporal; the signals that follow only make it quicker.
"""

import typer

from fleet import ids
from fleet.models.fleetfile import FleetFile
from fleet.models.ledger import Autostop
from fleet.models.messages import Command
from fleet.models.stop import Stop, StopKind
from fleet.ports.store import Store
from starter.asynchronous import run
from starter.engine import wake_all
from starter.options import Actor, DryRun, Everything, Reason, Scope, ScopePath, command, scope
from starter.session import check_scope, facts, in_force, now, pools_in
from starter.show import say

app = typer.Typer()


@app.command()
def stop(
    path: ScopePath = None,
    *,
    everything: Everything = False,
    reason: Reason,
    actor: Actor = None,
    dry_run: DryRun = False,
) -> None:
    """Grant nothing more: no drain begins, hosts end at their next safe point, repair goes on."""
    run(begin(StopKind.STOP, scope(path, everything), command(actor, reason), dry_run))


@app.command()
def freeze(
    path: ScopePath = None,
    *,
    everything: Everything = False,
    reason: Reason,
    actor: Actor = None,
    dry_run: DryRun = False,
) -> None:
    """Begin nothing disruptive, repair included; verified hosts may return."""
    run(begin(StopKind.FREEZE, scope(path, everything), command(actor, reason), dry_run))


@app.command()
def resume(
    path: ScopePath = None,
    *,
    everything: Everything = False,
    reason: Reason,
    actor: Actor = None,
    dry_run: DryRun = False,
) -> None:
    """Lift the stops and freezes of exactly this scope, and the autostops and breakers within it."""
    run(end(scope(path, everything), command(actor, reason), dry_run))


async def begin(kind: StopKind, where: Scope, asked: Command, dry_run: bool) -> None:
    """Put a stop or freeze in force, then tell the workflows."""
    verb = "stopped" if kind is StopKind.STOP else "frozen"
    async with facts() as store:
        record = await store.fleet()
        if record is not None or where.cluster is not None:
            check_scope((await in_force(store)).fleet, where)
        if dry_run:
            say(f"would be {verb}: {where} ({asked.reason}); nothing was changed")
            return
        at = await store.clock()
        first = await store.set_stop(
            Stop(kind=kind, cluster=where.cluster, pool=where.pool, actor=asked.actor, reason=asked.reason, at=at)
        )
        if first is None:
            say(f"{verb}: {where} ({asked.reason})")
        else:
            say(f"was {verb} before: {where}, by {first.actor} ({first.reason}); one resume lifts both")
        if record is not None:
            hear = (*workflows_in(record.fleet, where), *await _switches_in(store, record.fleet, where))
            say(await wake_all(hear, f"the {kind}"))


async def end(where: Scope, asked: Command, dry_run: bool) -> None:
    """Lift what is in force for exactly this scope, then tell the workflows."""
    async with facts() as store:
        record = await store.fleet()
        here = [s for s in await store.stops() if (s.cluster, s.pool) == (where.cluster, where.pool)]
        if not here and (record is not None or where.cluster is not None):
            check_scope((await in_force(store)).fleet, where)
        if not dry_run:  # before all that takes its time: what is set from here on was said after this
            here = list(await store.lift_stop(where.cluster, where.pool, asked.actor, asked.reason, now()))
        pools = pools_in(record.fleet, where) if record else []
        autostopped = [key for key in pools if await _autostopped(store, *key)]
        tripped = [key for key in pools if await _tripped(store, *key)]
        would = "would lift" if dry_run else "lifted"
        if not dry_run:
            await _resume(store, asked, autostopped, tripped)
        for found in here:
            say(f"{would}: {found.kind} of {found.scope}, set by {found.actor} ({found.reason})")
        for cluster, pool in autostopped:
            say(f"{would}: autostop of pool {cluster}/{pool}")
        for cluster, pool in tripped:
            say(f"{would}: the breaker of pool {cluster}/{pool}: hosts that are down get their repairs")
        if not (here or autostopped or tripped):
            say(f"nothing to lift for {where}")
        await _tell_what_remains(store, pools, [] if not dry_run else here)
        if not dry_run and record is not None:
            say(await wake_all(workflows_in(record.fleet, where), "the resume"))


async def _resume(
    store: Store, asked: Command, autostopped: list[tuple[str, str]], tripped: list[tuple[str, str]]
) -> None:
    for key in autostopped:
        lifted = Autostop(stopped=False, reason=f"resumed by {asked.actor}: {asked.reason}")
        await store.set_autostop(*key, lifted, asked.actor, asked.reason, now())
    for key in tripped:
        await store.close_breaker(*key, asked.actor, asked.reason, await store.clock())


def workflows_in(fleet: FleetFile, where: Scope) -> list[str]:
    """Ids of the dispatchers and trains that a scope concerns."""
    pools = pools_in(fleet, where)
    dispatchers = dict.fromkeys(ids.dispatcher(cluster) for cluster, _ in pools)
    return [*dispatchers, *(ids.train(cluster, pool) for cluster, pool in pools)]


async def _switches_in(store: Store, fleet: FleetFile, where: Scope) -> list[str]:
    """Ids of the pin switches under way that a scope concerns: a stop of any part of their cluster sends them back."""
    clusters = dict.fromkeys(cluster for cluster, _ in pools_in(fleet, where))
    last = [await store.last_pin_switch(cluster) for cluster in clusters]
    return [switch.id for switch in last if switch is not None and not switch.over]


async def _autostopped(store: Store, cluster: str, pool: str) -> bool:
    autostop = (await store.facts(cluster, now())).autostops.get(pool)
    return autostop is not None and autostop.stopped


async def _tripped(store: Store, cluster: str, pool: str) -> bool:
    state = (await store.facts(cluster, now())).breakers.get(pool)
    return state is not None and state.tripped


async def _tell_what_remains(store: Store, pools: list[tuple[str, str]], lifting: list[Stop]) -> None:
    told: set[str] = set()
    for cluster, pool in pools:
        for found in await store.stops(cluster, pool):
            line = f"still in force: {found.kind} of {found.scope}, set by {found.actor} ({found.reason})"
            if found not in lifting and line not in told:
                told.add(line)
                say(line)
