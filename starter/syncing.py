"""Reads a cluster's hosts from its scheduler and makes the pools' members be these: what `fleet sync` does."""

import time
from collections import Counter
from collections.abc import Mapping

from fleet.hostlist import compact
from fleet.models.audit import AuditEntry
from fleet.models.base import Moment
from fleet.models.fleetfile import Cluster
from fleet.models.host import Host
from fleet.models.messages import Command
from fleet.models.observation import Observation, ObservedHost
from fleet.policy.membership import assign
from fleet.policy.observing import observed_hosts
from fleet.policy.sets import standing
from fleet.ports.store import Store
from starter.hardware_models import with_models
from starter.session import hands


async def sync_cluster(store: Store, cluster: Cluster, asked: Command, dry_run: bool) -> list[str]:
    """Read, assign, write; what changed, in lines for people. Raises what drivers and `assign` raise, unwritten."""
    began = await store.clock()
    async with hands(cluster, store) as reach:
        view = await reach.scheduler.view(not_before=time.monotonic())
        known = {host.name: host for host in await store.hosts(cluster.name)}
        assigned = assign(cluster, view.nodes.values(), known, began)
        members, untold = await with_models(cluster, assigned, known, reach.hardware)
    seen = observed_hosts(members, view)
    lines = _told(cluster, known, members) + untold + _states(cluster, members, seen, began)
    if dry_run:
        return lines
    await store.sync_hosts(cluster.name, members, began)
    await store.record_observation(Observation(cluster=cluster.name, began_at=began, hosts=seen))
    await store.audit(
        AuditEntry(
            at=began,
            actor=asked.actor,
            action="fleet sync",
            subject=f"cluster {cluster.name}",
            reason=asked.reason,
            detail=f"{len(members)} hosts",
        )
    )
    return lines


def _told(cluster: Cluster, known: Mapping[str, Host], members: tuple[Host, ...]) -> list[str]:
    now_there = {m.name: m for m in members}
    groups = {
        "added": [n for n in now_there if n not in known],
        "removed": [n for n in known if n not in now_there],
        "moved to another pool": [n for n, m in now_there.items() if n in known and known[n].pool != m.pool],
        "replaced by another machine": [n for n, m in now_there.items() if n in known and known[n].since != m.since],
    }
    lines = [f"{cluster.name}: {what}: {compact(names)} ({len(names)})" for what, names in groups.items() if names]
    return lines or [f"{cluster.name}: no host added, removed or changed"]


def _states(cluster: Cluster, members: tuple[Host, ...], seen: dict[str, ObservedHost], began: Moment) -> list[str]:
    lines = []
    for pool in cluster.pools:
        its = [m for m in members if m.pool == pool.name]
        sets = [standing(m, seen[m.name], began, None, cluster.failed_reasons) for m in its]
        counts = Counter(s.set for s in sets)
        words = ", ".join(f"{count} {where}" for where, count in counts.items())
        lines.append(f"{cluster.name}/{pool.name}: {len(its)} hosts by the scheduler: {words}")
    return lines
