"""Whether a visit is to meet visits of other pools: it follows a call, or calls others, by the aligned rollouts."""

from temporalio import activity

from activities.deps import Deps
from fleet import ids
from fleet.errors import Unreachable
from fleet.models.facts import LedgerFacts, TrainFacts
from fleet.models.joint import Joint, Place
from fleet.models.ledger import Request
from fleet.models.messages import VisitInput
from fleet.models.rollouts import Rollout
from fleet.policy.joint import called, joint_of
from fleet.policy.meeting import is_aligned, joining_of


async def joint_for(deps: Deps, visit: VisitInput, waiting: Request | None, facts: LedgerFacts) -> Joint | None:
    """The meeting that the visit's request is part of, `waiting` being what it asked before; None for a visit alone."""
    place = Place(pool=visit.pool, domain=visit.domain)
    before = waiting.joint if waiting is not None else None
    if before is not None and facts.now < before.until:
        return before
    call = called(place, facts.requests, facts.now)
    if call is not None or waiting is not None:
        return call or before
    rollouts = [r for r in await deps.store.rollouts() if is_aligned(r, visit.cluster)]
    for rollout in sorted(rollouts, key=lambda r: (-r.spec.priority, r.started_at, r.id)):
        found = await _call(deps, visit, place, facts, rollout)
        if found is not None:
            return found
    return None


async def tell_partners(deps: Deps, visit: VisitInput, joint: Joint | None) -> None:
    """Wake the trains that this visit calls, if it does; said again with each look at its request."""
    if joint is None or joint.key != visit.visit:
        return
    for partner in joint.partners:
        if partner != joint.place:
            train = ids.train(visit.cluster, partner.pool)
            try:
                await deps.engine.wake(train)
            except Unreachable as error:
                activity.logger.warning(f"{train} was not told that {joint.key} waits for it: {error}")


async def _call(deps: Deps, visit: VisitInput, place: Place, facts: LedgerFacts, rollout: Rollout) -> Joint | None:
    frozen, versions = await deps.store.cohort(rollout.id), await deps.store.versions(visit.cluster)
    topology = (await deps.cluster(visit.cluster)).topology
    joining = joining_of(rollout, facts, await _trains(deps, facts), frozen, versions, {place}, topology).get(place)
    if joining is None:
        return None
    activity.logger.info(f"{visit.visit} by {rollout.id}: {joining.reason}")
    return joint_of(joining, visit.visit, rollout.id, facts.now)


async def _trains(deps: Deps, facts: LedgerFacts) -> list[TrainFacts]:
    """Facts of the cluster's trains that run."""
    found = []
    for pool in facts.pools:
        train = await deps.store.train_facts(facts.cluster, pool.name, facts.now)
        if train is not None and await deps.engine.running(ids.train(facts.cluster, pool.name)):
            found.append(train)
    return found
