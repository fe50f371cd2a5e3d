"""The emergency by which an offboarded rollout is rolled back at once: named after it, on the hosts that carry it, and
never beyond what their pools promise.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Sequence

from fleet import ids
from fleet.hostlist import compact
from fleet.models.base import Moment
from fleet.models.emergency import Emergency, EmergencyHost, EmergencySpec, EmergencyState, EmergencyUpgrade
from fleet.models.fleetfile import Cluster
from fleet.models.host import Host
from fleet.models.rollout import RolloutHosts
from fleet.models.rollouts import Rollout
from fleet.policy.emergency_hosts import emergency_hosts
from fleet.policy.limits import limits

_READABLE = 26
"""Letters of the rollout's id that are kept; the digest tells rollouts apart, and the whole is a name."""
_MOST = 1000


def emergency_of_rollout(rollout_id: str, cluster: str) -> str:
    """Id of the emergency that takes a rollout back in a cluster."""
    plain = re.sub(r"[^a-z0-9]+", "-", rollout_id.lower())[:_READABLE].strip("-")
    return ids.emergency(cluster, f"back-{plain}-{hashlib.sha256(rollout_id.encode()).hexdigest()[:8]}")


def taking_back(
    rollout: Rollout, cluster: Cluster, members: Sequence[Host], carrying: Collection[str], actor: str, now: Moment
) -> tuple[Emergency, tuple[EmergencyHost, ...]]:
    """The emergency, and a row for each of the hosts `carrying`. It is as wide as the pools' planned buffers let it be:
    it names no override, so that buffers, floors and drain policies hold as for a train. What it brought does not stay
    wanted: rollouts that waited for this one go on with its hosts.
    """
    id_ = emergency_of_rollout(rollout.id, cluster.name)
    back = EmergencyUpgrade(component=rollout.spec.component, roll_back=rollout.id)
    named = {"name": id_.rpartition("/")[2], "cluster": cluster.name, "upgrades": (back,), "stays": False}
    every = emergency_hosts(EmergencySpec(**named), cluster, members, {})
    rows = tuple(row for row in every if row.host in set(carrying))
    spec = EmergencySpec(
        **named, hosts=RolloutHosts(names=compact(row.host for row in rows)), width=_width(cluster, members, rows)
    )
    return Emergency(
        id=id_,
        spec=spec,
        targets={rollout.spec.component: rollout.spec.prior},
        state=EmergencyState.RUNNING,
        reason="just started",
        started_at=now,
        started_by=actor,
        why=f"{rollout.id} was offboarded and is rolled back at once: {rollout.reason}",
        changed_at=now,
    ), rows


def _width(cluster: Cluster, members: Sequence[Host], rows: Sequence[EmergencyHost]) -> int:
    """Domains at once: what the roomiest pool's planned buffer holds of its largest one."""
    widest = 1
    for pool in cluster.pools:
        domains = Counter(row.domain for row in rows if row.pool == pool.name)
        if domains:
            its = sum(host.pool == pool.name and not host.decommissioned for host in members)
            widest = max(widest, limits(pool, its).planned_buffer // max(domains.values()))
    return min(widest, _MOST)
