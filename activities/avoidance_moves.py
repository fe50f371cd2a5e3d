"""What was granted follows its hosts: where the fleet file has put some into another pool, that pool's train is asked
for the time that is left, and what was granted in a pool without any of its hosts, or that is gone, ends and says so.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256

from temporalio import activity

from fleet import ids
from fleet.errors import InvalidInput, Refused
from fleet.models.avoidance import Avoidance, AvoidanceAsk, AvoidanceChange, AvoidanceState
from fleet.models.host import Host
from fleet.policy.avoidance import offer
from fleet.ports.store import Store

MAINTRAIN = "maintrain"


async def follow_moves(store: Store, cluster: str, rows: Sequence[Avoidance]) -> None:
    """Ask the pools that hosts of these standing avoidances have come to; repeating it changes nothing."""
    members = {host.name: host for host in await store.hosts(cluster) if not host.decommissioned}
    for row in rows:
        try:
            await _follow(store, row, members)
        except (InvalidInput, Refused) as error:
            activity.logger.warning(f"avoidance {row.id} does not follow its hosts: {error}")


async def revoke_gone(store: Store, cluster: str, pool: str) -> None:
    """Take back what stands in a pool that the fleet file no longer has."""
    at = await store.clock()
    rows = [r for r in await store.avoidances_since(cluster, at) if r.ask.pool == pool and r.stands(at)]
    state, why = AvoidanceState.REVOKED, f"taken back: the pool is gone, the fleet file has no {pool} in {cluster}"
    changes = [AvoidanceChange(id=row.id, state=state, reason=why) for row in rows]
    await store.change_avoidances(cluster, changes, MAINTRAIN, at)


async def _follow(store: Store, row: Avoidance, members: Mapping[str, Host]) -> None:
    pools: dict[str, list[str]] = {}
    for name in row.ask.hosts:
        if name in members:
            pools.setdefault(members[name].pool, []).append(name)
    stays = pools.pop(row.ask.pool, [])
    if not pools:
        if not stays:
            why = "taken back: none of its hosts is a member of a pool any more"
            gone = AvoidanceChange(id=row.id, state=AvoidanceState.REVOKED, reason=why)
            await store.change_avoidances(row.ask.cluster, [gone], MAINTRAIN, await store.clock())
        return
    asks = [_moved(row, pool, hosts) for pool, hosts in sorted(pools.items())]
    # Its job may have hosts there already: one grant keeps them all.
    answers = [await store.ask_avoidance(ask, await store.clock(), offer, joins=True) for ask in asks]
    if stays:
        return
    kept = all(answer.until is not None for answer in answers)
    told = "; ".join(f"{answer.ask.pool}: {answer.reason}" for answer in answers)
    state = AvoidanceState.ENDED if kept else AvoidanceState.REVOKED
    change = AvoidanceChange(id=row.id, state=state, reason=f"its hosts have another pool now; {told}")
    await store.change_avoidances(row.ask.cluster, [change], MAINTRAIN, await store.clock())


def _moved(row: Avoidance, pool: str, hosts: Sequence[str]) -> AvoidanceAsk:
    """The same request to another train, under a key that tells which hosts came to it."""
    key = sha256(f"{row.id} {','.join(sorted(hosts))}".encode()).hexdigest()[:24]
    ask = row.ask
    changes = {"id": ids.avoidance(ask.source.value, f"{ask.cluster}/moved-{key}", pool), "pool": pool}
    return ask.model_copy(update={**changes, "hosts": tuple(sorted(hosts)), "until": row.until or ask.until})
