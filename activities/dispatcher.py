"""The dispatcher's deeds: observe, settle, and write what stop signals brought."""

from collections import Counter
from datetime import timedelta

from temporalio import activity

from activities import pages
from activities.announcing import announce_stops
from activities.avoidance_looks import AvoidanceLooks
from activities.deps import Deps, beating
from activities.failing import mapped
from activities.handovers import look_at_handovers, take_back
from activities.invariants import measure_invariants
from activities.job_ends import JobEnds
from activities.ladder import ask_again
from activities.left_reservations import end_left_reservations
from activities.looking import look
from activities.noticing import MOST_AT_ONCE, back, nobody_asks, notice_losses, unbegun
from activities.noting import note_look
from activities.operations import lost_operations as lost_operations_of
from activities.operations import open_operation, settle_over_clusters
from activities.stop_orders import put_in_force
from fleet import ids
from fleet.models.facts import LedgerFacts
from fleet.models.fleetfile import Cluster
from fleet.models.host import Standing
from fleet.models.ledger import Counted, LeaseHost, WaitKind
from fleet.models.messages import ClusterInput, HandOver, Observed, Settled, StopCommand
from fleet.models.observation import SetCounts
from fleet.models.work import HostWork
from fleet.policy.grants import settle
from fleet.policy.limits import Limits, in_force, limits
from fleet.policy.owners import undrained, unowned, vanished
from fleet.policy.sets import standings
from fleet.policy.turns import in_turn
from fleet.view import ledger_view

EMERGENCY_LOOKS = timedelta(seconds=2)
"""Pause between looks while an emergency has hosts to take: what was just released is had once it was seen."""
TOLD_AT_ONCE = 500
"""Holders that one settling has told: work that takes nobody out may be granted by the thousands."""
TOLD_EVERY = timedelta(seconds=5)


