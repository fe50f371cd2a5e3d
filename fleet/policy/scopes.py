"""Which hosts lose capacity when work is done on a scope: those it names, and those that depend on what it names.

A switch takes the whole NVLink domain of every host on it; a power feed or cooling loop takes the racks of its hosts.
A name that the cluster does not have is refused with those there are, never read as "no host".
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from fleet.errors import InvalidInput
from fleet.hostlist import compact, expand, natural_key, some
from fleet.models.catalogue_operation import Scope
from fleet.models.fleetfile import Cluster
from fleet.models.host import Host
from fleet.models.scope import ScopeHosts, ScopePart
from fleet.models.topology import Reach

_MOST_NAMES = 20


def resolve(parts: Sequence[ScopePart], cluster: Cluster, hosts: Mapping[str, Host]) -> ScopeHosts:
    """The hosts of one cluster that lose capacity; `hosts` are its members by name, parts of other clusters are none
    of its business. Raises InvalidInput for a name that is not there, and for a scope without a host.
    """
    members = {name: host for name, host in hosts.items() if not host.decommissioned}
    direct: dict[str, None] = {}
    indirect: dict[str, str] = {}
    for part in parts:
        if part.cluster == cluster.name:
            named = _named(part, cluster, members)
            direct.update(dict.fromkeys(named))
            for host, why in _dependent(part, named, members):
                indirect.setdefault(host, why)
    for host in direct:
        indirect.pop(host, None)
    told = f"{len(direct)} hosts" + (f" and {len(indirect)} that depend on them" if indirect else "")
    named_first = tuple(sorted(direct, key=natural_key))
    return ScopeHosts(direct=named_first, indirect=dict(sorted(indirect.items())), reason=told)


def _named(part: ScopePart, cluster: Cluster, members: Mapping[str, Host]) -> list[str]:
    """Hosts that a part names itself."""
    match part.kind:
        case Scope.HOST:
            return _listed(part, members)
        case Scope.CLUSTER:
            found = list(members)
        case Scope.POOL:
            found = _by(part, members, [p.name for p in cluster.pools], lambda h: (h.pool,))
        case Scope.RACK:
            found = _by(part, members, (), lambda h: (h.rack,))
        case Scope.NVLINK_DOMAIN:
            found = _by(part, members, (), lambda h: (h.nvlink,))
        case Scope.SWITCH:
            found = _reached(part, members, cluster.topology.switches)
        case Scope.POWER_FEED:
            found = _reached(part, members, cluster.topology.power_feeds)
        case Scope.COOLING_LOOP:
            found = _reached(part, members, cluster.topology.cooling_loops)
    if not found:
        raise InvalidInput("scope", str(part), "expected a scope with at least one host in service")
    return found


def _listed(part: ScopePart, members: Mapping[str, Host]) -> list[str]:
    try:
        names = expand(part.name)
    except ValueError as problem:
        raise InvalidInput("scope", str(part), f"expected a hostlist; {problem}") from problem
    strangers = [name for name in names if name not in members]
    if strangers or not names:
        there = f"the members in service are {compact(members)}" if members else "it has none; sync it first"
        raise InvalidInput("scope", str(part), f"expected members of {part.cluster}, not {some(strangers)}: {there}")
    return list(names)


def _by(
    part: ScopePart,
    members: Mapping[str, Host],
    more: Iterable[str],
    units: Callable[[Host], Iterable[str | None]],
) -> list[str]:
    """Hosts of which `units` names the part; `more` are names that exist without a host."""
    there = {unit for host in members.values() for unit in units(host) if unit} | set(more)
    if part.name not in there:
        raise InvalidInput("scope", str(part), _expected(part.kind, there))
    return [name for name, host in members.items() if part.name in units(host)]


def _reached(part: ScopePart, members: Mapping[str, Host], reaches: Mapping[str, Reach]) -> list[str]:
    """Hosts on a switch, feed or loop, by the fleet file and by their features."""
    label = f"{part.kind}="
    marked = {f.removeprefix(label) for host in members.values() for f in host.features if f.startswith(label)}
    if part.name not in {*marked, *reaches}:
        raise InvalidInput("scope", str(part), _expected(part.kind, {*marked, *reaches}))
    found = [name for name, host in members.items() if f"{label}{part.name}" in host.features]
    reach = reaches.get(part.name)
    if reach is not None:
        try:
            named = set(expand(reach.hosts or ""))
        except ValueError as problem:
            raise InvalidInput(
                "fleet file in force", f"topology of {part}", f"expected a hostlist; {problem}"
            ) from None
        found += [name for name, host in members.items() if name in named or (host.rack or "") in reach.racks]
    return list(dict.fromkeys(found))


def _dependent(part: ScopePart, named: Sequence[str], members: Mapping[str, Host]) -> Iterable[tuple[str, str]]:
    """Hosts that lose capacity with those a part names, and why."""
    if part.kind is Scope.SWITCH:
        domains = {members[name].nvlink for name in named} - {None}
        return (
            (n, f"in NVLink domain {h.nvlink} with a host on it") for n, h in members.items() if h.nvlink in domains
        )
    if part.kind in (Scope.POWER_FEED, Scope.COOLING_LOOP):
        racks = {members[name].rack for name in named} - {None}
        return ((n, f"in rack {h.rack} with a host on it") for n, h in members.items() if h.rack in racks)
    return ()


def _expected(kind: Scope, there: Iterable[str]) -> str:
    names = sorted(there, key=natural_key)
    word = kind.replace("_", " ")
    plural = f"{word}es" if word.endswith("ch") else f"{word}s"
    if not names:
        told = "topology in the fleet file" if kind in (Scope.SWITCH, Scope.POWER_FEED, Scope.COOLING_LOOP) else "hosts"
        return f"no {word} is known; the {told} names them"
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"expected one of the {plural} {', '.join(names[:_MOST_NAMES])}{more}"
