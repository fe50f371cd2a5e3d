"""How a pool is cut into maintenance domains: by topology, and never through a group that one domain can hold.

Small groups share a domain; a group larger than a domain is cut into parts as even as can be, in a rack along its
NVLink domains. Hosts whose topology is unknown are a group of their own, which shares with nobody.
"""

from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush, heapreplace

from fleet.hostlist import natural_key
from fleet.models.host import Host
from fleet.models.pool import DomainSpec, Grouping
from fleet.models.replicas import Replicas
from fleet.models.train import Domain
from fleet.policy.replica_groups import by_group

Group = list[Host]
"""Hosts in natural order."""


def form_domains(hosts: Sequence[Host], spec: DomainSpec, replicas: Replicas | None = None) -> tuple[Domain, ...]:
    """Domains of one pool, named `d001` on in the order of their hosts; every host once, decommissioned ones left out.
    None spans two replica groups.

    The same hosts give the same domains, in whatever order they come.
    """
    members = sorted((h for h in hosts if not h.decommissioned), key=lambda h: natural_key(h.name))
    cut = [domain for group in by_group(members, replicas) for domain in _formed(group, spec)]
    ordered = sorted((sorted((h.name for h in d), key=natural_key) for d in cut), key=lambda d: natural_key(d[0]))
    width = max(3, len(str(len(ordered))))
    return tuple(Domain(name=f"d{i:0{width}d}", hosts=tuple(names)) for i, names in enumerate(ordered, 1))


def _formed(members: Group, spec: DomainSpec) -> list[Group]:
    """The domains of hosts that may share one."""
    cut: list[Group] = []
    small: list[Group] = []
    for key, group in _by(members, _group_key(spec.group_by)):
        if len(group) > spec.size:
            cut += _cut(group, spec)
        elif key is None:
            cut.append(group)
        else:
            small.append(group)
    return cut + _packed(small, spec.size)


def _group_key(grouping: Grouping) -> Callable[[Host], str | None]:
    if grouping is Grouping.RACK:
        return lambda h: h.rack
    if grouping is Grouping.NVLINK:
        return lambda h: h.nvlink
    return lambda h: None


def _by(hosts: Sequence[Host], key: Callable[[Host], str | None]) -> list[tuple[str | None, Group]]:
    """Hosts grouped, groups in natural order of their key, the unknown last."""
    groups: dict[str | None, Group] = {}
    for host in hosts:
        groups.setdefault(key(host), []).append(host)
    return sorted(groups.items(), key=lambda item: (item[0] is None, natural_key(item[0] or "")))


def _cut(group: Group, spec: DomainSpec) -> list[Group]:
    """Cut a group that is too large, a rack along its NVLink domains where they fit."""
    if spec.group_by is not Grouping.RACK:
        return _evenly(group, spec.size)
    parts: list[Group] = []
    whole: list[Group] = []
    for key, unit in _by(group, lambda h: h.nvlink):
        if len(unit) > spec.size:
            parts += _evenly(unit, spec.size)
        elif key is None:
            parts.append(unit)
        else:
            whole.append(unit)
    return parts + _balanced(whole, spec.size)


def _evenly(group: Group, size: int) -> list[Group]:
    """As few runs of neighbours as the size allows, their lengths one apart at most."""
    count = -(-len(group) // size)
    short, longer = divmod(len(group), count)
    runs, start = [], 0
    for i in range(count):
        end = start + short + (i < longer)
        runs.append(group[start:end])
        start = end
    return runs


def _balanced(units: list[Group], size: int) -> list[Group]:
    """Put whole units into as few parts as it takes, each next-largest unit into the part that is emptiest."""
    by_length = sorted(units, key=len, reverse=True)
    for count in range(-(-sum(map(len, units)) // size), len(units) + 1):
        parts: list[Group] = [[] for _ in range(count)]
        emptiest = [(0, i) for i in range(count)]
        heapify(emptiest)
        for unit in by_length:
            filled, i = emptiest[0]
            if filled + len(unit) > size:
                break
            parts[i] += unit
            heapreplace(emptiest, (filled + len(unit), i))
        else:
            return parts
    return units


def _packed(groups: list[Group], size: int) -> list[Group]:
    """Put whole groups together: each into the domain it fills best, the earliest among equals."""
    domains: list[Group] = []
    open_by_room: list[list[int]] = [[] for _ in range(size + 1)]
    for group in groups:
        room = next((r for r in range(len(group), size) if open_by_room[r]), None)
        if room is None:
            domains.append(list(group))
            index, left = len(domains) - 1, size - len(group)
        else:
            index = heappop(open_by_room[room])
            domains[index] += group
            left = room - len(group)
        heappush(open_by_room[left], index)
    return domains
