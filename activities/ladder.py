"""How a repair's ladder is told of: a rung's end noted and counted, and a person asked, with all there is to know."""

from collections.abc import Sequence

from activities import pages
from activities.counting import count_rung
from activities.deps import Deps
from activities.events import escalated
from fleet.models.ledger import LeaseHost
from fleet.models.messages import Command
from fleet.models.noticing import OpeningCause
from fleet.models.rungs import RungEnd, RungRecord
from fleet.models.work import HostWork, StepRecord
from fleet.policy.ladder import stands_still, try_stands_still


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
    pool = next((h.pool for h in await deps.store.hosts(lease.cluster) if h.name == lease.host), None)
    await deps.store.record_event(escalated(lease, pool, why, await deps.clock()))
    await deps.page(pages.needs_repair(lease, why, await past(deps, lease), rungs))


async def leave_to_person(deps: Deps, work: HostWork, said: Command) -> None:
    """Keep that a person has spoken: the ladder is over, and nobody has to be asked any more."""
    now = await deps.clock()
    person = RungRecord(
        cluster=work.cluster,
        pool=work.pool,
        host=work.host,
        operation=work.operation,
        attempt=work.tries,
        rung=None,
        category=None,
        reason=f"{said.actor}: {said.reason}",
        began=now,
    )
    await deps.store.end_ladder(person)
    await deps.store.first_time(work.operation, now)


async def ask_again(deps: Deps, lease: LeaseHost) -> None:
    """The page of a repair whose worker died before it was sent. None goes out for a host whose ladder climbs, but for
    one that stands still; nor for one that a person has, but for a try of theirs that does.
    """
    if await deps.store.claimed(lease.operation):
        await _ask_of_a_try(deps, lease)
        return
    repair, rungs = (await deps.cluster(lease.cluster)).repair, await deps.store.rungs(lease.operation)
    climbing = bool(repair.ladder.rungs) or await _is_verified_first(deps, lease, rungs)
    if not climbing or any(r.rung is None for r in rungs):
        await ask_person(deps, lease, lease.why)
        return
    why = stands_still(repair, rungs, lease.since, await deps.clock())
    if why:
        await deps.page(pages.stands_still(lease, why, len(rungs)))


async def _is_verified_first(deps: Deps, lease: LeaseHost, rungs: Sequence[RungRecord]) -> bool:
    """Whether a host that an outsider handed us is being looked at, in a cluster without a ladder."""
    opened = await deps.store.opened_repair(lease.operation)
    taken = opened is not None and opened.cause is OpeningCause.TAKEN_OVER
    return taken and all(rung.ended is None for rung in rungs)


async def _ask_of_a_try(deps: Deps, lease: LeaseHost) -> None:
    """The page of a person's own try that came no further for long, such as on a host that no scheduler lists."""
    tried = await deps.store.last_claim(f"tried/{lease.operation}.")
    if tried is None:
        return
    attempt = tried.removeprefix("tried/")
    if await deps.store.claimed(attempt):
        return  # people were told how it ended
    steps = await deps.store.steps(attempt)
    now = await deps.clock()
    since = await deps.store.first_claim(f"still/{attempt}/{len(steps)}", now)
    repair = (await deps.cluster(lease.cluster)).repair
    why = try_stands_still(repair, steps, since, now)
    if why:
        await deps.page(pages.try_stands_still(lease, why, attempt, len(steps)))


async def past(deps: Deps, lease: LeaseHost) -> tuple[StepRecord, ...]:
    """Evidence of what led to a repair and of each try since."""
    led = await deps.store.outcomes(lease.cluster, host=lease.host, limit=1)
    before = await deps.store.steps(led[0].operation) if led else ()
    return (*before, *(r for r in await deps.store.tried(lease.operation) if r not in before))
