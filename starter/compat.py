"""`maintrain compat`: the compatibility matrix. `adopt` publishes what runs in production today, which is how a fleet
starts; `check` answers whether a set of versions is allowed, and why.
"""

from typing import Annotated

import typer

from fleet.errors import InvalidInput
from fleet.hostlist import compact
from fleet.models.fleetfile import Cluster, FleetFile
from fleet.policy.compatibility import Allowed, allowed, describe
from fleet.policy.drift import hosts_not_allowed
from fleet.ports.store import Store
from starter.asynchronous import run
from starter.compat_coverage import show_coverage
from starter.compat_entries import adopt, publish, withdraw
from starter.compat_versions import InCluster, Pins, host_facing_sets, with_pins
from starter.member import find_host
from starter.options import Json, MaybeCluster, host_name
from starter.production import in_production
from starter.session import facts, find_cluster, in_force
from starter.show import dump, print_json, say, table

app = typer.Typer(help="The compatibility matrix: which versions were tested together.", no_args_is_help=True)

Sets = Annotated[list[str] | None, typer.Argument(metavar="COMPONENT=VERSION…", help="Host-facing versions to judge.")]
OfHost = Annotated[str | None, typer.Option("--host", metavar="HOST", help="Judge what a host was last seen to carry.")]
Observed = Annotated[bool, typer.Option("--observed", help="Judge what every host in production was last seen with.")]
Withdrawn = Annotated[bool, typer.Option("--all", help="Withdrawn entries as well.")]


@app.command("list")
def list_entries(cluster: MaybeCluster = None, every: Withdrawn = False, as_json: Json = False) -> None:
    """All entries: those of the fleet file, those adopted, those published."""
    run(_list(cluster, every, as_json))


@app.command()
def check(
    sets: Sets = None,
    cluster: InCluster = None,
    host: OfHost = None,
    observed: Observed = False,
    pins: Pins = None,
    as_json: Json = False,
) -> None:
    """Whether versions are allowed with the pins, and why; exit code 1 when not."""
    if [bool(sets), host is not None, observed].count(True) != 1:
        raise InvalidInput("COMPONENT=VERSION", "", "expected versions, or --host HOST, or --observed")
    run(_check(sets or [], cluster, host, observed, pins or [], as_json))


app.command()(adopt)
app.command()(publish)
app.command()(withdraw)
app.command("coverage")(show_coverage)


async def _list(wanted: str | None, every: bool, as_json: bool) -> None:
    async with facts() as store:
        cluster = find_cluster((await in_force(store)).fleet, wanted)
        records = await store.matrix_records(cluster.name, withdrawn=every)
    if as_json:
        written = [{"source": "fleet file", **dump(e)} for e in cluster.matrix]
        kept = [
            {"source": "published", **dump(r.entry), **{k: v for k, v in dump(r).items() if k != "entry"}}
            for r in records
        ]
        print_json(written + kept)
        return
    rows = [("-", "fleet file", e.verdict, describe(e), e.author or "-", _day(e.at)) for e in cluster.matrix]
    for r in records:
        ended = "" if r.in_force else f"; withdrawn by {r.withdrawn_by}: {r.withdraw_reason}"
        after = f"; superseded by {r.superseded_by}" if r.superseded_by is not None else ""
        said = describe(r.entry) + ended + after
        rows.append((str(r.id), "published", r.entry.verdict, said, r.entry.author or "-", _day(r.entry.at)))
    heads = ("id", "source", "verdict", "entry", "author", "date")
    say(table(heads, rows) if rows else "no entries: see compat adopt")


def _day(at: object) -> str:
    return f"{at:%F}" if at is not None else "-"


async def _check(
    sets: list[str], wanted: str | None, host: str | None, observed: bool, pins: list[str], as_json: bool
) -> None:
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        if host is not None:
            wanted = (await find_host(store, fleet, host_name(host), wanted)).cluster
        cluster = with_pins(find_cluster(fleet, wanted), pins)
        published = await store.matrix(cluster.name)
        if observed:
            fine = await _check_observed(store, fleet, cluster, as_json)
        else:
            versions = await _seen(store, cluster, host) if host is not None else host_facing_sets(sets, cluster)
            fine = _tell(allowed(versions, cluster, published), as_json)
    if not fine:
        raise typer.Exit(1)


def _tell(verdict: Allowed, as_json: bool) -> bool:
    if as_json:
        print_json(dump(verdict))
    else:
        say(f"{'allowed' if verdict.allowed else 'not allowed'}: {verdict.reason}")
    return verdict.allowed


async def _seen(store: Store, cluster: Cluster, host: str) -> dict[str, str]:
    """What a host was last seen with; of one never read nothing is known, which is not allowed."""
    seen = (await store.observed_versions(cluster.name, host)).get(host)
    return seen.versions if seen is not None else {}


async def _check_observed(store: Store, fleet: FleetFile, cluster: Cluster, as_json: bool) -> bool:
    """Judge every host in production; whether all are allowed."""
    production = await in_production(store, fleet, cluster)
    refused = hosts_not_allowed(cluster, production, await store.matrix(cluster.name))
    bad = sum(len(group.hosts) for group in refused)
    if as_json:
        print_json({"hosts": len(production), "not_allowed": [dump(group) for group in refused]})
        return not refused
    for group in refused:
        say(f"not allowed: {compact(group.hosts)} ({len(group.hosts)}): {group.reason}")
    say(f"{len(production) - bad} of {len(production)} hosts in production carry an allowed set")
    return not refused
