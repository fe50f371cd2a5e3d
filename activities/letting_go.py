"""Hosts that a visit was granted and does not begin on: let go at once, each with its outcome."""

from collections.abc import Sequence

from activities.counting import count_outcome
from activities.deps import Deps
from fleet import ids
from fleet.errors import StaleAttempt
from fleet.models.ledger import LeaseHost
from fleet.models.messages import VisitInput
from fleet.models.work import EndCause, HostOutcome, HostWork, Outcome
from fleet.policy.visiting import not_here


async def still_here(deps: Deps, visit: VisitInput, leases: Sequence[LeaseHost]) -> tuple[LeaseHost, ...]:
    """Leases on hosts that are the pool's yet. A load may have put some into another pool since they were asked for,
    where there was room for them; those are let go, but for one that has boarded: it ends as it began.
    """
    members = {host.name: host for host in await deps.store.hosts(visit.cluster)}
    gone = {lease.host: why for lease in leases if (why := not_here(members.get(lease.host), visit.pool))}
    let_go = {host for host, why in gone.items() if await unboarded(deps, visit, host, Outcome.LEFT_OUT, why) is None}
    return tuple(lease for lease in leases if lease.host not in let_go)


async def unboarded(
    deps: Deps, visit: VisitInput, host: str, outcome: Outcome, reason: str, cause: EndCause | None = None
) -> HostWork | None:
    """Let go of a host on which nothing is to board; what has boarded on it by now, and then it is kept: whoever stood
    still finds it in the hands of another attempt.
    """
    operation = ids.operation(visit.visit, host)
    known = await deps.store.work(operation)
    if known is not None:
        return known
    try:
        await release(deps, visit, host, outcome, reason, cause, unless_boarded=True)
    except StaleAttempt:
        return await deps.store.work(operation)
    return None


async def release(
    deps: Deps,
    visit: VisitInput,
    host: str,
    outcome: Outcome,
    reason: str,
    cause: EndCause | None = None,
    *,
    unless_boarded: bool = False,
) -> None:
    """End the lease on a host that was not touched, with what became of it."""
    if outcome is Outcome.LEFT_OUT and ids.emergency_of(visit.visit) is None:
        await deps.store.add_left_out(visit.visit, {host: reason})
    row = HostOutcome(
        cluster=visit.cluster,
        pool=visit.pool,
        host=host,
        operation=ids.operation(visit.visit, host),
        visit=visit.visit,
        outcome=outcome,
        cause=cause,
        reason=reason,
        at=await deps.clock(),
    )
    at = await deps.clock()
    await deps.store.release(visit.cluster, host, row.operation, row, at, unless_boarded=unless_boarded)
    count_outcome(row)
