"""Handovers between us and outsiders: looked at by the dispatcher, ended by the repair that gives its host away."""

from temporalio import activity

from activities import handover_pages
from activities.counting import count_outcome
from activities.deps import Deps, beating
from activities.failing import mapped
from activities.holding import held_by
from activities.ladder import end_rung
from fleet import ids
from fleet.errors import DriverError, LeaseLost, Refused, StaleAttempt, StepFailed
from fleet.models.base import Moment
from fleet.models.facts import LedgerFacts
from fleet.models.handover import Handover, HandoverDeed, HandoverState, HandoverStep, HandoverWay
from fleet.models.messages import Command
from fleet.models.rungs import LADDER, RungEnd
from fleet.models.work import HostWork, Outcome, StepOrder
from fleet.policy.handover import given_back, names, next_step
from fleet.ports.fence import Fence


class GivingAway:
    """Activity `give_away`."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps

    @activity.defn(name="give_away")
    @mapped
    async def give_away(self, work: HostWork) -> bool:
        """End the repair of a host that an outsider has by now, lease and all; False when it is ours still.

        Repeating it finds what it did.
        """
        async with beating():
            asked = await self.deps.store.handover(work.cluster, work.host)
            if asked is None or asked.operation != work.operation or asked.way is not HandoverWay.GIVE:
                return False
            step = await self.deps.store.end_handover(asked.id, await self.deps.clock(), next_step)
            if step.deed is not HandoverDeed.END:
                return False
            # The next one too: it may have been decided, and not begun, when the word came.
            await end_rung(self.deps, work.operation, work.tries + 1, RungEnd.WITHDRAWN, step.reason)
            told = await self.deps.store.outcomes(work.cluster, host=work.host, limit=1)
            if told and told[0].outcome is Outcome.GIVEN_AWAY:
                count_outcome(told[0])
        return True


async def look_at_handovers(deps: Deps, facts: LedgerFacts) -> tuple[str, ...]:
    """Bring every handover under way one step on; hosts whose repairs are to end, since the outsider has them.

    A scheduler that refuses holds up nothing: the next look tries again, and people are told past the deadline.
    """
    theirs = []
    for asked in await deps.store.handovers(facts.cluster):
        step = next_step(asked, facts.leases.get(asked.host), facts.observation, facts.failed_reasons, facts.now)
        if step.late:
            await deps.page(handover_pages.handover_late(asked, step))
        if step.deed is HandoverDeed.REWRITE:
            await _rewrite(deps, asked, step)
        elif step.deed is HandoverDeed.END and asked.way is HandoverWay.GIVE:
            theirs.append(asked.host)
        elif step.deed in (HandoverDeed.END, HandoverDeed.WITHDRAW):
            ended = await deps.store.end_handover(asked.id, await deps.clock(), next_step)
            if ended.deed is HandoverDeed.WITHDRAW:
                await deps.page(handover_pages.handover_void(asked, ended))
    return tuple(theirs)


async def take_back(deps: Deps, facts: LedgerFacts) -> None:
    """Repairs for hosts that came back from an outsider without a handover: they were failed when we let them go."""
    if given_back(facts):
        await deps.store.take_back(facts.cluster, await deps.clock())


async def _rewrite(deps: Deps, asked: Handover, step: HandoverStep) -> None:
    """Make the drain's reason that of whoever gets the host, if the one that was found is on it still."""
    ours = ids.drain_reason(ids.REPAIR, asked.operation)
    work = HostWork(cluster=asked.cluster, pool=asked.pool, host=asked.host, operation=asked.operation)
    scheduler, fence = deps.reach(asked.cluster).scheduler, held_by(deps, work, asked.operation)
    try:
        if step.found is None:  # nobody holds it: it must be drained before it can pass to anybody
            await scheduler.rewrite_reason(asked.host, ours, ours, fence)
            return
        target = asked.theirs if asked.way is HandoverWay.GIVE else ours
        await scheduler.replace_hold(asked.host, step.found, target, fence)
    except (DriverError, LeaseLost, StaleAttempt) as error:  # its repair has ended meanwhile: the next look sees that
        activity.logger.warning(f"the hold on {asked.host} can't pass yet: {error}")


async def unless_given(deps: Deps, work: HostWork, said: Command, since: Moment) -> None:
    """A repair begins no try of a host that is being given away. A person's word, said at `since`, calls back what was
    asked before it and the outsider has not acknowledged. Raises `Refused` when the host is theirs, or about to be.
    """
    asked = await giving(deps, work.cluster, work.host, work.operation)
    if asked is None:
        return
    spoke_after = said.actor != LADDER and asked.asked_at <= since
    if spoke_after and await deps.store.withdraw_handover(asked.id, said, await deps.clock()):
        return
    raise Refused(f"{work.host} is given to {asked.outsider}: {asked.reason}")


async def unless_taken(deps: Deps, order: StepOrder, hold: str = "") -> None:
    """What an outsider says they have, or has under a drain of theirs (the `hold` on it), returns by no try that began
    before: it would come back from them without being verified. Raises `StepFailed`: it stays in repair.
    """
    asked = await giving(deps, order.cluster, order.host, order.operation) if order.repair else None
    if asked is None:
        return
    if asked.state is HandoverState.ACKNOWLEDGED or hold == asked.theirs or names(hold, asked.outsider):
        raise StepFailed(f"{order.host} has passed, and is {asked.outsider}'s by now: {asked.reason}")


def unless_taken_meanwhile(deps: Deps, order: StepOrder, fence: Fence) -> Fence:
    """The fence of a return, which also refuses what an outsider has by now: to lift a drain may take very long."""

    async def check() -> None:
        await unless_taken(deps, order)
        await fence()

    return check


async def giving(deps: Deps, cluster: str, host: str, operation: str) -> Handover | None:
    """The handover under way by which a repair gives its host away."""
    asked = await deps.store.handover(cluster, host)
    if asked is None or asked.state.over or asked.way is not HandoverWay.GIVE or asked.operation != operation:
        return None
    return asked
