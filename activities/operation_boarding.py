"""What an operation does on each of the hosts that it was granted."""

import asyncio

from temporalio import activity

from activities.counting import count_outcome
from activities.deps import Deps, beating
from activities.failing import mapped
from activities.operation_word import known_operation
from fleet import ids
from fleet.errors import DriverError, StaleAttempt
from fleet.models.fleetfile import Cluster
from fleet.models.ledger import Counted, LeaseHost
from fleet.models.operation import Operation, OperationWork
from fleet.models.operation_messages import OperationBoard, OperationBoarded
from fleet.models.pool import Pool
from fleet.models.work import BoardAction, HostOutcome, HostWork, Outcome, Step
from fleet.policy.boarding import board
from fleet.policy.operation_steps import service_steps, wanted_by

PROBES = 16
"""Hosts whose versions are read at once."""


class OperationBoarding:
    """Activity `board_operation`."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps

    @activity.defn(name="board_operation")
    @mapped
    async def board_operation(self, order: OperationBoard) -> OperationBoarded:
        """The work on every host that the operation holds in a cluster and on which no workflow is under way; a host
        with nothing to do is released at once. Repeating it finds the same work.
        """
        async with beating():
            op = await known_operation(self.deps, order.operation)
            cluster = await self.deps.cluster(order.cluster)
            leases = [x for x in await self.deps.store.leases(op.id) if x.cluster == order.cluster]
            several = asyncio.Semaphore(PROBES)

            async def one(lease: LeaseHost) -> HostWork | str | None:
                async with several:
                    if await self.deps.engine.running(ids.host(cluster.name, lease.host)):
                        return lease.host
                    return await self._board(op, cluster, lease)

            planned = [lease for lease in leases if lease.counted is Counted.PLANNED]
            works = await asyncio.gather(*(one(lease) for lease in planned))
        running = tuple(found for found in works if isinstance(found, str))
        return OperationBoarded(works=tuple(w for w in works if isinstance(w, HostWork)), running=running)

    async def _board(self, op: Operation, cluster: Cluster, lease: LeaseHost) -> HostWork | None:
        known = await self.deps.store.work(lease.operation)
        if known is not None:
            return known
        member = next((h for h in await self.deps.store.hosts(cluster.name) if h.name == lease.host), None)
        pool = cluster.pool(member.pool) if member is not None else None
        if pool is None:
            await self._release(op, lease, "", Outcome.LEFT_OUT, "no member of a pool of the fleet file any more")
        steps = None if pool is None else await self._steps(op, cluster, pool, lease)
        if pool is None or steps is None:
            # What has boarded meanwhile is kept, and it is for us to have it begun: nobody heeds who boarded it late.
            return await self.deps.store.work(lease.operation)
        work = HostWork(
            cluster=cluster.name,
            pool=pool.name,
            host=lease.host,
            operation=lease.operation,
            visit=op.id,
            steps=steps,
        )
        await self.deps.store.save_work(work)
        return work

    async def _steps(self, op: Operation, cluster: Cluster, pool: Pool, lease: LeaseHost) -> tuple[Step, ...] | None:
        """The steps on a host; None when there is nothing to do on it, and it was released."""
        if op.spec.work is not OperationWork.UPGRADE:
            return service_steps(op.spec, cluster, pool)
        try:
            versions = await self.deps.reach(cluster.name).hardware.versions(lease.host)
        except DriverError as error:
            await self._release(op, lease, pool.name, Outcome.LEFT_OUT, f"its versions can't be read: {error}")
            return None
        await self.deps.store.record_versions(cluster.name, lease.host, versions, await self.deps.clock())
        entries = await self.deps.store.matrix(cluster.name)
        found = board(cluster, pool, versions, entries, wanted_by(op.id, op.spec))
        if found.action is BoardAction.VISIT:
            return found.steps
        current = found.action is BoardAction.CURRENT
        await self._release(op, lease, pool.name, Outcome.CURRENT if current else Outcome.LEFT_OUT, found.reason)
        return None

    async def _release(self, op: Operation, lease: LeaseHost, pool: str, outcome: Outcome, reason: str) -> None:
        now = await self.deps.clock()
        row = HostOutcome(
            cluster=lease.cluster,
            pool=pool,
            host=lease.host,
            operation=lease.operation,
            visit=op.id,
            outcome=outcome,
            reason=reason,
            at=now,
        )
        try:
            await self.deps.store.release(lease.cluster, lease.host, lease.operation, row, now, unless_boarded=True)
        except StaleAttempt as late:
            activity.logger.warning(f"{lease.host} is not let go ({reason}): {late}")
            return
        count_outcome(row)
