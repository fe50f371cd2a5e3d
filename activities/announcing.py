"""After each look, where a cluster wants it: its scheduler is told of the next stop of each train."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from temporalio import activity

from activities.deps import Deps
from fleet.errors import DriverError
from fleet.models.announcement import Announcement
from fleet.models.emergency import OPEN_STATES
from fleet.models.facts import LedgerFacts
from fleet.models.fleetfile import Announce, Cluster
from fleet.models.host import HostSet, Standing
from fleet.models.pool import Pool
from fleet.policy.announcing import large_announced, next_announced, switch_announced
from fleet.ports.fence import open_fence

LEAD = timedelta(minutes=1)
"""Beside two looks: how far ahead an announcement is kept of the moment at which it would hold."""


SWITCH = "every_host_of_the_cluster_for_its_pin_switch"
LARGE = "next_hosts_of_the_large_scale_maintenance"
"""Longer than a pool's name may be."""


async def announce_stops(deps: Deps, cluster: Cluster, facts: LedgerFacts, where: Mapping[str, Standing]) -> None:
    """Make the scheduler's announcements be those of now. One that fails is logged: jobs lose a warning, no more."""
    if cluster.announce is not Announce.RESERVATION:
        return
    plans: dict[str, Announcement] = {}
    for pool in facts.pools:
        autostop = facts.autostops.get(pool.name)
        if autostop is not None and autostop.stopped:
            continue
        up = {s.host for s in where.values() if s.set is HostSet.UP and facts.hosts[s.host].pool == pool.name}
        plan = await _next(deps, cluster, pool.name, up)
        if plan is not None:
            plans[pool.name] = plan
    switch = await _switch(deps, cluster, {s.host for s in where.values() if s.set is HostSet.UP})
    if switch is not None:
        plans[SWITCH] = switch
    large = await _large(deps, cluster, facts.pools, {s.host for s in where.values() if s.set is HostSet.UP})
    if large is not None:
        plans[LARGE] = large
    try:
        # No fence: what another look of ours announces meanwhile, the next one corrects.
        await deps.reach(cluster.name).scheduler.announce(plans, open_fence)
    except DriverError as error:
        activity.logger.warning(f"the next stops in {cluster.name} are not announced: {error}")


async def _next(deps: Deps, cluster: Cluster, pool: str, up: set[str]) -> Announcement | None:
    train = await deps.store.train_facts(cluster.name, pool, await deps.clock())
    if train is None:
        return None
    found = [await deps.store.visit(visit) for visit in train.open_visits]
    visits = {visit.id: visit for visit in found if visit is not None}
    return next_announced(train, visits, up, LEAD + 2 * cluster.observe_every)


async def _switch(deps: Deps, cluster: Cluster, up: set[str]) -> Announcement | None:
    switch = await deps.store.last_pin_switch(cluster.name)
    if switch is None:
        return None
    return switch_announced(switch, up, await deps.clock(), LEAD + 2 * cluster.observe_every)


async def _large(deps: Deps, cluster: Cluster, pools: Sequence[Pool], up: set[str]) -> Announcement | None:
    """Of the one large-scale maintenance that a cluster has at a time."""
    found = await deps.store.emergencies(cluster.name)
    large = next((e for e in found if e.spec.plan is not None and e.state in OPEN_STATES), None)
    if large is None:
        return None
    hosts = await deps.store.emergency_hosts(large.id)
    return large_announced(large, hosts, pools, up, await deps.clock(), LEAD + 2 * cluster.observe_every)
