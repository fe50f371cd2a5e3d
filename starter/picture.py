"""One cluster's ledger as people look at it: which set every host is in, what each pool counts against its promises,
who holds what and why each request waits. Read from the store alone, so it needs no Temporal.
"""

from dataclasses import dataclass
from typing import Any

from fleet.models.facts import LedgerFacts
from fleet.models.fleetfile import FleetFile
from fleet.models.host import Standing
from fleet.models.observation import SetCounts
from fleet.models.pool import Pool
from fleet.policy.limits import Limits, in_force, limits
from fleet.policy.sets import standings
from fleet.ports.store import Store
from starter.show import dump


@dataclass(frozen=True)
class PoolPicture:
    """A pool's hosts by set, beside its promises."""

    pool: Pool
    limits: Limits
    counts: SetCounts


@dataclass(frozen=True)
class Picture:
    """One cluster at one moment."""

    facts: LedgerFacts
    standings: dict[str, Standing]
    pools: tuple[PoolPicture, ...]

    @property
    def seen_seconds(self) -> float | None:
        """Age of the last good observation; None before the first."""
        seen = self.facts.observation
        return (self.facts.now - seen.began_at).total_seconds() if seen else None

    def plain(self) -> dict[str, Any]:
        """The picture as plain values, for `--json`."""
        facts, seen = self.facts, self.facts.observation
        return {
            "cluster": facts.cluster,
            "at": facts.now.isoformat(),
            "observed_seconds_ago": self.seen_seconds,
            "observation_error": seen.error if seen else "",
            "pools": [
                {
                    "pool": p.pool.name,
                    "limits": dump(p.limits),
                    "counts": dump(p.counts),
                    "autostop": facts.autostops.get(p.pool.name),
                    "breaker": facts.breakers.get(p.pool.name),
                }
                for p in self.pools
            ],
            "stops": [dump(s) for s in facts.stops],
            "overrides": [dump(o) for o in facts.overrides],
            "urgent": facts.urgent,
            "leases": [dump(facts.leases[host]) for host in sorted(facts.leases)],
            "waiting": [dump(r) for r in facts.requests],
            "hosts": [dump(self.standings[host]) for host in sorted(self.standings)],
        }


async def picture(store: Store, fleet: FleetFile, cluster: str) -> Picture:
    """Read a cluster's ledger."""
    facts = await store.facts(cluster, await store.clock())
    found = standings(facts)
    configured = fleet.cluster(cluster)
    pools = []
    for pool in configured.pools if configured else facts.pools:
        members = [n for n, host in facts.hosts.items() if host.pool == pool.name and not host.decommissioned]
        counts = SetCounts.of([found[name].set for name in members])
        held_to = in_force(limits(pool, len(members)), facts.overrides, facts.now, pool.name)
        pools.append(PoolPicture(pool=pool, limits=held_to, counts=counts))
    return Picture(facts=facts, standings=found, pools=tuple(pools))