class Dispatching:
    """Activities `observe`, `settle` and `write_stop`."""

    def __init__(self, deps: Deps, told_at_once: int = TOLD_AT_ONCE, begun_at_once: int = MOST_AT_ONCE) -> None:
        self.deps, self._job_ends, self._avoidances = deps, JobEnds(deps), AvoidanceLooks(deps)
        self._told_at_once, self._begun_at_once = told_at_once, begun_at_once

    @activity.defn(name="observe")
    @mapped
    async def observe(self, order: ClusterInput) -> Observed:
        """Read the scheduler into the five sets, check that every lease's holder exists, page what nobody owns."""
        async with beating():
            cluster = await self.deps.cluster(order.cluster)
            await self._look(order.cluster)
            facts = await self.deps.store.facts(order.cluster, await self.deps.clock())
            where = standings(facts)
            counts = _limits(facts)
            lost_switches = await self._lost_switches(order.cluster)
            lost_operations = await lost_operations_of(self.deps, facts)
            noticed = await notice_losses(self.deps, cluster, facts, where)
            await take_back(self.deps, facts)
            opened = await self.deps.store.opened_repairs(order.cluster)
            begin = await unbegun(self.deps, opened)
            ownerless = await self._ownerless(facts, (*lost_switches, *lost_operations), {o.work.host for o in begin})
            returned = await back(self.deps, facts, opened)
            given = await look_at_handovers(self.deps, facts)
            await self._page(facts, nobody_asks(noticed))
            await end_left_reservations(self.deps, facts)
            await self.deps.page_again()
            self._measure(facts, where)
            await note_look(self.deps, cluster, facts, where)
            await announce_stops(self.deps, cluster, facts, where)
            await measure_invariants(self.deps, facts, where, len(ownerless))
            return Observed(
                next_look_seconds=self._next_look(cluster, facts).total_seconds(),
                ledger=ledger_view(facts, where, counts),
                ownerless=in_turn(ownerless, self._begun_at_once, facts.now, cluster.observe_every),
                undrained=tuple(h for h in undrained(facts, await self._held(facts)) if h not in returned),
                lost_switches=lost_switches,
                lost_operations=lost_operations,
                opened=in_turn(begin, self._begun_at_once, facts.now, cluster.observe_every),
                back=returned,
                given=given,
                lost_emergencies=await self._lost_emergencies(order.cluster),
            )

    async def _held(self, facts: LedgerFacts) -> frozenset[str]:
        """Operation ids of hosts that outsiders have in hands, or are about to have."""
        operations = {lease.holder for lease in facts.leases.values() if ids.op_of(lease.holder) is not None}
        return frozenset().union(*[await self.deps.store.held_for_outsider(op) for op in sorted(operations)])

    def _next_look(self, cluster: Cluster, facts: LedgerFacts) -> timedelta:
        """On the cluster's cadence, and sooner while an emergency waits for what a look tells."""
        urgent = any(not one.startswith(ids.LARGE) for one in facts.urgent.values())
        return min(cluster.observe_every, EMERGENCY_LOOKS) if urgent else cluster.observe_every

    async def _lost_emergencies(self, cluster: str) -> tuple[str, ...]:
        """Emergencies that are not over, or have a stop that has not ended, and that have lost their workflow: they are
        taken up again from their rows.
        """
        unfinished = await self.deps.store.unfinished_emergencies(cluster)
        return tuple([e for e in unfinished if not await self.deps.engine.running(e)])

    async def _look(self, cluster: str) -> None:
        seen = await look(self.deps, cluster)
        if seen is not None:
            await self._job_ends.note(cluster, *seen)
            await self._avoidances.look(cluster, *seen)

    async def _lost_switches(self, cluster: str) -> tuple[str, ...]:
        """Pin switches that have yet to end and have lost their workflow: they are taken up again from their rows."""
        unfinished = await self.deps.store.open_pin_switches(cluster)
        return tuple([s.id for s in unfinished if not await self.deps.engine.running(s.id)])

    async def _ownerless(self, facts: LedgerFacts, taken_up: tuple[str, ...], begin: set[str]) -> tuple[HandOver, ...]:
        """Hosts whose holder is gone. A visit that runs answers for all its hosts, and so does whatever is taken up
        again, such as an operation, by its first cluster; repairs that are to `begin` have had no holder yet.

        Leases are read again after the engine was asked: one that ended meanwhile was released, not lost.
        """
        asked_at, running = await self.deps.clock(), dict[str, bool]()
        for holder in sorted({lease.holder for lease in facts.leases.values()}):
            running[holder] = (
                holder in taken_up or await self.deps.engine.running(holder) or await open_operation(self.deps, holder)
            )
        for lease in facts.leases.values():
            if not running[lease.holder]:
                host = ids.host(lease.cluster, lease.host)
                running[host] = await self.deps.engine.running(host)
        if all(running.values()):
            return ()
        facts = await self.deps.store.facts(facts.cluster, await self.deps.clock())
        gone = {o.host: o for o in vanished(facts.leases.values(), running, asked_at) if o.host not in begin}
        return tuple(
            HandOver(work=self._work(facts, facts.leases[host]), reason=gone[host].reason) for host in sorted(gone)
        )

    def _work(self, facts: LedgerFacts, lease: LeaseHost) -> HostWork:
        host = facts.hosts.get(lease.host)
        return HostWork(
            cluster=lease.cluster,
            pool=host.pool if host else "unknown",
            host=lease.host,
            operation=lease.operation,
        )

    async def _page(self, facts: LedgerFacts, looked_after: frozenset[str]) -> None:
        for standing in (s for s in unowned(facts) if s.host not in looked_after):
            await self.deps.page(pages.nobodys(facts.cluster, standing, facts.hosts[standing.host].released_at))
        overriding = {override.holder for override in facts.overrides if override.whole}
        for lease in facts.leases.values():
            if lease.counted is Counted.FAILED:
                await ask_again(self.deps, lease)
            elif lease.holder not in overriding and lease.expected_end is not None and lease.expected_end < facts.now:
                seen = facts.observation.hosts.get(lease.host) if facts.observation is not None else None
                await self.deps.page(pages.late(lease, seen.node if seen is not None else None))
        for override in facts.overrides:  # one page for a whole cluster, and not one a host
            if override.until is not None and override.until <= facts.now:
                await self.deps.page(pages.override_over(facts.cluster, override))
        for pool, autostop in facts.autostops.items():
            if autostop.stopped:
                await self.deps.page(pages.train_paused(facts.cluster, pool, autostop))

    def _measure(self, facts: LedgerFacts, where: dict[str, Standing]) -> None:
        meter = activity.metric_meter()
        hosts = meter.create_gauge("maintrain_hosts", "Hosts by set")
        bounds = meter.create_gauge("maintrain_limit_hosts", "Planned buffer, failure buffer, floor and members")
        stopped = meter.create_gauge("maintrain_autostop", "1 while a pool's autostop is in force")
        for pool in facts.pools:
            labels = {"cluster": facts.cluster, "pool": pool.name}
            sets = [s.set for s in where.values() if facts.hosts[s.host].pool == pool.name]
            for name, value in SetCounts.of(sets).model_dump().items():
                hosts.set(value, {**labels, "set": name})
            held_to = in_force(limits(pool, len(sets)), facts.overrides, facts.now, pool.name)
            for name, value in held_to.model_dump().items():
                bounds.set(value, {**labels, "limit": name})
            autostop = facts.autostops.get(pool.name)
            stopped.set(int(autostop is not None and autostop.stopped), labels)

    @activity.defn(name="settle")
    @mapped
    async def settle(self, order: ClusterInput) -> Settled:
        """Decide over every waiting request and commit it in one transaction; whom to tell of a grant."""
        async with beating():
            settlement = await self.deps.store.settle(order.cluster, None, settle)
            if any(wait.kind is WaitKind.PARTNER for wait in settlement.waits):
                await settle_over_clusters(self.deps, order.cluster)
            granted = sorted({r.holder for r in await self.deps.store.unacknowledged(order.cluster)})
            told = in_turn(granted, self._told_at_once, await self.deps.clock(), TOLD_EVERY)
        waits = activity.metric_meter().create_gauge("maintrain_waiting_requests", "Requests that wait, by what for")
        counts = Counter(w.kind for w in settlement.waits)
        for kind in WaitKind:
            waits.set(counts[kind], {"cluster": order.cluster, "reason": kind})
        return Settled(holders=told, waiting=len(settlement.waits))

    @activity.defn(name="write_stop")
    @mapped
    async def write_stop(self, command: StopCommand) -> tuple[str, ...]:
        """Put a signal's stop, freeze or resume in force as a row; the pools whose trains are to be told."""
        cluster = await self.deps.cluster(command.cluster)
        pools = tuple(p.name for p in cluster.pools if command.pool in (None, p.name))
        info = activity.info()
        async with beating():
            await put_in_force(self.deps, command, f"order/{info.workflow_run_id}/{info.activity_id}/{command.verb}")
        return pools


def _limits(facts: LedgerFacts) -> dict[str, Limits]:
    members = [h.pool for h in facts.hosts.values() if not h.decommissioned]
    promised = {pool.name: limits(pool, members.count(pool.name)) for pool in facts.pools}
    return {name: in_force(limit, facts.overrides, facts.now, name) for name, limit in promised.items()}
