"""What the hosts of a visit or repair are wanted to carry: the fleet file's word and the rollouts', read at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from activities.deps import Deps
from fleet.models.emergency import Urgent
from fleet.models.fleetfile import Cluster
from fleet.models.host import Host
from fleet.models.pool import Pool
from fleet.models.rollouts import RolloutFacts, WantedSet
from fleet.models.work import Boarding
from fleet.policy.emergency_wish import as_wanted
from fleet.policy.wanted import wanted


@dataclass(frozen=True)
class Wishes:
    """Of one pool's hosts."""

    cluster: Cluster
    pool: Pool
    hosts: Mapping[str, Host]
    rollouts: RolloutFacts
    urgent: tuple[Urgent, ...] = ()
    """Of an emergency's stop: all that is wanted."""
    service: Boarding | None = None
    """Of a large-scale maintenance without upgrades: what every host gets."""

    def of(self, host: str, observed: Mapping[str, str]) -> WantedSet:
        """What a host with these versions should carry next."""
        if self.urgent:
            emergency = self.urgent[0].emergency
            return WantedSet(wanted=tuple(as_wanted(u) for u in self.urgent), reason=f"by {emergency}")
        return wanted(self.cluster, self.pool, self.hosts.get(host), observed, self.rollouts)


async def wishes_of(deps: Deps, cluster: Cluster, pool: Pool, hosts: Iterable[str]) -> Wishes:
    """Read once for all of these hosts."""
    facts = await deps.store.rollout_facts(cluster.name, hosts)
    members = await deps.store.hosts(cluster.name, pool.name) if facts.rollouts or facts.urgent else ()
    return Wishes(cluster, pool, {h.name: h for h in members}, facts)
