"""`maintrain watch`: one cluster as it changes. A live picture on a terminal; in a pipe a line for every change,
or with --json an object for every look.
"""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from fleet.models.fleetfile import FleetFile
from fleet.models.train import Cycle, DomainState
from fleet.ports.store import Store
from starter.asynchronous import run
from starter.ledger import out_without_lease, pools_table, stop_lines
from starter.options import MaybeCluster
from starter.picture import Picture, picture
from starter.session import facts, find_cluster, in_force, now
from starter.show import dump, print_json_line, say

app = typer.Typer()

MOST_OUT = 12
"""Hosts and waits that the live picture lists; the ledger has them all."""

MARKS = {
    DomainState.DUE: ".",
    DomainState.NOTICED: "!",
    DomainState.VISITING: ">",
    DomainState.VISITED: "#",
    DomainState.SKIPPED: "-",
}

Cycles = dict[str, Cycle | None]
"""Latest cycle by pool."""


@app.command()
def watch(
    cluster: MaybeCluster = None,
    every: Annotated[float, typer.Option("--every", min=0.2, max=60, help="Seconds between two looks.")] = 1.0,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="End once no train has anything to do.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a look, each on a line.")] = False,
) -> None:
    """Domains, hosts by set, buffers and floor, and the reason of every wait, live."""
    run(_watch(cluster, every, until_idle, as_json))


async def _watch(wanted: str | None, every: float, until_idle: bool, as_json: bool) -> None:
    console = Console()
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        name = find_cluster(fleet, wanted).name
        if as_json:
            await _stream(store, fleet, name, every, until_idle)
            return
        if not console.is_terminal:
            await _follow(store, fleet, name, every, until_idle)
            return
        with Live(console=console, auto_refresh=False) as live:
            while True:
                seen, cycles = await look(store, fleet, name)
                live.update(Text("\n".join(live_lines(seen, cycles))), refresh=True)
                if until_idle and await idle(store, seen):
                    return
                await asyncio.sleep(every)


async def _stream(store: Store, fleet: FleetFile, name: str, every: float, until_idle: bool) -> None:
    while True:
        seen, cycles = await look(store, fleet, name)
        quiet = await idle(store, seen)
        whole = {k: v for k, v in seen.plain().items() if k != "hosts"}
        out = [dump(s) for s in out_without_lease(seen)]
        print_json_line({**whole, "out": out, "cycles": cycles, "idle": quiet})
        if until_idle and quiet:
            return
        await asyncio.sleep(every)


async def _follow(store: Store, fleet: FleetFile, name: str, every: float, until_idle: bool) -> None:
    told: list[str] = []
    while True:
        seen, cycles = await look(store, fleet, name)
        lines = plain_lines(seen, cycles)
        for line in lines:
            if line not in told:
                say(f"{seen.facts.now:%T} {line}")
        told = lines
        if until_idle and await idle(store, seen):
            say(f"{seen.facts.now:%T} idle")
            return
        await asyncio.sleep(every)


async def look(store: Store, fleet: FleetFile, cluster: str) -> tuple[Picture, Cycles]:
    """The ledger and the latest cycle of every pool."""
    seen = await picture(store, fleet, cluster)
    return seen, {p.pool.name: await store.cycle(cluster, p.pool.name) for p in seen.pools}


async def idle(store: Store, seen: Picture) -> bool:
    """True when no train of the cluster is asked to go on, none visits, and nobody waits or holds a planned host."""
    for p in seen.pools:
        train = await store.train_facts(seen.facts.cluster, p.pool.name, now())
        under_way = train is not None and train.cycle is not None and train.cycle.closed_at is None
        if train is not None and (train.cycle_asked or train.open_visits or under_way):
            return False
        if p.counts.planned:
            return False
    return not seen.facts.requests


def plain_lines(seen: Picture, cycles: Cycles) -> list[str]:
    """What a pipe is told, a fact a line; only lines that were not there a look before are printed."""
    lines = []
    for p in seen.pools:
        c, most = p.counts, p.limits
        lines.append(
            f"{p.pool.name}: up {c.up} (floor {most.floor}), planned {c.planned}/{most.planned_buffer}, "
            f"failed {c.failed}/{most.failure_buffer}, foreign {c.foreign}, unknown {c.unknown}"
        )
        cycle = cycles[p.pool.name]
        if cycle is not None:
            lines.append(f"{p.pool.name}: cycle {cycle.number} {'closed' if cycle.closed_at else 'open'}")
            lines += [
                f"{p.pool.name}: domain {d.domain.name} {d.state}" + (f", {d.reason}" if d.reason else "")
                for d in cycle.domains
                if d.state is not DomainState.DUE
            ]
    lines += stop_lines(seen)
    lines += [f"{s.host}: {s.set}, {s.reason}" for s in out_without_lease(seen)]
    return lines + [f"waits: {r.id}: {r.waits_because}" for r in seen.facts.requests if r.waits_because]


def live_lines(seen: Picture, cycles: Cycles) -> list[str]:
    """The picture on a terminal: trains on top, then promises, then who is out and who waits."""
    lines = [f"{seen.facts.cluster}  {seen.facts.now:%F %T}Z", ""]
    for pool, cycle in cycles.items():
        if cycle is None:
            lines.append(f"{pool}: no cycle yet")
            continue
        done = sum(d.state in (DomainState.VISITED, DomainState.SKIPPED) for d in cycle.domains)
        marks = "".join(MARKS[d.state] for d in cycle.domains)
        at = ", ".join(d.domain.name for d in cycle.domains if d.state is DomainState.VISITING)
        lines.append(
            f"{pool}: cycle {cycle.number} [{marks}] {done}/{len(cycle.domains)}"
            + (f", visits {at}" if at else "")
            + (", closed" if cycle.closed_at else f", due {cycle.due_at:%F %T}")
        )
    lines += ["  # visited  > visited now  ! told  . due  - skipped", "", pools_table(seen), *stop_lines(seen)]
    out = [f"{s.host:<16} {s.set}: {s.reason}" for s in out_without_lease(seen)]
    leased = [f"{x.host:<16} {x.counted}: {x.why or x.holder}" for _, x in sorted(seen.facts.leases.items())]
    waits = [f"{r.id}: {r.waits_because or 'not settled yet'}" for r in seen.facts.requests]
    for title, entries in (("held", leased), ("out", out), ("waiting", waits)):
        if entries:
            more = [f"… and {len(entries) - MOST_OUT} more"] if len(entries) > MOST_OUT else []
            lines += ["", f"{title}:", *entries[:MOST_OUT], *more]
    return lines
