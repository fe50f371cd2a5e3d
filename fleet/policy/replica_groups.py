"""Which replica group a host is in, and whether a request may take hosts of its groups now.

A host that is out counts for its group whatever took it out; a host whose group can't be told is a group of its own.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from fleet.hostlist import some
from fleet.models.host import Host
from fleet.models.pool import Pool
from fleet.models.replicas import ReplicaKey, Replicas


def group_of(host: Host, replicas: Replicas) -> str:
    """The name of a host's group."""
    return told_group(host, replicas) or f"host {host.name}"


def told_group(host: Host, replicas: Replicas) -> str | None:
    """The group that the scheduler tells, if it tells one."""
    if replicas.by is ReplicaKey.RACK:
        return host.rack
    if replicas.by is ReplicaKey.NVLINK:
        return host.nvlink
    found = [f for f in host.features if replicas.prefix is not None and f.startswith(replicas.prefix)]
    return found[0] if len(found) == 1 else None


def ungrouped(pool: Pool, hosts: Iterable[Host]) -> str:
    """Why these members can't be told apart by replica groups; empty when they can."""
    replicas = pool.replicas
    if replicas is None:
        return ""
    untold = [h.name for h in hosts if h.pool == pool.name and told_group(h, replicas) is None]
    if not untold:
        return ""
    key = f"exactly one feature {replicas.prefix}*" if replicas.by is ReplicaKey.FEATURE else f"its {replicas.by}"
    return f"expected the scheduler to tell {key} of each host, and not of {some(untold)}"


@dataclass(slots=True)
class GroupsOut:
    """A pool's groups that have hosts out, while a settling goes on."""

    replicas: Replicas
    out: Counter[str] = field(default_factory=Counter)
    """Hosts out, by group."""
    lasting: set[str] = field(default_factory=set)
    """Groups with hosts out that no end of planned work brings back."""
    reserved: dict[str, str] = field(default_factory=dict)
    """Group: the request that has waited too long for it."""

    def count(self, host: Host, *, coming_back: bool) -> None:
        """One more host is out."""
        group = group_of(host, self.replicas)
        self.out[group] += 1
        if not coming_back:
            self.lasting.add(group)

    def groups(self, hosts: Iterable[Host]) -> list[str]:
        """Groups of these hosts, in their order."""
        return list(dict.fromkeys(group_of(h, self.replicas) for h in hosts))

    def hindrance(self, pool: Pool, hosts: Sequence[Host]) -> str:
        """Why these hosts may not be taken out now; empty when they may."""
        wanted, most = self.groups(hosts), self.replicas.at_once
        if not wanted:
            return ""
        if len(wanted) > most:
            return f"pool {pool.name}: it names hosts of {len(wanted)} replica groups ({some(wanted)}), {most} at once"
        others = [group for group in self.out if group not in wanted]
        if len(wanted) + len(others) > most:
            return f"pool {pool.name}: replica group {some(others)} has hosts out, {most} at once"
        kept = [group for group in self.reserved if group not in wanted and group not in others]
        if len(wanted) + len(others) + len(kept) > most:
            whose = self.reserved[kept[0]]
            return f"pool {pool.name}: replica group {some(kept)} is reserved for {whose}, which has waited longer"
        return ""

    def within_reach(self, hosts: Sequence[Host]) -> bool:
        """True when the return of what is out by plan would let these hosts be taken."""
        return len(self.lasting.union(self.groups(hosts))) <= self.replicas.at_once


def by_group(hosts: Sequence[Host], replicas: Replicas | None) -> Iterator[list[Host]]:
    """Hosts in groups that no domain may span, in the order of their first hosts; all of them without replicas."""
    if replicas is None:
        yield list(hosts)
        return
    found: dict[str, list[Host]] = {}
    for host in hosts:
        found.setdefault(group_of(host, replicas), []).append(host)
    yield from found.values()
