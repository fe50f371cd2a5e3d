"""What the dispatcher's look makes of hosts that went down in production: repairs opened, begun, and ended early."""

from collections.abc import Mapping

from temporalio import activity

from activities import handover_pages
from activities.deps import Deps
from fleet.models.facts import LedgerFacts
from fleet.models.fleetfile import Cluster
from fleet.models.handover import HandoverWay
from fleet.models.host import HostSet, Standing
from fleet.models.ledger import LeaseHost
from fleet.models.messages import HandOver
from fleet.models.noticing import Noticed, NoticeFacts, OpenedRepair
from fleet.models.work import HostWork
from fleet.policy.coming_back import is_back
from fleet.policy.noticing import notice

MOST_AT_ONCE = 200
"""Repairs that one look has begun: its answer stays small, and the next looks have the others begun."""
OFF = Noticed(reason="losses open no repairs in this cluster")
NOTHING = Noticed(reason="no host is lost")


async def notice_losses(deps: Deps, cluster: Cluster, facts: LedgerFacts, where: Mapping[str, Standing]) -> Noticed:
    """Open repairs on hosts that went down in production, as the fleet file lets us; tell people of a breaker."""
    rule, known = cluster.repair.notice, await deps.store.losses(cluster.name)
    tripped = any(state.tripped for state in facts.breakers.values())
    failed = any(s.set is HostSet.FAILED and s.host not in facts.leases for s in where.values())
    if rule is False:
        if known:
            await deps.store.forget_losses(cluster.name)
        return OFF
    noticed = NOTHING
    if known or failed or tripped:
        noticed = await deps.store.notice(cluster.name, rule, await deps.clock(), _decide)
    gauge = activity.metric_meter().create_gauge("maintrain_breaker", "1 while a pool's breaker keeps repairs shut")
    for pool in facts.pools:
        state = noticed.breakers.get(pool.name)
        gauge.set(int(state is not None and state.tripped), {"cluster": cluster.name, "pool": pool.name})
        if state is not None and state.tripped:
            down = [host for host, loss in noticed.losses.items() if loss.pool == pool.name and not loss.operation]
            await deps.page(handover_pages.breaker_tripped(cluster.name, pool.name, state, len(down)))
    return noticed


def _decide(facts: NoticeFacts) -> Noticed:
    return notice(facts)


def nobody_asks(noticed: Noticed) -> frozenset[str]:
    """Hosts that are out without an owner and of which people need not be told: they have a repair, or soon will."""
    return frozenset((*noticed.waiting, *(opening.host for opening in noticed.opens)))


async def unbegun(deps: Deps, opened: tuple[OpenedRepair, ...]) -> tuple[HandOver, ...]:
    """Opened repairs whose host was not handed over to them yet: rows come first, and a crash leaves no more."""
    return tuple([_as_handover(o) for o in opened if not await deps.store.claimed(begun_key(o.operation))])


async def back(deps: Deps, facts: LedgerFacts, opened: tuple[OpenedRepair, ...]) -> tuple[str, ...]:
    """Hosts that are back by a look that began under their repair, and to which no repair has done anything.

    One that is to be given away is not: its repair begins nothing, so that its missing drain is put back instead.
    """
    look = facts.observation
    if look is None or look.error or not opened:
        return ()
    leaving = {h.operation for h in await deps.store.handovers(facts.cluster) if h.way is HandoverWay.GIVE}
    found = []
    for repair in (r for r in opened if r.operation not in leaving):
        seen, lease = look.hosts.get(repair.host), facts.leases.get(repair.host)
        if look.began_at <= repair.at or seen is None or not is_back(repair, seen.node) or _other(lease, repair):
            continue
        if not await deps.store.rungs(repair.operation) and await deps.store.claimed(begun_key(repair.operation)):
            found.append(repair.host)
    return tuple(sorted(found))


def begun_key(operation: str) -> str:
    """Claimed once a repair's host is handed over to it."""
    return f"begun/{operation}"


def _other(lease: LeaseHost | None, repair: OpenedRepair) -> bool:
    return lease is None or lease.operation != repair.operation


def _as_handover(opened: OpenedRepair) -> HandOver:
    work = HostWork(cluster=opened.cluster, pool=opened.pool, host=opened.host, operation=opened.operation)
    return HandOver(work=work, reason=opened.reason)
