"""How far the matrix covers what runs, what is pinned and what is planned.

Versions are taken as "last two × current two": of each host-facing component the two newest that are desired, carried
by hosts, or named exactly by an entry; of each pin the one in force, and the newest other that is asked about, carried
by hosts, or named exactly.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cmp_to_key

from fleet.models.coverage import Cell, CellState, Coverage, NeedsTest, Planned
from fleet.models.drift import HostsNotAllowed
from fleet.models.fleetfile import Cluster
from fleet.models.matrix import MatrixEntry, Verdict
from fleet.models.stack import Upgrade
from fleet.policy.compatibility import allowed, describe, gaps, related
from fleet.policy.drift import Observed, host_facing, hosts_not_allowed
from fleet.policy.version_patterns import compare, is_exact, matches

LAST = 2
_BEST = {CellState.BROKEN: 0, CellState.TESTED: 1, CellState.TESTED_TOGETHER: 2, CellState.UNTESTED: 3}


def coverage(
    cluster: Cluster,
    production: Observed,
    entries: Sequence[MatrixEntry],
    *,
    planned: Upgrade | None = None,
    other_pins: Mapping[str, str] | None = None,
) -> Coverage:
    """Coverage over the versions of the hosts in production; `entries` are the published part of the matrix.

    `planned` is a rollout to judge, `other_pins` what pins may become. Raises ValueError for a malformed pattern.
    """
    every = (*cluster.matrix, *entries)
    pins = {name: _pin_versions(name, cluster, production, every, other_pins or {}) for name in cluster.pins}
    names = [c.name for c in cluster.stack.components if cluster.stack.host_facing(c) and set(c.relates_to) & set(pins)]
    versions = {name: _last(name, cluster, production, every, planned) for name in names}
    futures = (cluster, *(_with_pin(cluster, name, v) for name, both in pins.items() for v in both[1:]))
    return Coverage(
        cluster=cluster.name,
        versions=versions,
        pins=pins,
        cells=tuple(_cells(cluster, versions, pins, every)),
        off_matrix=hosts_not_allowed(cluster, production, entries),
        planned=tuple(_planned(future, production, entries, planned) for future in futures) if planned else (),
    )


def _with_pin(cluster: Cluster, name: str, version: str) -> Cluster:
    return cluster.model_copy(update={"pins": {**cluster.pins, name: version}})


def _last(
    name: str, cluster: Cluster, production: Observed, every: Sequence[MatrixEntry], planned: Upgrade | None
) -> tuple[str, ...]:
    known = {desired[name] for desired in map(cluster.desired_in, cluster.pools) if name in desired}
    known |= {versions[name] for versions in production.values() if name in versions}
    known |= {e.components[name] for e in every if name in e.components and is_exact(e.components[name])}
    newest = _newest_first(known)
    if planned is not None and planned.component == name:
        # What is planned is one of the two, also when it goes back to an older version.
        newest = [planned.version, *(v for v in newest if v != planned.version)]
    return tuple(newest[:LAST])


def _pin_versions(
    name: str, cluster: Cluster, production: Observed, every: Sequence[MatrixEntry], asked: Mapping[str, str]
) -> tuple[str, ...]:
    in_force = cluster.pins[name]
    known = {versions[name] for versions in production.values() if name in versions}
    known |= {e.pins[name] for e in every if name in e.pins and is_exact(e.pins[name])}
    others = [asked[name]] if name in asked else _newest_first(known)
    return (in_force, *[v for v in others if v != in_force][: LAST - 1])


def _newest_first(versions: Iterable[str]) -> list[str]:
    return sorted(sorted(versions), key=cmp_to_key(compare), reverse=True)


def _cells(
    cluster: Cluster,
    versions: Mapping[str, tuple[str, ...]],
    pins: Mapping[str, tuple[str, ...]],
    every: Sequence[MatrixEntry],
) -> Iterable[Cell]:
    for pin, pinned in pins.items():
        for component in related(cluster, pin):
            for version in versions[component.name]:
                for at in pinned:
                    state, entry = _state(component.name, version, pin, at, every)
                    yield Cell(component=component.name, version=version, pin=pin, pinned=at, state=state, entry=entry)


def _state(component: str, version: str, pin: str, pinned: str, every: Sequence[MatrixEntry]) -> tuple[CellState, str]:
    """What the matrix says of one pair; what is broken goes first, then what holds beside anything."""
    found = [(CellState.UNTESTED, "")]
    for entry in every:
        if component not in entry.components or not matches(entry.components[component], version):
            continue
        if pin in entry.pins and not matches(entry.pins[pin], pinned):
            continue
        alone = len(entry.components) == 1
        if entry.verdict is Verdict.BROKEN:
            found.append((CellState.BROKEN, describe(entry)))
        elif pin in entry.pins:
            found.append((CellState.TESTED if alone else CellState.TESTED_TOGETHER, describe(entry)))
    return min(found, key=lambda item: _BEST[item[0]])


def _planned(cluster: Cluster, production: Observed, entries: Sequence[MatrixEntry], planned: Upgrade) -> Planned:
    may: list[str] = []
    broken: dict[str, list[str]] = defaultdict(list)
    needs: dict[tuple[str, tuple[tuple[str, str], ...], tuple[str, ...], tuple[str, ...]], list[str]] = defaultdict(
        list
    )
    alike: dict[tuple[tuple[str, str], ...], list[str]] = defaultdict(list)
    for host, versions in production.items():
        alike[host_facing(cluster, {**versions, planned.component: planned.version})].append(host)
    for chosen, hosts in alike.items():
        verdict = allowed(dict(chosen), cluster, entries)
        if verdict.allowed:
            may += hosts
        elif verdict.broken:
            broken[verdict.reason] += hosts
        else:
            for key in _missing(cluster, dict(chosen), entries):
                needs[key] += hosts
    return Planned(
        component=planned.component,
        version=planned.version,
        allowed=tuple(may),
        broken=tuple(HostsNotAllowed(hosts=tuple(h), reason=why) for why, h in sorted(broken.items())),
        needs=tuple(
            NeedsTest(
                pin=pin,
                pinned=cluster.pins[pin],
                components=dict(components),
                untested=untested,
                unknown=unknown,
                hosts=tuple(hosts),
            )
            for (pin, components, untested, unknown), hosts in sorted(needs.items())
        ),
    )


def _missing(
    cluster: Cluster, versions: Mapping[str, str], entries: Sequence[MatrixEntry]
) -> Iterable[tuple[str, tuple[tuple[str, str], ...], tuple[str, ...], tuple[str, ...]]]:
    """For each pin with a gap: the pin, its related components as they would be, and the gaps by kind."""
    found = gaps(versions, cluster, entries)
    for pin in dict.fromkeys(gap.pin for gap in found):
        its = [gap for gap in found if gap.pin == pin]
        names = [c.name for c in related(cluster, pin)]
        yield (
            pin,
            tuple((name, versions[name]) for name in names if name in versions),
            tuple(gap.component for gap in its if gap.version is not None),
            tuple(gap.component for gap in its if gap.version is None),
        )
