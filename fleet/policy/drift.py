"""What runs in production against what should, from the versions last observed.

Host-facing versions slide, so being behind is a fact to count; another version than the pinned one, or a set that the
matrix does not allow, is what must not be. What isn't known is never counted as right.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from fleet.hostlist import natural_key
from fleet.models.drift import ComponentDrift, Drift, HostsNotAllowed, OffPin
from fleet.models.fleetfile import Cluster
from fleet.models.host import Host, HostSet, Standing
from fleet.models.matrix import MatrixEntry
from fleet.models.rollouts import RolloutFacts
from fleet.models.stack import Component
from fleet.policy.compatibility import allowed
from fleet.policy.wanted import NO_ROLLOUTS, wanted

NEVER_READ = "no version of it is known"
Observed = Mapping[str, Mapping[str, str]]
"""Component → version, by host."""


def drift(
    cluster: Cluster,
    hosts: Mapping[str, Host],
    where: Mapping[str, Standing],
    observed: Observed,
    entries: Sequence[MatrixEntry],
    rollouts: RolloutFacts = NO_ROLLOUTS,
) -> Drift:
    """Judge every host in production. `where` is the standing of every member that counts, `entries` the published
    part of the matrix, `rollouts` those under way with the cohorts of these hosts. Raises ValueError for an entry
    with a malformed pattern.
    """
    up = sorted((n for n, standing in where.items() if standing.set is HostSet.UP and n in hosts), key=natural_key)
    known = {name: observed.get(name, {}) for name in up}
    desired = {pool.name: cluster.desired_in(pool) for pool in cluster.pools}
    wished = {name: desired.get(hosts[name].pool, {}) for name in up}
    if rollouts.rollouts:
        wished = {name: _wished(cluster, hosts[name], known[name], rollouts) for name in up}
    return Drift(
        cluster=cluster.name,
        in_production=len(up),
        out=len(where) - len(up),
        components=tuple(_component(cluster, c, known, wished) for c in _deepest_first(cluster)),
        off_pin=tuple(_off_pins(cluster, known)),
        not_allowed=hosts_not_allowed(cluster, known, entries),
        behind=tuple(n for n in up if any(known[n].get(c, v) != v for c, v in wished[n].items())),
        unread=tuple(n for n in up if not known[n]),
    )


def hosts_not_allowed(
    cluster: Cluster, observed: Observed, entries: Sequence[MatrixEntry]
) -> tuple[HostsNotAllowed, ...]:
    """Hosts whose set is not allowed, by the reason, the most first. Equal sets are judged once."""
    alike: dict[tuple[tuple[str, str], ...], list[str]] = defaultdict(list)
    for host, versions in observed.items():
        alike[host_facing(cluster, versions)].append(host)
    reasons: dict[str, list[str]] = defaultdict(list)
    for chosen, hosts in alike.items():
        verdict = allowed(dict(chosen), cluster, entries)
        if not verdict.allowed:
            reasons[verdict.reason if chosen else NEVER_READ] += hosts
    groups = sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(HostsNotAllowed(hosts=tuple(sorted(h, key=natural_key)), reason=why) for why, h in groups)


def host_facing(cluster: Cluster, versions: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The host-facing part of a host's versions, in the order of the stack: what makes two hosts alike."""
    stack = cluster.stack
    return tuple((c.name, versions[c.name]) for c in stack.components if stack.host_facing(c) and c.name in versions)


def in_words(found: Drift) -> str:
    """The total, in one sentence."""
    return (
        f"{found.in_production} hosts of {found.cluster} in production: job-facing drift {found.job_facing}, "
        f"{found.untold} that told no version of a pin, {found.hosts_not_allowed} on a set that is not allowed, "
        f"{len(found.behind)} behind the desired host-facing versions"
    )


def _deepest_first(cluster: Cluster) -> list[Component]:
    stack = cluster.stack
    return sorted(stack.components, key=lambda c: (stack.depth(c), stack.components.index(c)))


def _wished(cluster: Cluster, host: Host, observed: Mapping[str, str], rollouts: RolloutFacts) -> dict[str, str]:
    """What rollouts and the fleet file want of a host now."""
    pool = cluster.pool(host.pool)
    return {} if pool is None else wanted(cluster, pool, host, observed, rollouts).versions


def _component(
    cluster: Cluster, component: Component, known: Observed, wished: Mapping[str, Mapping[str, str]]
) -> ComponentDrift:
    name, job_facing = component.name, not cluster.stack.host_facing(component)
    pin = {name: cluster.pins[name]} if name in cluster.pins else {}
    asked = {host: pin if job_facing else wished[host] for host in known}
    pools = [pin] if job_facing else [*(cluster.desired_in(pool) for pool in cluster.pools), *wished.values()]
    counts = Counter(versions[name] for versions in known.values() if name in versions)
    return ComponentDrift(
        component=name,
        layer=component.layer,
        job_facing=job_facing,
        wished=tuple(dict.fromkeys(p[name] for p in pools if name in p)),
        observed=dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        silent=len(known) - counts.total(),
        behind=sum(1 for h, v in known.items() if name in v and asked[h].get(name, v[name]) != v[name]),
    )


def _off_pins(cluster: Cluster, known: Observed) -> list[OffPin]:
    return [
        OffPin(host=host, component=name, pinned=pinned, found=versions.get(name))
        for host, versions in known.items()
        for name, pinned in cluster.pins.items()
        if versions.get(name) != pinned
    ]
