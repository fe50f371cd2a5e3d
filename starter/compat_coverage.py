"""`maintrain compat coverage`: what of the last two versions of each component is tested with the current two of each
pin, what a planned rollout would need tested, and which hosts are off the matrix.
"""

from typing import Annotated

import typer

from fleet.hostlist import compact
from fleet.models.coverage import Cell, Coverage, Planned
from fleet.policy.coverage import coverage
from starter.asynchronous import run
from starter.compat_versions import Pins, parted, planned_upgrade
from starter.options import Json, MaybeCluster
from starter.production import in_production
from starter.session import facts, find_cluster, in_force
from starter.show import dump, print_json, say, table

Component = Annotated[str | None, typer.Option("--component", help="Of a planned rollout: what it upgrades.")]
Version = Annotated[str | None, typer.Option("--version", help="Of a planned rollout: to which version.")]


def show_coverage(
    cluster: MaybeCluster = None,
    component: Component = None,
    version: Version = None,
    pins: Pins = None,
    as_json: Json = False,
) -> None:
    """What is tested, what a planned rollout would need tested, and which hosts are off the matrix."""
    run(_coverage(cluster, component, version, pins or [], as_json))


async def _coverage(
    wanted: str | None, component: str | None, version: str | None, pins: list[str], as_json: bool
) -> None:
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        cluster = find_cluster(fleet, wanted)
        planned = planned_upgrade(component, version, cluster)
        others = parted("--pin", pins, cluster, job_facing=True)
        production = await in_production(store, fleet, cluster)
        found = coverage(cluster, production, await store.matrix(cluster.name), planned=planned, other_pins=others)
    if as_json:
        print_json(dump(found))
        return
    _say(found, len(production))


def _say(found: Coverage, hosts: int) -> None:
    rows = [(c.component, c.version, f"{c.pin} {c.pinned}", c.state, c.entry or "-") for c in found.cells]
    say(table(("component", "version", "with pin", "is", "says"), rows) if rows else "no pin has a related component")
    say(f"\n{_covered(found.cells)}")
    for pin, versions in found.pins.items():
        if len(versions) == 1:
            say(f"{pin}: only {versions[0]} is known; name the next one with --pin {pin}=VERSION")
    for planned in found.planned:
        _say_planned(planned, hosts)
    for group in found.off_matrix:
        say(f"off the matrix: {compact(group.hosts)} ({len(group.hosts)}): {group.reason}")
    off = sum(len(group.hosts) for group in found.off_matrix)
    say(f"{off} of {hosts} hosts in production are off the matrix")


def _covered(cells: tuple[Cell, ...]) -> str:
    counts: dict[str, int] = {}
    for cell in cells:
        counts[cell.state] = counts.get(cell.state, 0) + 1
    return f"{len(cells)} pairs: " + (", ".join(f"{n} {state}" for state, n in sorted(counts.items())) or "none")


def _say_planned(planned: Planned, hosts: int) -> None:
    say(f"\nplanned: {planned.component} {planned.version}: {len(planned.allowed)} of {hosts} hosts may carry it")
    for group in planned.broken:
        say(f"  broken on {compact(group.hosts)} ({len(group.hosts)}): {group.reason}")
    for need in planned.needs:
        versions = " + ".join(f"{name} {version}" for name, version in need.components.items()) or "nothing known"
        parts = [f"{', '.join(need.untested)} not tested"] if need.untested else []
        parts += [f"{', '.join(need.unknown)} not known"] if need.unknown else []
        say(f"  to test: {versions} with {need.pin} {need.pinned} ({'; '.join(parts)}), for {_some(need.hosts)}")
    if not planned.broken and not planned.needs:
        say("  nothing more needs testing")


def _some(hosts: tuple[str, ...]) -> str:
    return f"{compact(hosts)} ({len(hosts)})"
