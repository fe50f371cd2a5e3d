"""The invariants that can be read off the facts, as numbers that must be zero while all is well."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from fleet import ids
from fleet.models.base import Fact
from fleet.models.facts import LedgerFacts
from fleet.models.host import HostSet, Standing
from fleet.models.pool import Pool
from fleet.policy.limits import Limits, in_force, limits
from fleet.policy.replica_groups import group_of
from fleet.policy.sets import JUST_RELEASED

SETTLING = timedelta(minutes=1)
"""A lease younger than this at the look may still be writing its reason over the last one's."""


class Breaches(Fact):
    """How many hosts break each invariant."""

    contract: int = 0
    """Out by plan beyond their pool's planned buffer, or what an audited override makes of it."""
    holder: int = 0
    """Leased to one operation of ours and drained by another."""
    ownerless: int = 0
    """Leased, and no workflow looks after them any more."""
    orphan_drains: int = 0
    """Drained by us with no lease."""
    replicas: int = 0
    """Out by plan in more replica groups of a pool than may have hosts out at once."""
    job_facing_drift: int = 0
    """In production with another version than the pinned one, as last observed."""


def breaches(
    facts: LedgerFacts,
    where: Mapping[str, Standing],
    ownerless: int,
    versions: Mapping[str, Mapping[str, str]],
    pins: Mapping[str, str],
) -> Breaches:
    """Count over one look. `where` is every counted host's standing, `versions` those last observed, by host."""
    return Breaches(
        contract=sum(_beyond_buffer(facts, where, pool) for pool in facts.pools),
        holder=sum(_drained_for_another(facts, name) for name in facts.leases),
        ownerless=ownerless,
        orphan_drains=sum(_orphan(facts, standing) for standing in where.values()),
        replicas=sum(_beyond_groups(facts, where, pool) for pool in facts.pools),
        job_facing_drift=sum(
            standing.set is HostSet.UP and _drifted(versions.get(name, {}), pins) for name, standing in where.items()
        ),
    )


def below_floor(facts: LedgerFacts, where: Mapping[str, Standing], pool: Pool) -> int:
    """Hosts that a pool lacks to its floor. No breach by itself: failures may take hosts that no grant would."""
    sets = _sets(facts, where, pool)
    return max(0, _limits(facts, pool, len(sets)).floor - sets.count(HostSet.UP))


def _beyond_buffer(facts: LedgerFacts, where: Mapping[str, Standing], pool: Pool) -> int:
    sets = _sets(facts, where, pool)
    return max(0, sets.count(HostSet.PLANNED) - _limits(facts, pool, len(sets)).planned_buffer)


def _beyond_groups(facts: LedgerFacts, where: Mapping[str, Standing], pool: Pool) -> int:
    """Hosts out by plan in other groups than those that may have hosts out; a pin switch may have all of them."""
    if pool.replicas is None or any(o.whole and o.holds(facts.now) for o in facts.overrides):
        return 0
    planned = (
        facts.hosts[n] for n, s in where.items() if s.set is HostSet.PLANNED and facts.hosts[n].pool == pool.name
    )
    groups = Counter(group_of(host, pool.replicas) for host in planned)
    return sum(count for _, count in groups.most_common()[pool.replicas.at_once :])


def _limits(facts: LedgerFacts, pool: Pool, members: int) -> Limits:
    return in_force(limits(pool, members), facts.overrides, facts.now, pool.name)


def _sets(facts: LedgerFacts, where: Mapping[str, Standing], pool: Pool) -> list[HostSet]:
    return [standing.set for name, standing in where.items() if facts.hosts[name].pool == pool.name]


def _drain_of_ours(facts: LedgerFacts, name: str) -> str | None:
    """Operation in the drain's reason, when it is one of ours."""
    seen = facts.observation.hosts.get(name) if facts.observation else None
    node = seen.node if seen else None
    owned = ids.owned_reason(node.reason) if node is not None and node.draining else None
    return owned[1] if owned else None


def _drained_for_another(facts: LedgerFacts, name: str) -> bool:
    lease, operation = facts.leases[name], _drain_of_ours(facts, name)
    if operation is None or facts.observation is None:
        return False
    return operation != lease.operation and lease.since + SETTLING < facts.observation.began_at


def _orphan(facts: LedgerFacts, standing: Standing) -> bool:
    ours = _drain_of_ours(facts, standing.host) is not None
    return ours and standing.host not in facts.leases and standing.reason != JUST_RELEASED


def _drifted(versions: Mapping[str, str], pins: Mapping[str, str]) -> bool:
    return any(versions.get(component, version) != version for component, version in pins.items())
