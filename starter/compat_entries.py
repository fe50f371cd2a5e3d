"""`maintrain compat adopt|publish|withdraw`: entries come into force, and end, with who said so and why."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from fleet.errors import InvalidInput, Refused
from fleet.models.base import Moment
from fleet.models.fleetfile import Cluster
from fleet.models.matrix import MatrixEntry, Verdict
from fleet.models.messages import Command
from fleet.policy.compatibility import adopt as adopted
from fleet.policy.compatibility import describe
from fleet.ports.store import Store
from starter.asynchronous import run
from starter.checks import entry_problems
from starter.compat_versions import InCluster
from starter.complaints import complaint, one_error
from starter.inventory import read_versions
from starter.options import Actor, DryRun, MaybeCluster, Reason, command
from starter.production import in_production
from starter.session import facts, find_cluster, hands, in_force, now
from starter.show import say
from starter.yamltext import read_yaml

NOTHING = "nothing was changed"

Supersedes = Annotated[
    list[int] | None, typer.Option("--supersedes", metavar="ID", help="Entries that these take the place of.")
]
What = Annotated[
    list[str],
    typer.Argument(metavar="FILE|NAME=VERSIONS…", help="YAML: a list of entries; or one, as components and pins."),
]
Broken = Annotated[bool, typer.Option("--broken", help="Broken, not tested.")]
Evidence = Annotated[str, typer.Option("--evidence", help="Where the result can be read; default: the reason.")]


def adopt(cluster: MaybeCluster = None, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False) -> None:
    """Publish as tested what the hosts in production run today, read from the hosts now."""
    run(_adopt(cluster, command(actor, reason), dry_run))


def publish(
    what: What,
    cluster: InCluster = None,
    broken: Broken = False,
    evidence: Evidence = "",
    supersedes: Supersedes = None,
    *,
    reason: Reason,
    actor: Actor = None,
    dry_run: DryRun = False,
) -> None:
    """Publish entries: from a file, as a qualification run writes it, or one as gpu-driver=550.90.* cuda=12.4.1."""
    path = Path(what[0]) if len(what) == 1 and "=" not in what[0] else None
    if path is not None and (broken or evidence):
        raise InvalidInput(
            "FILE", "", "expected --broken and --evidence without a file: its entries say that themselves"
        )

    def read(cluster: Cluster) -> list[MatrixEntry]:
        return _from_words(cluster, what, broken, evidence) if path is None else _from_file(path, cluster)

    run(_publish(read, cluster, tuple(supersedes or ()), command(actor, reason), dry_run))


def withdraw(
    ids: Annotated[list[int], typer.Argument(metavar="ID…", help="Ids of published entries, see compat list.")],
    cluster: InCluster = None,
    *,
    reason: Reason,
    actor: Actor = None,
    dry_run: DryRun = False,
) -> None:
    """Let published entries count no more; they stay as history."""
    run(_withdraw(tuple(ids), cluster, command(actor, reason), dry_run))


async def _adopt(wanted: str | None, asked: Command, dry_run: bool) -> None:
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        cluster = find_cluster(fleet, wanted)
        up = list(await in_production(store, fleet, cluster))
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
            say(NOTHING)
            return
        for name, versions in observed.items():
            await store.record_versions(cluster.name, name, versions, at)
        await _add(store, cluster, entries, (), asked, at)


async def _publish(
    read: Callable[[Cluster], list[MatrixEntry]],
    wanted: str | None,
    supersedes: tuple[int, ...],
    asked: Command,
    dry_run: bool,
) -> None:
    async with facts() as store:
        cluster = find_cluster((await in_force(store)).fleet, wanted)
        at = now()
        entries = tuple(
            entry.model_copy(
                update={
                    "author": entry.author or asked.actor,
                    "at": entry.at or at,
                    "evidence": entry.evidence or asked.reason,
                }
            )
            for entry in read(cluster)
        )
        await _published(store, cluster, supersedes)
        for entry in entries:
            say(f"  {entry.verdict}: {describe(entry)}")
        if dry_run:
            say(NOTHING)
            return
        await _add(store, cluster, entries, supersedes, asked, at)


def _from_file(path: Path, cluster: Cluster) -> list[MatrixEntry]:
    file = read_yaml(path)
    if not isinstance(file.value, list) or not file.value:
        raise InvalidInput(f"{path}:1", "", "expected a list of matrix entries")
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
        entries.append(entry)
    return entries


def _from_words(cluster: Cluster, words: list[str], broken: bool, evidence: str) -> list[MatrixEntry]:
    """One entry of `NAME=VERSIONS` words: which of them are pins, the split point says."""
    stack = cluster.stack
    sides: dict[bool, dict[str, str]] = {True: {}, False: {}}
    for word in words:
        name, _, versions = word.partition("=")
        known = stack.component(name)
        if known is None or not versions:
            names = ", ".join(c.name for c in stack.components)
            raise InvalidInput("NAME=VERSIONS", "", f"expected one of {names} with its versions, found {word!r}")
        side = sides[stack.host_facing(known)]
        if name in side:
            raise InvalidInput("NAME=VERSIONS", "", f"expected {name} once")
        side[name] = versions
    if not sides[True]:
        raise InvalidInput("NAME=VERSIONS", "", "expected at least one host-facing component")
    verdict = Verdict.BROKEN if broken else Verdict.TESTED
    entry = MatrixEntry(components=sides[True], pins=sides[False], verdict=verdict, evidence=evidence)
    for place, wanted in entry_problems(entry, cluster):
        raise InvalidInput("NAME=VERSIONS", place.partition(".")[2], wanted)
    return [entry]


async def _add(
    store: Store, cluster: Cluster, entries: tuple[MatrixEntry, ...], old: tuple[int, ...], asked: Command, at: Moment
) -> None:
    new = await store.add_matrix(cluster.name, entries, asked.actor, asked.reason, at, old)
    say(f"{new} new entries published, {len(entries) - new} were there already")


async def _published(store: Store, cluster: Cluster, ids: tuple[int, ...]) -> dict[int, MatrixEntry]:
    """Published entries in force among these. `InvalidInput` for an id that never was one."""
    records = {r.id: r for r in await store.matrix_records(cluster.name, withdrawn=True)}
    for number in ids:
        if number not in records:
            raise InvalidInput("entry", str(number), f"expected the id of an entry published in {cluster.name}")
    return {number: records[number].entry for number in ids if records[number].in_force}


async def _withdraw(ids: tuple[int, ...], wanted: str | None, asked: Command, dry_run: bool) -> None:
    async with facts() as store:
        cluster = find_cluster((await in_force(store)).fleet, wanted)
        for number, entry in (await _published(store, cluster, ids)).items():
            say(f"  {number}: {entry.verdict}: {describe(entry)}")
        if dry_run:
            say(NOTHING)
            return
        ended = await store.withdraw_matrix(cluster.name, ids, asked.actor, asked.reason, now())
        say(f"{len(ended)} entries withdrawn, {len(ids) - len(ended)} were already")
