"""What the book tells of a repair that begins, or goes on after its workflow was ended from outside."""

from activities.deps import Deps
from fleet import ids
from fleet.models.ladder import Ladder
from fleet.models.ledger import Counted
from fleet.models.noticing import OpenedRepair, OpeningCause
from fleet.models.work import Climb, HostWork, Outcome

MOST_OUTCOMES = 20
"""Outcomes of a host that are looked through for what led to its repair."""


async def origin_of(deps: Deps, work: HostWork, operation: str, opened: OpenedRepair | None) -> str:
    """What failed, also where a workflow that was ended from outside goes on with the repair; empty when that
    can't be told. Nothing of ours had failed where the repair was opened from outside: it is its own origin.
    """
    if opened is not None:
        return operation
    if work.operation != operation:
        return work.operation
    told = await deps.store.outcomes(work.cluster, host=work.host, limit=MOST_OUTCOMES)
    led = (o.operation for o in told if o.outcome is Outcome.HANDED_OVER and o.operation != operation)
    return next(led, "")


async def climb_of(deps: Deps, work: HostWork, operation: str, origin: str, opened: OpenedRepair | None) -> Climb:
    """Whether the ladder is climbed: where the cluster has one, unless this repair has come to its end before, or a
    person has spoken. Without the evidence of what failed no rung is chosen.
    """
    cluster = await deps.cluster(work.cluster)
    told = await deps.store.claimed(operation)
    asked = told or any(r.rung is None for r in await deps.store.rungs(operation))
    if asked or cluster.pool(work.pool) is None:
        return Climb.OFF
    if opened is not None:
        return _climb_of_opened(opened, cluster.repair.ladder)
    if not cluster.repair.ladder.rungs:
        return Climb.OFF
    return Climb.ON if origin else Climb.BARRED


def _climb_of_opened(opened: OpenedRepair, ladder: Ladder) -> Climb:
    """What an outsider hands us is verified first. What went down is of an unknown kind; while a health check's drain
    is on it, it is that check's to say that it is well again.
    """
    if opened.cause is OpeningCause.TAKEN_OVER:
        return Climb.ON
    return Climb.ON if ladder.unknown and not opened.hold else Climb.OFF


async def tries_of(deps: Deps, operation: str) -> int:
    """How often a workflow that was ended from outside tried this repair: each try has its own book."""
    tried = {r.operation.removeprefix(f"{operation}.") for r in await deps.store.tried(operation)}
    rungs = await deps.store.rungs(operation)
    return max((*(int(t) for t in tried if t.isdecimal()), *(r.attempt for r in rungs if r.rung)), default=0)


async def where_it_is(deps: Deps, work: HostWork) -> HostWork:
    """The work in the pool that the host is in by now: a load may have put it into another, and dropped the one that it
    was in, whose promises and verifications are not what it returns to. What is no member any more stays where it was.
    """
    cluster = await deps.cluster(work.cluster)
    pool = next((h.pool for h in await deps.store.hosts(work.cluster) if h.name == work.host), work.pool)
    return work if cluster.pool(pool) is None else work.model_copy(update={"pool": pool})


async def repair_of(deps: Deps, work: HostWork) -> str:
    """The host's repair under way, or else the id of its next one."""
    lease = await deps.store.lease(work.cluster, work.host)
    if lease is not None and lease.counted is Counted.FAILED:
        return lease.operation
    number = await deps.store.next_repair(work.cluster, work.host)
    return ids.repair_operation(work.cluster, work.host, number)
