"""Which hosts are in which pool, and whether a host is still the one we knew.

A host is in exactly one pool. Its identity is its serial where known: a new serial under an old name starts a new
history, a rename with the same serial keeps it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from fnmatch import fnmatchcase

from fleet.errors import InvalidInput
from fleet.hostlist import expand, natural_key, some
from fleet.ids import FEATURE_PREFIX
from fleet.models.base import HOST_PATTERN, Moment
from fleet.models.fleetfile import Cluster
from fleet.models.host import Host
from fleet.models.pool import Pool
from fleet.models.scheduler import Node
from fleet.policy.limits import problems
from fleet.policy.replica_groups import ungrouped

_NAME = re.compile(HOST_PATTERN)
_SOURCE = "fleet file"


def assign(cluster: Cluster, nodes: Iterable[Node], known: Mapping[str, Host], now: Moment) -> tuple[Host, ...]:
    """Members of all pools of a cluster in natural order, from what its scheduler lists and what we knew by name.

    Raises InvalidInput, naming the pool and the field, for a selector that finds nothing or names strangers, for a
    host in two pools, for promises that these members can't keep, and for one whose replica group can't be told.
    """
    listed = {n.name: n for n in nodes}
    pool_of: dict[str, Pool] = {}
    for pool in cluster.pools:
        members = _select(cluster, pool, listed)
        for name in members:
            other = pool_of.setdefault(name, pool)
            if other is not pool:
                raise _invalid(cluster, pool, "hosts", f"{name} is in pool {other.name} and in pool {pool.name} too")
        for sentence in problems(pool, len(members)):
            field, _, expected = sentence.partition(": ")
            raise _invalid(cluster, pool, field, expected)
    serials = _telling_serials(listed.values())
    by_serial = {h.serial: h for h in known.values() if h.serial is not None}
    shown = set(serials.values())
    found = tuple(
        _identified(pool, listed[name], cluster, serials.get(name), known.get(name), by_serial, shown, now)
        for name, pool in sorted(pool_of.items(), key=lambda item: natural_key(item[0]))
    )
    for pool in cluster.pools:
        if untold := ungrouped(pool, found):
            raise _invalid(cluster, pool, "replicas", untold)
    return found


def _select(cluster: Cluster, pool: Pool, listed: Mapping[str, Node]) -> list[str]:
    """Names of a pool's members: every criterion of its selector holds."""
    selector = pool.hosts
    if selector.names is None:
        candidates: Iterable[str] = listed
    else:
        try:
            candidates = expand(selector.names)
        except ValueError as problem:
            raise _invalid(cluster, pool, "hosts.names", f"expected a hostlist; {problem}") from problem
        strangers = [n for n in candidates if n not in listed]
        if strangers:
            raise _invalid(cluster, pool, "hosts.names", f"the scheduler does not list {some(strangers)}")
    found = [
        name
        for name in candidates
        if selector.partition in (None, *listed[name].partitions) and selector.feature in (None, *listed[name].features)
    ]
    for name in found:
        if not _NAME.fullmatch(name):
            raise _invalid(cluster, pool, "hosts", f"the scheduler lists {name!r}, which is no host name")
    return found


def _telling_serials(nodes: Iterable[Node]) -> dict[str, str]:
    """Serials by host. One that several hosts report (a board maker's placeholder) tells none of them apart."""
    serials = {n.name: n.serial for n in nodes if n.serial}
    seen = Counter(serials.values())
    return {name: serial for name, serial in serials.items() if seen[serial] == 1}


def _identified(
    pool: Pool,
    node: Node,
    cluster: Cluster,
    serial: str | None,
    namesake: Host | None,
    by_serial: Mapping[str, Host],
    elsewhere: Set[str],
    now: Moment,
) -> Host:
    """The host with the history that its identity has; `elsewhere` are the serials that the scheduler's nodes show."""
    before = by_serial.get(serial) if serial is not None else None
    if before is None and namesake is not None and (serial is None or namesake.serial is None):
        before = namesake if namesake.serial not in elsewhere else None  # nothing says that it is another machine
    return Host(
        cluster=cluster.name,
        name=node.name,
        pool=pool.name,
        serial=serial or (before.serial if before else None),
        rack=node.rack,
        nvlink=node.nvlink,
        model=node.model or _model(cluster, node),
        features=tuple(sorted(f for f in node.features if not f.startswith(FEATURE_PREFIX))),
        since=before.since if before else now,
        decommissioned=before.decommissioned if before else False,
        released_at=before.released_at if before else None,
    )


def _model(cluster: Cluster, node: Node) -> str | None:
    """The hardware model by the node's features; None where none of them tells it."""
    globs = cluster.hardware_models.items()
    found = [model for model, glob in globs if any(fnmatchcase(feature, glob) for feature in node.features)]
    if len(found) > 1:
        expected = f"expected one model a host, {node.name} has features of {found[0]} and of {found[1]}"
        raise InvalidInput(_SOURCE, f"clusters.{cluster.name}.hardware_models", expected)
    return found[0] if found else None


def _invalid(cluster: Cluster, pool: Pool, field: str, expected: str) -> InvalidInput:
    return InvalidInput(_SOURCE, f"clusters.{cluster.name}.pools.{pool.name}.{field}", expected)
