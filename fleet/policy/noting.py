"""What a look adds to what reports are made from: each pool's counts with their causes, and the hosts that are out."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from fleet.models.facts import LedgerFacts
from fleet.models.host import HostSet, Standing
from fleet.models.observation import SetCounts
from fleet.models.report import Out, PoolSpan
from fleet.policy.limits import in_force, limits
from fleet.policy.report import cause_of
from fleet.policy.sets import JUST_RELEASED


class Noted(NamedTuple):
    """Counts by pool, and who is out by host."""

    pools: dict[str, PoolSpan]
    outs: dict[str, Out]


def noted(facts: LedgerFacts, where: Mapping[str, Standing]) -> Noted:
    """What is to be noted of a look. A host that was just released is out for nothing; the next look tells."""
    members: dict[str, list[Standing]] = {pool.name: [] for pool in facts.pools}
    outs: dict[str, Out] = {}
    for host, standing in where.items():
        pool = facts.hosts[host].pool
        members.setdefault(pool, []).append(standing)
        if standing.set is HostSet.UP or standing.reason == JUST_RELEASED:
            continue
        lease = facts.leases.get(host)
        since = None if lease is None else lease.since
        outs[host] = Out(pool=pool, cause=_cause(facts, standing), since=since)
    seen = facts.observation is not None and not facts.observation.error
    pools = {}
    for promised in facts.pools:
        its = members[promised.name]
        limit = limits(promised, len(its))
        pools[promised.name] = PoolSpan(
            since=facts.now,
            until=facts.now,
            counts=SetCounts.of([s.set for s in its]),
            planned_buffer=limit.planned_buffer,
            failure_buffer=limit.failure_buffer,
            floor=limit.floor,
            overridden=in_force(limit, facts.overrides, facts.now, promised.name) != limit,
            seen=seen,
            causes=dict(Counter(_cause(facts, s) for s in its if s.set is not HostSet.UP)),
        )
    return Noted(pools, outs)


def _cause(facts: LedgerFacts, standing: Standing) -> str:
    return cause_of(standing.set, standing.owner, standing.host in facts.leases)
