"""`maintrain compat`: the compatibility matrix. `adopt` publishes what runs in production today, which is how a fleet
starts; `check` answers whether a set of versions is allowed, and why.
"""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from fleet.errors import InvalidInput, Refused
from fleet.models.fleetfile import Cluster
from fleet.models.host import HostSet
from fleet.models.matrix import MatrixEntry
from fleet.models.messages import Command
from fleet.policy.compatibility import adopt as adopted
from fleet.policy.compatibility import allowed, describe
from starter.asynchronous import run
from starter.checks import entry_problems
from starter.complaints import complaint, one_error
from starter.inventory import read_versions
from starter.options import Actor, DryRun, Json, MaybeCluster, Reason, command
from starter.picture import picture
from starter.session import facts, find_cluster, hands, in_force, now
from starter.show import dump, print_json, say, table
from starter.yamltext import read_yaml

app = typer.Typer(help="The compatibility matrix: which versions were tested together.", no_args_is_help=True)

Sets = Annotated[list[str], typer.Argument(metavar="COMPONENT=VERSION…", help="Host-facing versions to judge.")]
InCluster = Annotated[str | None, typer.Option("--cluster", help="A cluster; default: the only one.")]


@app.command("list")
def list_entries(cluster: MaybeCluster = None, as_json: Json = False) -> None:
    """All entries: those of the fleet file, those adopted, those published."""
    run(_list(cluster, as_json))


@app.command()
def check(sets: Sets, cluster: InCluster = None, as_json: Json = False) -> None:
    """Whether these versions are allowed with the pins, and why; exit code 1 when not."""
    run(_check(sets, cluster, as_json))


@app.command()
def adopt(cluster: MaybeCluster = None, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False) -> None:
    """Publish as tested what the hosts in production run today, read from the hosts now."""
    run(_adopt(cluster, command(actor, reason), dry_run))


@app.command()
def publish(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML: a list of entries.")],
    cluster: InCluster = None,
    *,
    reason: Reason,
    actor: Actor = None,
    dry_run: DryRun = False,
) -> None:
    """Publish entries from a file, as a qualification run writes it."""
    run(_publish(file, cluster, command(actor, reason), dry_run))


async def _list(wanted: str | None, as_json: bool) -> None:
    async with facts() as store:
        cluster = find_cluster((await in_force(store)).fleet, wanted)
        published = await store.matrix(cluster.name)
    sourced = [("fleet file", e) for e in cluster.matrix] + [("published", e) for e in published]
    if as_json:
        print_json([{"source": source, **dump(entry)} for source, entry in sourced])
        return
    rows = [(source, e.verdict, describe(e), e.author or "-") for source, e in sourced]
    say(table(("source", "verdict", "entry", "author"), rows) if rows else "no entries: see compat adopt")


async def _check(sets: list[str], wanted: str | None, as_json: bool) -> None:
    async with facts() as store:
        cluster = find_cluster((await in_force(store)).fleet, wanted)
        published = await store.matrix(cluster.name)
    verdict = allowed(_versions(sets, cluster), cluster, published)
    if as_json:
        print_json(dump(verdict))
    else:
        say(f"{'allowed' if verdict.allowed else 'not allowed'}: {verdict.reason}")
    if not verdict.allowed:
        raise typer.Exit(1)


def _versions(sets: list[str], cluster: Cluster) -> dict[str, str]:
    versions: dict[str, str] = {}
    for text in sets:
        component, equals, version = text.partition("=")
        known = cluster.stack.component(component)
        if not equals or not version or known is None or not cluster.stack.host_facing(known):
            names = ", ".join(c.name for c in cluster.stack.components if cluster.stack.host_facing(c))
            raise InvalidInput("COMPONENT=VERSION", "", f"expected one of {names} with its version, found {text!r}")
        if component in versions:
            raise InvalidInput("COMPONENT=VERSION", "", f"expected {component} once")
        versions[component] = version
    return versions


async def _adopt(wanted: str | None, asked: Command, dry_run: bool) -> None:
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        cluster = find_cluster(fleet, wanted)
        standings = (await picture(store, fleet, cluster.name)).standings
        up = [name for name, standing in standings.items() if standing.set is HostSet.UP]
        if not up:
            raise Refused(f"no host of {cluster.name} is known to be in production: run maintrain fleet sync first")
        async with hands(cluster, store) as reach:
            observed, silent = await read_versions(reach.hardware, up)
        if not observed:
            raise Refused(f"none of the {len(up)} hosts in production of {cluster.name} told its versions")
        at = now()
        entries = adopted(cluster, observed, asked.actor, at, asked.reason)
        say(f"{len(observed)} hosts in production read, {len(silent)} did not answer")
        for entry in entries:
            say(f"  tested: {describe(entry)}")
        if dry_run:
            say("nothing was changed")
            return
        for name, versions in observed.items():
            await store.record_versions(cluster.name, name, versions, at)
        new = await store.add_matrix(cluster.name, entries, asked.actor, asked.reason, at)
        say(f"{new} new entries published, {len(entries) - new} were there already")


async def _publish(path: Path, wanted: str | None, asked: Command, dry_run: bool) -> None:
    file = read_yaml(path)
    if not isinstance(file.value, list) or not file.value:
        raise InvalidInput(f"{path}:1", "", "expected a list of matrix entries")
    async with facts() as store:
        cluster = find_cluster((await in_force(store)).fleet, wanted)
        at = now()
        entries = []
        for index, value in enumerate(file.value):
            line = file.line_of((index,))
            try:
                entry = MatrixEntry.model_validate(value)
            except ValidationError as error:
                raise complaint(file, error, MatrixEntry, (index,)) from error
            problems = entry_problems(entry, cluster)
            if problems:
                raise one_error(file.source, [(line, f"[{index}].{place}", wants) for place, wants in problems])
            entries.append(entry.model_copy(update={"author": entry.author or asked.actor, "at": entry.at or at}))
        for entry in entries:
            say(f"  {entry.verdict}: {describe(entry)}")
        if dry_run:
            say("nothing was changed")
            return
        new = await store.add_matrix(cluster.name, tuple(entries), asked.actor, asked.reason, at)
        say(f"{new} new entries published, {len(entries) - new} were there already")
