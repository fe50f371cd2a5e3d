"""`maintrain fleet`: the fleet file and what follows from it, hosts and domains."""

from pathlib import Path
from typing import Annotated

import typer

from fleet.errors import InvalidInput
from fleet.models.fleetfile import FleetFile
from fleet.models.messages import Command
from fleet.models.under_way import UnderWay
from fleet.models.units import format_duration
from fleet.policy.domains import form_domains
from fleet.policy.loading import hindrances
from starter.asynchronous import run
from starter.changes import changes, text_diff
from starter.drift import show_drift
from starter.fleetfile import read_fleet
from starter.options import Actor, DryRun, Json, MaybeCluster, MaybePoolPath, Scope, command, pool_path
from starter.picture import picture
from starter.publishing import publish
from starter.session import facts, find_cluster, find_pool, in_force, now, pools_in
from starter.show import dump, print_json, say, table
from starter.stack_from import schema as schema_of_files
from starter.syncing import sync_cluster

app = typer.Typer(help="The fleet file, hosts and domains.", no_args_is_help=True)


@app.command()
def schema() -> None:
    """Print the JSON Schema of fleet files; editors complete from it."""
    print_json(schema_of_files())


@app.command()
def load(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A fleet file (YAML).")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the audit log.")] = "",
    diff: Annotated[bool, typer.Option("--diff", help="Show the difference of the texts as well.")] = False,
    actor: Actor = None,
    dry_run: DryRun = False,
) -> None:
    """Check a fleet file, show what it changes, and put it in force."""
    run(_load(file, command(actor, reason or f"load {file.name}"), diff, dry_run))


@app.command()
def show(as_json: Json = False) -> None:
    """The fleet file in force, and its hosts by set."""
    run(_show(as_json))


@app.command()
def sync(
    cluster: MaybeCluster = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the audit log.")] = "",
    actor: Actor = None,
    dry_run: DryRun = False,
) -> None:
    """Read hosts and states from the scheduler, and make the pools' members be these."""
    run(_sync(cluster, command(actor, reason or "read from the scheduler"), dry_run))


@app.command()
def domains(pool: MaybePoolPath = None, as_json: Json = False) -> None:
    """The maintenance domains that the next cycle would visit."""
    run(_domains(pool, as_json))


app.command("drift")(show_drift)
app.command("publish")(publish)


async def _load(path: Path, asked: Command, diff: bool, dry_run: bool) -> None:
    fleet, text = read_fleet(path)
    async with facts() as store:
        before = await store.fleet()
        for line in _told(before.fleet if before else None, fleet):
            say(line)
        if diff and before is not None:
            say(text_diff(before.text, text, str(path)))

        def permit(in_force: FleetFile, under_way: UnderWay) -> None:
            if found := hindrances(in_force, fleet, under_way):
                raise InvalidInput(str(path), "", "; ".join(f"{place}: {wanted}" for place, wanted in found))

        if dry_run:
            if before is not None:
                permit(before.fleet, await store.under_way(before.fleet))
            say(f"{path} is valid; nothing was changed")
            return
        record = await store.load_fleet(fleet, text, asked.actor, asked.reason, now(), permit)
    kept = before is not None and before.revision == record.revision
    say(f"revision {record.revision} {'was in force already' if kept else 'is in force'}")
    new = [c.name for c in fleet.clusters if before is not None and before.fleet.cluster(c.name) is None]
    if before is None:
        say("next: maintrain fleet sync")
    elif new:
        say(f"next: maintrain setup, which starts the dispatcher of {', '.join(new)}, and maintrain fleet sync")


def _told(before: FleetFile | None, after: FleetFile) -> list[str]:
    """What a load changes, in words; a first file is named instead of listed field by field."""
    if before is not None:
        return changes(before, after) or ["no change"]
    return [f"cluster {c.name}: new, with the pools {', '.join(p.name for p in c.pools)}" for c in after.clusters]


async def _show(as_json: bool) -> None:
    async with facts() as store:
        record = await in_force(store)
        pictures = [await picture(store, record.fleet, c.name) for c in record.fleet.clusters]
    if as_json:
        hosts = {p.facts.cluster: [dump(h) for _, h in sorted(p.facts.hosts.items())] for p in pictures}
        print_json({**dump(record), "hosts": hosts, "pools": {p.facts.cluster: p.plain()["pools"] for p in pictures}})
        return
    say(f"revision {record.revision}, loaded by {record.loaded_by} at {record.loaded_at:%F %T}Z")
    for cluster, seen in zip(record.fleet.clusters, pictures, strict=True):
        say(f"\ncluster {cluster.name}: scheduler {cluster.drivers.scheduler.kind}")
        say("pins: " + (", ".join(f"{k} {v}" for k, v in cluster.pins.items()) or "none"))
        rows = []
        for p in seen.pools:
            desired = ", ".join(f"{k} {v}" for k, v in cluster.desired_in(p.pool).items()) or "none"
            up = f"{p.counts.up}/{p.limits.members}"
            limits = (p.limits.planned_buffer, p.limits.failure_buffer, p.limits.floor)
            rows.append((p.pool.name, up, *limits, format_duration(p.pool.cycle_bound), desired))
        heads = ("pool", "up", "planned buffer", "failure buffer", "floor", "cycle bound", "desired")
        say(table(heads, rows))


async def _sync(wanted: str | None, asked: Command, dry_run: bool) -> None:
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        clusters = [find_cluster(fleet, wanted)] if wanted else fleet.clusters
        for cluster in clusters:
            for line in await sync_cluster(store, cluster, asked, dry_run):
                say(line)
    if dry_run:
        say("nothing was changed")


async def _domains(wanted: str | None, as_json: bool) -> None:
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        pools = [pool_path(wanted)] if wanted else pools_in(fleet, Scope())
        formed = {}
        for cluster, name in pools:
            _, pool = find_pool(fleet, cluster, name)
            hosts = await store.hosts(cluster, name)
            formed[f"{cluster}/{name}"] = form_domains(hosts, pool.domain, pool.replicas)
    if as_json:
        print_json({pool: [dump(d) for d in found] for pool, found in formed.items()})
        return
    rows = [(pool, d.name, len(d.hosts), ",".join(d.hosts)) for pool, found in formed.items() for d in found]
    say(table(("pool", "domain", "hosts", "names"), rows) if rows else "no hosts yet: maintrain fleet sync")
