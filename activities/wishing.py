"""What the hosts of a visit or repair are wanted to carry: the fleet file's word and the rollouts', read at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

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
    later: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Host: components that the stop leaves as they are, and who wants that."""

    def of(self, host: str, observed: Mapping[str, str]) -> WantedSet:
        """What a host with these versions should carry next."""
        if self.urgent:
            emergency, later = self.urgent[0].emergency, dict(self.later.get(host, {}))
            its = tuple(as_wanted(u) for u in self.urgent if u.component not in later)
            return WantedSet(wanted=its, waits=later, reason=f"by {emergency}")
        return wanted(self.cluster, self.pool, self.hosts.get(host), observed, self.rollouts)

    def lacking(self, observed: Mapping[str, str]) -> list[str]:
        """What a host with these versions is not known to carry of all that an emergency's stop is to bring."""
        return [f"{u.component} {u.version}" for u in self.urgent if observed.get(u.component) != u.version]


async def wishes_of(deps: Deps, cluster: Cluster, pool: Pool, hosts: Iterable[str]) -> Wishes:
    """Read once for all of these hosts."""
    facts = await deps.store.rollout_facts(cluster.name, hosts)
    members = await deps.store.hosts(cluster.name, pool.name) if facts.rollouts or facts.urgent else ()
    return Wishes(cluster, pool, {h.name: h for h in members}, facts)
