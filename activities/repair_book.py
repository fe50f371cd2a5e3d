"""What the book tells of a repair that begins, or goes on after its workflow was ended from outside."""

from activities.deps import Deps
from fleet import ids
from fleet.models.ledger import Counted
from fleet.models.work import Climb, HostWork, Outcome

MOST_OUTCOMES = 20
"""Outcomes of a host that are looked through for what led to its repair."""


async def origin_of(deps: Deps, work: HostWork, operation: str) -> str:
    """What failed, also where a workflow that was ended from outside goes on with the repair; empty when that
    can't be told.
    """
    if work.operation != operation:
        return work.operation
    told = await deps.store.outcomes(work.cluster, host=work.host, limit=MOST_OUTCOMES)
    led = (o.operation for o in told if o.outcome is Outcome.HANDED_OVER and o.operation != operation)
    return next(led, "")


async def climb_of(deps: Deps, work: HostWork, operation: str, origin: str) -> Climb:
    """Whether the ladder is climbed: where the cluster has one, unless this repair has come to its end before, or a
    person has spoken. Without the evidence of what failed no rung is chosen.
    """
    cluster = await deps.cluster(work.cluster)
    told = await deps.store.claimed(operation)
    asked = told or any(r.rung is None for r in await deps.store.rungs(operation))
    if asked or not cluster.repair.ladder.rungs or cluster.pool(work.pool) is None:
        return Climb.OFF
    return Climb.ON if origin else Climb.BARRED


async def tries_of(deps: Deps, operation: str) -> int:
    """How often a workflow that was ended from outside tried this repair: each try has its own book."""
    tried = {r.operation.removeprefix(f"{operation}.") for r in await deps.store.tried(operation)}
    rungs = await deps.store.rungs(operation)
    return max((*(int(t) for t in tried if t.isdecimal()), *(r.attempt for r in rungs if r.rung)), default=0)


async def repair_of(deps: Deps, work: HostWork) -> str:
    """The host's repair under way, or else the id of its next one."""
    lease = await deps.store.lease(work.cluster, work.host)
    if lease is not None and lease.counted is Counted.FAILED:
        return lease.operation
    number = await deps.store.next_repair(work.cluster, work.host)
    return ids.repair_operation(work.cluster, work.host, number)
