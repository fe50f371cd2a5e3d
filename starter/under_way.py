"""What a new fleet file may not take away: pools and pins that work under way stands on."""

from fleet.hostlist import compact
from fleet.models.facts import LedgerFacts
from fleet.models.fleetfile import Cluster, FleetFile
from fleet.models.ledger import Counted
from fleet.ports.store import Store
from starter.session import now

Found = tuple[str, str]
"""The place in the fleet file, and what was expected there."""


async def hindrances(store: Store, before: FleetFile, after: FleetFile) -> list[Found]:
    """Why `after` can't follow `before` now; empty when it may. Read just before the load, not with it at once."""
    found: list[Found] = []
    for cluster in before.clusters:
        facts, then = await store.facts(cluster.name, now()), after.cluster(cluster.name)
        for pool in cluster.pools:
            if then is None or then.pool(pool.name) is None:
                found += await _dropped(store, facts, cluster, pool.name)
        if then is not None and then.pins != cluster.pins:
            found += _pins(facts, cluster)
    return found


async def _dropped(store: Store, facts: LedgerFacts, cluster: Cluster, pool: str) -> list[Found]:
    """A pool that goes, or goes by another name: its leases and visits would have no promises any more."""
    train = await store.train_facts(cluster.name, pool, now())
    held = [h for h in facts.leases if h not in facts.hosts or facts.hosts[h].pool == pool]
    what = [f"lease on {compact(held)}"] if held else []
    what += [visit.replace("/", " ", 1) for visit in (train.open_visits if train else ())]
    if not what:
        return []
    wanted = f"expected the pool to stay while work is under way ({', '.join(what)}); stop its train, let visits end, "
    return [(f"clusters.{cluster.name}.pools.{pool}", f"{wanted}repair or decommission its hosts, then load")]


def _pins(facts: LedgerFacts, cluster: Cluster) -> list[Found]:
    """Hosts that are out by plan boarded for the pins of their day; under others they could not return."""
    out = [name for name, lease in facts.leases.items() if lease.counted is Counted.PLANNED]
    if not out:
        return []
    wanted = f"expected the same pins while hosts are out by plan ({compact(out)}); stop the train, wait for them"
    return [(f"clusters.{cluster.name}.pins", f"{wanted}, then load")]
