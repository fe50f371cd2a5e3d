"""Which hosts a rollout is for, and which of them a phase takes: whole domains, in an order that a hash fixes.

A cohort is frozen when its phase opens, so hosts that come or go later move nobody; who is in no cohort belongs to the
last phase. The order of domains comes from their hosts' own hashes, not from their names or number.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from fleet.hostlist import expand
from fleet.models.fleetfile import FleetFile
from fleet.models.host import Host
from fleet.models.rollout import Cohort, RolloutHosts, RolloutSpec
from fleet.models.rollouts import HostKey
from fleet.policy.domains import form_domains

_WHOLE = 100.0


def in_scope(spec: RolloutSpec, host: Host) -> bool:
    """Whether a rollout is for a host at all. Raises ValueError for a malformed hostlist."""
    here = (not spec.clusters or host.cluster in spec.clusters) and (not spec.pools or host.pool in spec.pools)
    return here and (spec.hosts is None or fits(spec.hosts, host))


def phase_of(spec: RolloutSpec, frozen: int | None) -> int:
    """Index of a host's phase, by the cohort that it was frozen into: the last one for all others."""
    return len(spec.phases) - 1 if frozen is None else frozen


def next_cohort(
    spec: RolloutSpec,
    phase: int,
    domains: Sequence[Sequence[Host]],
    frozen: Mapping[HostKey, int],
) -> tuple[HostKey, ...]:
    """Hosts to freeze into a phase that opens; none for the last, which takes whoever is left.

    `domains` are the maintenance domains of every pool, as `cohort_domains` tells them. Sizes count the hosts that
    earlier phases took, and are rounded up to whole domains.
    """
    cohort = spec.phases[phase].cohort
    if cohort is None:
        return ()
    choice = [[h for h in domain if in_scope(spec, h) and chosen(cohort, h)] for domain in domains]
    hosts = [h for domain in choice for h in domain]
    need = _size(cohort, len(hosts)) - sum(1 for h in hosts if frozen.get(_key(h), phase) < phase)
    found: list[HostKey] = []
    for domain in sorted((d for d in choice if d), key=lambda d: _rank(spec.id, d)):
        if len(found) >= need:
            break
        found += [_key(h) for h in domain if _key(h) not in frozen]
    return tuple(found)


def cohort_domains(fleet: FleetFile, hosts: Mapping[str, Iterable[Host]]) -> list[list[Host]]:
    """The maintenance domains of every pool; `hosts` are the members by cluster."""
    found: list[list[Host]] = []
    for cluster in fleet.clusters:
        members = {h.name: h for h in hosts.get(cluster.name, ())}
        for pool in cluster.pools:
            its = [h for h in members.values() if h.pool == pool.name]
            found += [[members[n] for n in d.hosts] for d in form_domains(its, pool.domain, pool.replicas)]
    return found


def _size(cohort: Cohort, hosts: int) -> int:
    if cohort.count is not None:
        return min(cohort.count, hosts)
    return math.ceil(hosts * (cohort.percent or _WHOLE) / _WHOLE - 1e-9)


def chosen(cohort: Cohort, host: Host) -> bool:
    """Whether a phase may choose a host of its rollout. Raises ValueError for a malformed hostlist."""
    here = (not cohort.clusters or host.cluster in cohort.clusters) and (not cohort.pools or host.pool in cohort.pools)
    return here and (cohort.hosts is None or fits(cohort.hosts, host))


def fits(chosen: RolloutHosts, host: Host) -> bool:
    """Whether a host meets every criterion. Raises ValueError for a malformed hostlist."""
    return (
        (chosen.names is None or host.name in _named(chosen.names))
        and (chosen.feature is None or chosen.feature in host.features)
        and (chosen.model is None or chosen.model == host.model)
    )


@lru_cache(maxsize=256)
def _named(hostlist: str) -> frozenset[str]:
    return frozenset(expand(hostlist))


def _rank(rollout: str, domain: Sequence[Host]) -> bytes:
    """The least of its hosts' hashes: a host that joins or leaves seldom changes it."""
    return min(_hash(f"{rollout}\n{h.cluster}\n{h.name}") for h in domain)


@lru_cache(maxsize=131072)
def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _key(host: Host) -> HostKey:
    return host.cluster, host.name
