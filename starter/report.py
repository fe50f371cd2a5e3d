"""`maintrain report`: how the promises of each pool were kept, for a terminal, a program or a browser."""

from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from fleet.errors import InvalidInput
from fleet.models.fleetfile import Cluster
from fleet.models.report import Report
from fleet.models.rollouts import RolloutState
from fleet.policy.report import report as made
from fleet.ports.store import Store
from starter.asynchronous import run
from starter.options import Json, MaybeCluster
from starter.report_page import page
from starter.report_text import report_lines
from starter.session import facts, find_cluster, in_force
from starter.show import dump, print_json, say

app = typer.Typer()

Days = Annotated[float, typer.Option("--days", min=0.01, max=400, help="How far back from now.")]
Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with pictures, in one file.")]

_WANTED = (RolloutState.RUNNING, RolloutState.PAUSED, RolloutState.COMPLETE)


@app.command()
def report(cluster: MaybeCluster = None, days: Days = 30, as_json: Json = False, html: Html = None) -> None:
    """Promises kept: capacity against the floor, cycles, interruptions, hosts out and why, upgrades and their reach."""
    run(_report(cluster, days, as_json, html))


async def _report(wanted: str | None, days: float, as_json: bool, html: Path | None) -> None:
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        clusters = (find_cluster(fleet, wanted),) if wanted else fleet.clusters
        found = await reported(store, clusters, timedelta(days=days))
    if html is not None:
        _write(html, found)
    if as_json:
        print_json(dump(found))
    elif html is not None:
        say(f"{html}: {len(found.pools)} pools")
    else:
        for line in report_lines(found):
            say(line)


def _write(path: Path, found: Report) -> None:
    try:
        path.write_text(page(found), encoding="utf-8")
    except OSError as error:
        raise InvalidInput("--html", str(path), f"expected a file to write: {error.strerror}") from error


async def reported(store: Store, clusters: tuple[Cluster, ...], length: timedelta) -> Report:
    """The report on some clusters, of so long a time up to now."""
    end = await store.clock()
    rollouts = [r for r in await store.rollouts() if r.state in _WANTED]
    return made(
        [
            await store.report_facts(
                cluster.name,
                end - length,
                end,
                _desired(cluster, [(r.spec.component, r.spec.version) for r in rollouts]),
            )
            for cluster in clusters
        ]
    )


def _desired(cluster: Cluster, rollouts: list[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Component → versions that the fleet file, a pin or a rollout wants in a cluster."""
    found: dict[str, set[str]] = defaultdict(set)
    for pool in cluster.pools:
        for component, version in cluster.desired_in(pool).items():
            found[component].add(version)
    for component, version in (*cluster.pins.items(), *rollouts):
        if cluster.stack.component(component) is not None:
            found[component].add(version)
    return {component: frozenset(versions) for component, versions in found.items()}
