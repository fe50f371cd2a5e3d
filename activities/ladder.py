"""How a repair's ladder is told of: a rung's end noted and counted, and a person asked, with all there is to know."""

from activities import pages
from activities.counting import count_rung
from activities.deps import Deps
from fleet.models.ledger import LeaseHost
from fleet.models.rungs import RungEnd
from fleet.models.work import StepRecord


async def end_rung(deps: Deps, operation: str, up_to: int, end: RungEnd, said: str) -> None:
    """Close a repair's open rung, if it has one that began a try up to `up_to`."""
    ended = await deps.store.end_rung(operation, up_to, end, said, await deps.clock())
    if ended is not None:
        count_rung(ended)


async def ask_person(deps: Deps, lease: LeaseHost, why: str) -> None:
    """Page that a host in repair needs a person, once for a repair, with the evidence and the rungs climbed."""
    if await deps.store.claimed(lease.operation):
        return
    rungs = await deps.store.rungs(lease.operation)
    await deps.page(pages.needs_repair(lease, why, await past(deps, lease), rungs))


async def ask_again(deps: Deps, lease: LeaseHost) -> None:
    """The page of a repair whose worker died before it was sent. None goes out for a host whose ladder climbs."""
    if await deps.store.claimed(lease.operation):
        return
    climbs = (await deps.cluster(lease.cluster)).repair.ladder.rungs
    if climbs and all(r.rung is not None for r in await deps.store.rungs(lease.operation)):
        return
    await ask_person(deps, lease, lease.why)


async def past(deps: Deps, lease: LeaseHost) -> tuple[StepRecord, ...]:
    """Evidence of what led to a repair and of each try since."""
    led = await deps.store.outcomes(lease.cluster, host=lease.host, limit=1)
    before = await deps.store.steps(led[0].operation) if led else ()
    return (*before, *(r for r in await deps.store.tried(lease.operation) if r not in before))
