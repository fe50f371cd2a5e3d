"""Which hosts an emergency is for, and which of them it can get hold of."""

from collections.abc import Iterable, Mapping, Sequence

from fleet import ids
from fleet.models.base import Decision
from fleet.models.emergency import EmergencyHost, EmergencyHostState, EmergencySpec
from fleet.models.facts import LedgerFacts
from fleet.models.fleetfile import Cluster
from fleet.models.host import Host, HostSet
from fleet.models.ledger import Counted, LeaseHost
from fleet.models.observation import ObservedHost
from fleet.models.rollout import RolloutHosts
from fleet.policy.cohorts import fits
from fleet.policy.domains import form_domains
from fleet.policy.sets import is_unseen, place


class Obtainable(Decision):
    """Hosts that are in production or come back to it, and the others with the reason each."""

    hosts: tuple[str, ...]
    out: dict[str, str]
    untold: tuple[str, ...] = ()
    """Those of the others that were looked at, and of which nobody can tell whether they are up."""
    gone: tuple[str, ...] = ()
    """Those of the others that are another pool's by now, or nobody's."""


def emergency_hosts(
    spec: EmergencySpec, cluster: Cluster, hosts: Sequence[Host], versions: Mapping[str, Mapping[str, str]]
) -> tuple[EmergencyHost, ...]:
    """The hosts that the spec selects, by domain; one whose versions were never read is left out where these count."""
    found: list[EmergencyHost] = []
    for pool in cluster.pools:
        if spec.pools and pool.name not in spec.pools:
            continue
        members = {h.name: h for h in hosts if h.pool == pool.name and not h.decommissioned}
        for domain in form_domains(tuple(members.values()), pool.domain, pool.replicas):
            named = (members[name] for name in domain.hosts if fits(spec.hosts or _ALL, members[name]))
            for host in named:
                why = _differs(spec.installed, versions.get(host.name))
                if why is not None:
                    state = EmergencyHostState.LEFT_OUT if why else EmergencyHostState.PENDING
                    row = EmergencyHost(host=host.name, pool=pool.name, domain=domain.name, state=state, reason=why)
                    found.append(row)
    return tuple(found)


_ALL = RolloutHosts.model_construct(names=None, feature=None, model=None)


def _differs(installed: Mapping[str, str], carried: Mapping[str, str] | None) -> str | None:
    """None for a host that does not carry what is asked for; else empty, or why that is not known."""
    if not installed:
        return ""
    unknown = [c for c in installed if carried is None or c not in carried]
    if unknown:
        return f"its version of {unknown[0]} was never read"
    return "" if carried is not None and all(carried[c] == v for c, v in installed.items()) else None


def obtainable(rows: Iterable[EmergencyHost], facts: LedgerFacts) -> Obtainable:
    """Split hosts by whether an emergency can have them, now or when their holder has given them back. One that another
    pool has by now is that one's to visit: it has promises and verifications of its own.

    What is failed, foreign, in repair or not to be seen would have to become fit first, and what an outsider works on
    for an operation comes back when they say so: nothing waits for that.
    """
    hosts, untold, gone = list[str](), list[str](), list[str]()
    out: dict[str, str] = {}
    look = facts.observation
    seen, at = (look.hosts, look.began_at) if look else ({}, None)
    for name, pool in {row.host: row.pool for row in rows}.items():
        host, lease = facts.hosts.get(name), facts.leases.get(name)
        if host is None or host.decommissioned or host.pool != pool:
            out[name] = _gone(host)
            gone.append(name)
            continue
        if lease is not None and lease.counted is Counted.FAILED:
            out[name] = f"in repair by {lease.holder}, which brings it the same"
            continue
        outsiders = working_outsiders(lease, seen.get(name), facts) if lease is not None else ""
        if outsiders:
            out[name] = f"drained for {outsiders}, for which an outsider works on it: it does not give way"
            continue
        found = place(host, seen.get(name), at, lease, facts.failed_reasons)
        if found[0] in (HostSet.UP, HostSet.PLANNED) or is_unseen(found):
            hosts.append(name)
        else:
            untold += [name] if found[0] is HostSet.UNKNOWN else []
            out[name] = f"foreign: {found[1]}" if found[0] is HostSet.FOREIGN else f"{found[0]}: {found[2]}"
    reason = f"{len(hosts)} of {len(hosts) + len(out)} can be had"
    return Obtainable(hosts=tuple(hosts), out=out, untold=tuple(untold), gone=tuple(gone), reason=reason)


def in_vain(rows: Iterable[EmergencyHost], facts: LedgerFacts) -> tuple[str, ...]:
    """Stops that wait for hosts of which none can be had any more: they look at their requests more and more seldom,
    and the domains after theirs would wait for that.
    """
    waits: dict[str, list[EmergencyHost]] = {}
    for row in rows:
        if row.state is EmergencyHostState.ASKED:
            waits.setdefault(row.stop, []).append(row)
    found = {stop: obtainable(its, facts) for stop, its in waits.items()}
    return tuple(stop for stop, can in found.items() if not can.hosts and not can.untold)


def _gone(host: Host | None) -> str:
    if host is None:
        return "no longer in the pool"
    moved = f"no longer in the pool: it is in {host.pool}"
    return "decommissioned" if host.decommissioned else moved


def working_outsiders(lease: LeaseHost, seen: ObservedHost | None, facts: LedgerFacts) -> str:
    """The operation that has the host drained for an outsider's work; empty where there is none, or jobs run yet."""
    if not any(o.parks and o.operation == lease.holder for o in facts.operations):
        return ""
    node = seen.node if seen is not None and not seen.jobs else None
    ours = ids.drain_reason(ids.PLANNED, lease.operation)
    return lease.holder if node is not None and node.draining and node.reason == ours else ""
